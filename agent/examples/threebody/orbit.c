#include "orbit.h"

#include <math.h>
#include <string.h>

static const double MASS = 1.0 / BODIES, KM_S = 29.784692; /* speed of the earth: 2 pi AU a year */
static const double STEP =
    0.1 * 2 * M_PI * 1.7320508075688772; /* a tenth of a year; its unit is 1 / (2 pi sqrt 3) years */

/* ---- NumPy's legacy generator: MT19937 (Matsumoto and Nishimura 1998) ---- */

struct twister {
    uint32_t s[624];
    int at;
};

static void twister_seed(struct twister *t, uint32_t seed)
{
    t->s[0] = seed;
    for (uint32_t i = 1; i < 624; i++)
        t->s[i] = 1812433253U * (t->s[i - 1] ^ t->s[i - 1] >> 30) + i;
    t->at = 624;
}

static uint32_t twister_next(struct twister *t)
{
    if (t->at == 624) {
        for (int i = 0; i < 624; i++) {
            uint32_t y = (t->s[i] & 0x80000000U) | (t->s[(i + 1) % 624] & 0x7fffffffU);
            t->s[i] = t->s[(i + 397) % 624] ^ y >> 1 ^ (y & 1 ? 0x9908b0dfU : 0);
        }
        t->at = 0;
    }
    uint32_t y = t->s[t->at++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680U;
    y ^= y << 15 & 0xefc60000U;
    return y ^ y >> 18;
}

static double twister_uniform(struct twister *t, double low, double high)
{
    uint32_t a = twister_next(t) >> 5, b = twister_next(t) >> 6;
    return low + (high - low) * (a * 67108864.0 + b) / 9007199254740992.0;
}

/* ---- forces ---- */

/* Accelerations and jerks at these positions and velocities; returns the fourth power of the shortest meeting
 * time: without forces (r / v) or from rest (r^6 / M^2). */
static double forces(const double x[BODIES][2], const double v[BODIES][2], double a[BODIES][2],
                     double j[BODIES][2])
{
    double shortest = INFINITY;
    memset(a, 0, BODIES * sizeof a[0]);
    memset(j, 0, BODIES * sizeof j[0]);
    for (int i = 0; i < BODIES; i++)
        for (int k = i + 1; k < BODIES; k++) {
            double rx = x[k][0] - x[i][0], ry = x[k][1] - x[i][1], vx = v[k][0] - v[i][0],
                   vy = v[k][1] - v[i][1];
            double r2 = rx * rx + ry * ry, v2 = vx * vx + vy * vy, rv = (rx * vx + ry * vy) / r2 * 3;
            double pull = MASS / (r2 * sqrt(r2)), jx = pull * (vx - rv * rx), jy = pull * (vy - rv * ry);
            a[i][0] += pull * rx;
            a[i][1] += pull * ry;
            a[k][0] -= pull * rx;
            a[k][1] -= pull * ry;
            j[i][0] += jx;
            j[i][1] += jy;
            j[k][0] -= jx;
            j[k][1] -= jy;
            shortest = fmin(shortest, fmin(r2 * r2 / (v2 * v2), r2 * r2 * r2 / (4 * MASS * MASS)));
        }
    return shortest;
}

static double energy(const struct orbit *o)
{
    double e = 0;
    for (int i = 0; i < BODIES; i++) {
        e += 0.5 * MASS * (o->v[i][0] * o->v[i][0] + o->v[i][1] * o->v[i][1]);
        for (int k = i + 1; k < BODIES; k++)
            e -= MASS * MASS / hypot(o->x[k][0] - o->x[i][0], o->x[k][1] - o->x[i][1]);
    }
    return e;
}

double orbit_error(const struct orbit *o)
{
    return fabs((energy(o) - o->energy) / o->energy);
}

double orbit_meeting(const struct orbit *o)
{
    return sqrt(sqrt(o->meeting)) / STEP;
}

/* ---- time ---- */

void orbit_start(struct orbit *o, uint32_t seed)
{
    struct twister t;
    double speed = 10 / (KM_S * sqrt(BODIES)), mean[2][2] = {{0}};
    memset(o, 0, sizeof *o);
    twister_seed(&t, seed);
    o->x[1][0] = twister_uniform(&t, 5, 20);
    o->x[1][1] = twister_uniform(&t, 0, 10);
    o->x[2][0] = twister_uniform(&t, 0, -10);
    o->x[2][1] = twister_uniform(&t, 5, 20);
    o->v[0][1] = speed;
    o->v[1][0] = -speed;
    for (int i = 0; i < BODIES; i++)
        for (int d = 0; d < 2; d++) {
            mean[0][d] += o->x[i][d] / BODIES;
            mean[1][d] += o->v[i][d] / BODIES;
        }
    for (int i = 0; i < BODIES; i++)
        for (int d = 0; d < 2; d++) {
            o->x[i][d] -= mean[0][d];
            o->v[i][d] -= mean[1][d];
        }
    o->energy = energy(o);
    o->meeting = forces(o->x, o->v, o->a, o->j);
}

/* Predict, evaluate, correct; the next step starts from the forces at the prediction. */
static void hermite(struct orbit *o, double dt)
{
    double x[BODIES][2], v[BODIES][2], a[BODIES][2], j[BODIES][2];
    for (int i = 0; i < BODIES; i++)
        for (int d = 0; d < 2; d++) {
            x[i][d] = o->x[i][d] + dt * (o->v[i][d] + dt / 2 * (o->a[i][d] + dt / 3 * o->j[i][d]));
            v[i][d] = o->v[i][d] + dt * (o->a[i][d] + dt / 2 * o->j[i][d]);
        }
    o->meeting = forces(x, v, a, j);
    for (int i = 0; i < BODIES; i++)
        for (int d = 0; d < 2; d++) {
            double before = o->v[i][d];
            o->v[i][d] += dt / 2 * (o->a[i][d] + a[i][d]) + dt * dt / 12 * (o->j[i][d] - j[i][d]);
            o->x[i][d] += dt / 2 * (before + o->v[i][d]) + dt * dt / 12 * (o->a[i][d] - a[i][d]);
            o->a[i][d] = a[i][d];
            o->j[i][d] = j[i][d];
        }
    o->time += dt;
    o->steps++;
}

double orbit_advance(struct orbit *o, double eta)
{
    double end = o->time + STEP;
    while (o->time < end) {
        double dt = eta * sqrt(sqrt(o->meeting));
        hermite(o, fmin(dt, end - o->time));
        if (end - o->time < 1e-12)
            o->time = end;
    }
    return orbit_error(o);
}
