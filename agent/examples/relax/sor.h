/* sor: the linear systems of Learning to Relax (Khodak, Chow, Balcan, Talwalkar, ICLR 2024, section 5) solved by
 * successive over-relaxation: (A0 + c I) x = b with A0 the 5-point Laplacian on a 10 x 10 grid. */
#ifndef RELAX_SOR_H
#define RELAX_SOR_H

#include "base/rng.h"

enum { SOR_GRID = 10, SOR_N = SOR_GRID * SOR_GRID, SOR_MAX = 10000 };

/* Iterations until the residual's 2-norm has fallen by the factor tol, starting from x = 0; at most SOR_MAX. */
int sor_solve(double shift, const double b[SOR_N], double omega, double tol);
/* The optimal omega of SOR theory for this shift: 1 + (beta / (1 + sqrt(1 - beta^2)))^2. */
double sor_optimal(double shift);
/* One system of the sequence: shift -0.15 + 0.6 Beta(a, b), right-hand side N(0, I) no longer than sqrt(n). */
double sor_draw(struct rng *rng, double beta_a, double beta_b, double b[SOR_N]);

#endif
