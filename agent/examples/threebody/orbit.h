/* orbit: three equal masses that pull at each other, integrated with the fourth-order Hermite scheme (Makino
 * and Aarseth 1992) and one time step for all, which is a factor eta times the shortest time in which a pair
 * could meet. What eta should be changes along the way: close encounters need small steps, the rest of the
 * time they are wasted.
 *
 * Units: G = 1, the whole mass (3 solar masses) = 1, 1 AU = 1. */
#ifndef THREEBODY_ORBIT_H
#define THREEBODY_ORBIT_H

#include <stdint.h>

enum { BODIES = 3, ORBIT_STEPS = 100 };

struct orbit {
    double x[BODIES][2], v[BODIES][2], a[BODIES][2], j[BODIES][2];
    double time, energy; /* energy: of the start */
    double meeting;      /* fourth power of the shortest time in which a pair could meet */
    int64_t steps;       /* integrator steps so far */
};

/* Positions as NumPy's generator draws them from this seed. */
void orbit_start(struct orbit *o, uint32_t seed);
/* Goes on for a tenth of a year. Returns the relative error of the energy. */
double orbit_advance(struct orbit *o, double eta);
double orbit_error(const struct orbit *o);
double orbit_meeting(const struct orbit *o); /* shortest time in which a pair could meet, in units of a step
                                                of a tenth of a year */

#endif
