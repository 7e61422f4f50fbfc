/* replicate: whether the next run is better spent on another seed of a trial that has finished or on a new trial.
 *
 * The knowledge gradient for ranking and selection with independent normal beliefs (Frazier, Powell and Dayanik 2008,
 * "A knowledge-gradient policy for sequential information collection", SIAM J. Control Optim. 47). Losses are minimised.
 *
 *   noise    sigma^2 = sum of squares within trials / degrees of freedom, pooled over all trials with several values. While it has
 *            fewer than REPLICATE_FREEDOM degrees the leader (lowest mean) gets the next runs: the noise has to be learned once.
 *            Noise that is exactly 0 ends the matter: no value would ever change.
 *   prior    N(m, tau^2) of what a proposal reaches, from the newest REPLICATE_RECENT trials: their median, and the square of their
 *            scaled median absolute deviation less the noise in it (at least sigma^2 / 100). Median, because one run that blew up
 *            must not make everything else look alike.
 *   belief   of a trial with n values of mean y: variance v_n = 1 / (1/tau^2 + n/sigma^2), mean v_n (m/tau^2 + n y/sigma^2). What stands
 *            on one value is drawn towards m the most: that is what its luck is worth.
 *   worth    of another value of trial i: s_i f(-|d_i| / s_i), s_i^2 = v_n - v_(n+1), d_i its believed mean less the lowest of the
 *            others, f(z) = z Phi(z) + phi(z): by how much the lowest believed mean is expected to fall.
 *   new      a new trial is one more alternative with n = 0: s^2 = tau^2 - v_1, d = m less the lowest believed mean.
 *
 * A replicate is begun when its worth is larger than a new trial's. Where no new trial can begin, while it is worth at least
 * sigma * REPLICATE_FLOOR.
 *
 * The incumbent is the trial with the lowest believed mean plus one deviation of that belief: of two that look equally good the
 * one that was tried more often, and a lucky first value has to be confirmed before it leads.
 *
 * Seeds are taken as exchangeable: a seed that is easy for every configuration counts as noise. Pure: no state, no chance. */
#ifndef TUNE_REPLICATE_H
#define TUNE_REPLICATE_H

#include <stdbool.h>

#define REPLICATE_FREEDOM 3    /* degrees of freedom from which on the noise counts as known */
#define REPLICATE_RECENT  20   /* trials that the prior comes from */
#define REPLICATE_FIRST   4    /* trials before the first replicate, while new ones can begin */
#define REPLICATE_FLOOR   0.01 /* noise deviations that a replicate has to be worth when nothing new can begin */

struct replicate_trial { /* one that has finished, in the order of arrival */
    double mean;    /* of its values (losses) */
    double squares; /* sum of squared deviations from it */
    int n;          /* values, at least 1 */
    bool running;   /* another run is under way: one at a time */
    bool free;      /* may get another: a seed is left, and nobody banned it */
};

struct replicate_choice {
    int trial;        /* to run again, -1 none */
    int incumbent;    /* -1: there are no trials */
    bool learning;    /* trial is the leader's, to learn the noise */
    double noise;     /* sigma; NaN not known yet */
    double mean, spread; /* m and tau; NaN while the noise is not known */
    double worth;     /* of the best replicate; NaN not known */
    double fresh;     /* of a new trial; NaN: not known */
};

/* s f(-|d| / s); 0 when s is 0. */
double replicate_worth(double d, double s);
/* What the incumbent has the lowest of: believed mean plus deviation; the mean while the noise is not known, or is 0. */
void replicate_bounds(const struct replicate_trial *t, int n, double *out);
/* can_begin: a new trial could begin instead. */
void replicate_choose(const struct replicate_trial *t, int n, bool can_begin, struct replicate_choice *out);

#endif
