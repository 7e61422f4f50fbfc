/* heat: the heat equation of Learning to Relax: u_t = c(t) Laplace(u) + f on the unit square, Crank-Nicolson in time, every
 * step one symmetric system solved by conjugate gradients with an SSOR preconditioner whose omega the bandit chooses. */
#ifndef RELAX_HEAT_H
#define RELAX_HEAT_H

struct heat;

struct heat *heat_new(int nx); /* (nx - 1)^2 unknowns; NULL when memory is short */
void heat_free(struct heat *h);
/* Diffusion coefficient at the middle of the next step: what a contextual policy may look at. */
double heat_context(const struct heat *h);
/* Advances one step of 1e-3 from the last solution; returns the conjugate-gradient iterations. omega 0: no preconditioner. */
int heat_step(struct heat *h, double omega);

#endif
