#include "heat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double DT = 1e-3, TOL = 1e-8;
enum { MAX_ITER = 10000 };

struct heat {
    int nx, m;       /* m = nx - 1 unknowns a side */
    int w;           /* m + 2: a frame of zeros */
    long step;
    double off;      /* the matrix is diag on the diagonal and -off beside it */
    double diag;
    double *u, *b, *r, *z, *p, *q;
};

static double diffusion(double t)
{
    return fmax(0.1 * sin(2 * M_PI * t), -10 * sin(2 * M_PI * t));
}

static double bump(double x, double y, double cx, double cy, double radius)
{
    double d2 = ((x - cx) * (x - cx) + (y - cy) * (y - cy)) / (radius * radius);
    return d2 >= 1 ? 0 : exp(1 - 1 / (1 - d2));
}

static size_t at(const struct heat *h, int i, int j)
{
    return (size_t)i * (size_t)h->w + (size_t)j;
}

struct heat *heat_new(int nx)
{
    struct heat *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->nx = nx;
    h->m = nx - 1;
    h->w = nx + 1;
    size_t n = (size_t)h->w * (size_t)h->w;
    double **all[] = {&h->u, &h->b, &h->r, &h->z, &h->p, &h->q};
    for (int i = 0; i < 6; i++)
        if (!(*all[i] = calloc(n, sizeof(double)))) {
            heat_free(h);
            return NULL;
        }
    for (int i = 1; i <= h->m; i++)
        for (int j = 1; j <= h->m; j++)
            h->u[at(h, i, j)] = bump((double)i / nx, (double)j / nx, 0.5, 0.5, 0.25);
    return h;
}

void heat_free(struct heat *h)
{
    if (!h)
        return;
    free(h->u);
    free(h->b);
    free(h->r);
    free(h->z);
    free(h->p);
    free(h->q);
    free(h);
}

double heat_context(const struct heat *h)
{
    return diffusion(((double)h->step + 0.5) * DT);
}

/* out = diag * v - off * (neighbours of v) */
static void apply(const struct heat *h, double diag, double off, const double *v, double *out)
{
    for (int i = 1; i <= h->m; i++)
        for (int j = 1; j <= h->m; j++) {
            size_t k = at(h, i, j), w = (size_t)h->w;
            out[k] = diag * v[k] - off * (v[k - w] + v[k + w] + v[k - 1] + v[k + 1]);
        }
}

static double dot(const struct heat *h, const double *a, const double *b)
{
    double s = 0;
    for (int i = 1; i <= h->m; i++)
        for (int j = 1; j <= h->m; j++)
            s += a[at(h, i, j)] * b[at(h, i, j)];
    return s;
}

/* z = P^-1 r with P = X' D^-1 X / (omega (2 - omega)), X = D + omega L: first X' (backward), then X (forward). */
static void precondition(const struct heat *h, double omega)
{
    size_t w = (size_t)h->w;
    double k1 = omega * h->off, scale = omega * (2 - omega);
    if (omega == 0) {
        memcpy(h->z, h->r, w * w * sizeof *h->z);
        return;
    }
    for (int i = h->m; i >= 1; i--)
        for (int j = h->m; j >= 1; j--) {
            size_t k = at(h, i, j);
            h->z[k] = (scale * h->r[k] + k1 * (h->z[k + w] + h->z[k + 1])) / h->diag;
        }
    for (int i = 1; i <= h->m; i++)
        for (int j = 1; j <= h->m; j++) {
            size_t k = at(h, i, j);
            h->z[k] = h->z[k] + k1 * (h->z[k - w] + h->z[k - 1]) / h->diag;
        }
}

static void right_hand_side(struct heat *h)
{
    double t = ((double)h->step + 0.5) * DT, lap = diffusion(t) * DT / 2 * h->nx * h->nx;
    double cx = 0.5 + cos(16 * M_PI * t) / 4, cy = 0.5 + sin(16 * M_PI * t) / 4;
    h->off = lap;
    h->diag = 1 + 4 * lap;
    apply(h, 1 - 4 * lap, -lap, h->u, h->b);
    for (int i = 1; i <= h->m; i++)
        for (int j = 1; j <= h->m; j++)
            h->b[at(h, i, j)] += DT * 32 * bump((double)i / h->nx, (double)j / h->nx, cx, cy, 0.125);
}

static void axpy(const struct heat *h, double a, const double *x, double *y)
{
    for (int i = 1; i <= h->m; i++)
        for (int j = 1; j <= h->m; j++)
            y[at(h, i, j)] += a * x[at(h, i, j)];
}

int heat_step(struct heat *h, double omega)
{
    right_hand_side(h);
    apply(h, h->diag, h->off, h->u, h->q);
    for (size_t k = 0; k < (size_t)h->w * (size_t)h->w; k++)
        h->r[k] = h->b[k] - h->q[k];
    double limit = TOL * sqrt(dot(h, h->b, h->b)), rz_old = 0;
    int iterations = 0;
    while (iterations < MAX_ITER && sqrt(dot(h, h->r, h->r)) > limit) {
        precondition(h, omega);
        double rz = dot(h, h->r, h->z), beta = iterations ? rz / rz_old : 0;
        for (int i = 1; i <= h->m; i++)
            for (int j = 1; j <= h->m; j++)
                h->p[at(h, i, j)] = h->z[at(h, i, j)] + beta * h->p[at(h, i, j)];
        apply(h, h->diag, h->off, h->p, h->q);
        double alpha = rz / dot(h, h->p, h->q);
        axpy(h, alpha, h->p, h->u);
        axpy(h, -alpha, h->q, h->r);
        rz_old = rz;
        iterations++;
    }
    h->step++;
    return iterations;
}
