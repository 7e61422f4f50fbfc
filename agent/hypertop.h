/* hypertop.h: the agent library, libhypertop. Link with -lhypertop (pkg-config hypertop).
 *
 * A guest in the training process: no thread, no socket, no lock, no signal handler, no dependency beyond libc. Every call works
 * with no hub (points go to a spill file through the relay, or are counted as dropped), never blocks, never aborts, never
 * prints. HYPERTOP_DISABLE=1 makes every call an inert no-op. After fork() the child's handles are inert.
 *
 *     ht_agent *ht = ht_open(NULL);
 *     double lr = ht_float(ht, "lr", 1e-4, 1, HT_LOG | HT_LIVE);
 *     for (int64_t step = 0; step < steps; step++) {
 *         train(lr);
 *         ht_log(ht, "loss", step, loss);
 *         if (step % 100 == 0 && ht_report(ht, step, validate()) != HT_CONTINUE) break;
 *         if (ht_poll(ht, NULL) != HT_CONTINUE) break;
 *         lr = ht_float(ht, "lr", 1e-4, 1, HT_LOG | HT_LIVE);
 *     }
 *     ht_close(ht);
 *
 * Thread safety: ht_log, ht_log_many, ht_text and ht_report may be called from any thread and from a signal handler. Everything else
 * belongs to the thread that opened the agent. Times are taken by the library (CLOCK_REALTIME). */
#ifndef HYPERTOP_H
#define HYPERTOP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HT_API __attribute__((visibility("default")))
#else
#define HT_API
#endif

typedef struct ht_agent ht_agent;
typedef struct ht_bandit ht_bandit;

/* Return codes. HT_ERRORS(X): name, value, sentence. */
#define HT_ERRORS(X)                                                                                                    \
    X(HT_OK, 0, "done")                                                                                                \
    X(HT_DROPPED, -1, "the ring was full; the point was counted as dropped")                                           \
    X(HT_INERT, -2, "the agent is inert (disabled, forked child, or it could not open its ring)")                      \
    X(HT_INVALID, -3, "an argument makes no sense")                                                                    \
    X(HT_FULL, -4, "no room for another name, parameter or bandit")
enum ht_error {
#define HT_ERROR_ENUM(name, value, text) name = value,
    HT_ERRORS(HT_ERROR_ENUM)
#undef HT_ERROR_ENUM
};

/* What the hub wants, from ht_report and ht_poll. */
enum ht_action {
    HT_CONTINUE = 0,
    HT_STOP = 1,   /* end now, keep the result: stopped by the tuner or by a person */
    HT_PAUSED = 2, /* from ht_poll_for alone: somebody has paused the run; call again */
};

enum ht_flags {
    HT_LOG = 1,  /* search and draw on a log scale */
    HT_LIVE = 2, /* accepts a new value while running (ht_poll applies it) */
};

struct ht_options {
    size_t size;          /* sizeof(struct ht_options) */
    const char *program;  /* name shown when nobody leased this run; NULL: the process's name */
    const char *hub;      /* hub to report to; NULL: HYPERTOP_HUB, then the default hub */
    const char *ring;     /* ring file to use; NULL: HYPERTOP_RING (set by a worker), else one is made */
    int no_relay;         /* do not start a relay process (tests, embedding) */
};

/* Commands that ht_poll hands over. HT_CMD_RESTORE: take over the checkpoint at `text` (weights, optimizer, step), then ht_answer;
 * only programs that called ht_restores get it. Parameters that change with it come as HT_CMD_SET behind it. set, pause, resume, stop and checkpoint requests are handled as described at
 * ht_poll; HT_CMD_CUSTOM is for the trainer alone. */
enum ht_command_kind { HT_CMD_NONE, HT_CMD_SET, HT_CMD_PAUSE, HT_CMD_RESUME, HT_CMD_STOP, HT_CMD_CHECKPOINT, HT_CMD_CUSTOM,
                       HT_CMD_RESTORE };
struct ht_command {
    enum ht_command_kind kind;
    int64_t id;
    char name[64];   /* parameter (set) or verb (custom) */
    char text[256];  /* new value as text (set), arguments as JSON (custom) */
    double value;    /* new value as a number (set), NaN when it is none */
};

/* Opens the agent. opts may be NULL. Never returns NULL: on any failure the handle is inert and every call on it is a
 * cheap no-op (ht_status tells). Reads HYPERTOP_RING, HYPERTOP_HUB, HYPERTOP_DISABLE and the leased parameters. */
HT_API ht_agent *ht_open(const struct ht_options *opts);
/* Flushes (waits at most 500 ms for the relay to have taken everything from the ring) and unmaps. NULL is fine. */
HT_API void ht_close(ht_agent *);
/* HT_OK, or HT_INERT. */
HT_API int ht_status(const ht_agent *);
HT_API uint64_t ht_dropped(const ht_agent *);      /* points that found no room so far */
HT_API const char *ht_strerror(int code);
HT_API const char *ht_version(void);
HT_API int64_t ht_seed(const ht_agent *, int64_t absent); /* the seed of this run, as leased */
HT_API int64_t ht_trial(const ht_agent *);         /* trial id, -1 when nobody leased this run */

/* Parameters, define-by-run: declares and returns the current value: the leased one, else (nobody leased this run) the middle of
 * the range on its scale (ht_float, ht_int) or the first choice. A value outside [lo, hi] is clamped and the clamp is
 * reported. Live parameters change only inside ht_poll. The string of ht_choice lives as long as the agent. */
HT_API double ht_float(ht_agent *, const char *name, double lo, double hi, unsigned flags);
HT_API int64_t ht_int(ht_agent *, const char *name, int64_t lo, int64_t hi, unsigned flags);
HT_API const char *ht_choice(ht_agent *, const char *name, const char *const *choices, size_t n, unsigned flags);

/* The same for a program that has a value of its own (an optimizer that exists already): a run that nobody leased starts with
 * `start`, clamped to the range, instead of the middle. */
HT_API double ht_float_from(ht_agent *, const char *name, double lo, double hi, double start, unsigned flags);
HT_API int64_t ht_int_from(ht_agent *, const char *name, int64_t lo, int64_t hi, int64_t start, unsigned flags);

/* One point. The hot path: tens of nanoseconds, no allocation, no lock, no system call. NaN and infinities are kept.
 * Names longer than 63 bytes are cut. HT_OK, HT_DROPPED, HT_INERT or HT_FULL (1024 names). */
HT_API int ht_log(ht_agent *, const char *metric, int64_t step, double value);
/* n points of one step, taken at one time: metrics[i] gets values[i]. Cheaper than n calls where a call is what costs (from an
 * interpreter). A point that is dropped or whose name is missing does not hold up the others: the first code that is
 * not HT_OK is returned. */
HT_API int ht_log_many(ht_agent *, size_t n, const char *const metrics[], int64_t step, const double values[]);
/* A remark or a log line (cut at 4000 bytes). */
HT_API int ht_text(ht_agent *, int64_t step, const char *text);
/* The objective at a fidelity (step). Returns HT_CONTINUE or HT_STOP: what the hub last said (never waits). */
HT_API int ht_report(ht_agent *, int64_t step, double value);
/* A safe point: applies queued changes of live parameters and acknowledges each with old value, new value and `step` (that of
 * the last ht_log, ht_report or ht_step); a pause request waits here, until resumed or stopped; a checkpoint request is
 * handed over as HT_CMD_CHECKPOINT (answer with ht_checkpoint) and, when cmd is NULL, rejected. At most one command is
 * stored in *cmd (kind HT_CMD_NONE when there was none); call again while it returns commands. */
HT_API int ht_poll(ht_agent *, struct ht_command *cmd);
/* The same for a program that has something to look after during a pause (signals of an interpreter, a user interface,
 * other ranks): a pause holds it at most timeout_ms (0: not at all, below 0: until it ends), then it returns HT_PAUSED and
 * leaves no command. Call it again until it says otherwise. */
HT_API int ht_poll_for(ht_agent *, struct ht_command *cmd, int timeout_ms);
/* Tells the agent where training stands, for acknowledgements, when neither ht_log nor ht_report does. */
HT_API void ht_step(ht_agent *, int64_t step);
/* Says that a checkpoint was written; answers a pending checkpoint request. */
HT_API int ht_checkpoint(ht_agent *, const char *path, int64_t step);
/* The checkpoint that this run should begin from (it was held, or takes over another trial's), NULL: from scratch. Lives as
 * long as the agent. */
HT_API const char *ht_restore(const ht_agent *);
/* Says that this program takes HT_CMD_RESTORE from ht_poll; otherwise it is ended and started again with ht_restore. */
HT_API void ht_restores(ht_agent *);
/* Answers a custom or restore command: ok 0 = rejected, with a sentence. */
HT_API int ht_answer(ht_agent *, int64_t id, int ok, const char *message);
/* Waits at most timeout_ms until the relay has taken everything from the ring. HT_OK, or HT_DROPPED when time ran out. */
HT_API int ht_flush(ht_agent *, int timeout_ms);

/* ---- in-process bandits: a parameter tuned thousands of times inside one run, decided here in nanoseconds to
 * microseconds; every pull is streamed with its propensity; bans, pins, boosts and the explore dial arrive by ht_poll. ---- */
enum ht_algorithm {
    HT_TSALLIS_INF,    /* Tsallis-INF, importance-weighted (Zimmert and Seldin 2021) */
    HT_TSALLIS_INF_RV, /* the same, reduced-variance estimator */
    HT_UCB1, HT_KL_UCB, HT_THOMPSON, HT_EXP3,
    HT_EXP3_IX, HT_UCB_TUNED,
    HT_UCB_DISCOUNTED, /* for costs that drift: old pulls fade */
    HT_UCB_SLIDING,    /* the same: only the last `window` pulls count */
    HT_ELIMINATION,    /* successive elimination */
    /* Contextual: they choose by the number given to ht_bandit_choose_in. */
    HT_TSALLIS_CB,     /* a Tsallis-INF for each of `bins` equal bins */
    HT_CHEB_CB,        /* ChebCB (Khodak et al. 2024): costs that are a smooth function of the context */
    HT_LINUCB          /* LinUCB (Li et al. 2010): costs that are linear in it */
};
struct ht_bandit_options {
    size_t size;
    const char *name;             /* shown on screen */
    enum ht_algorithm algorithm;
    int arms;                     /* 2..1024 */
    const char *const *labels;    /* arms labels, or NULL: the values, or numbers */
    const double *values;         /* what each arm stands for, or NULL */
    uint64_t seed;
    /* Losses: with scale 0 any positive cost is fine (iteration counts, seconds): it is divided by the running mean
     * as in Learning to Relax (Khodak et al. 2024); else loss = (cost - low) / scale should lie in [0, 1]. */
    double low, scale;
    /* Contextual algorithms. Contexts lie in context_low..context_high (both 0: in 0..1); outside they count as the
     * bound, and without one (ht_bandit_choose, NaN) as the middle. 0 in the others: the number in brackets. */
    double context_low, context_high;
    int bins;                     /* HT_TSALLIS_CB (5): 1..1000 */
    int features;                 /* HT_CHEB_CB (6): polynomials up to degree features - 1; 1..16 */
    double alpha;                 /* HT_LINUCB (1): width of the bounds */
    int window;                   /* HT_UCB_SLIDING (1000): pulls that count; 1..1000000 */
};
HT_API ht_bandit *ht_bandit_open(ht_agent *, const struct ht_bandit_options *);
/* The arm to play. propensity (may be NULL) gets its probability. With `context` use ht_bandit_choose_in. */
HT_API int ht_bandit_choose(ht_bandit *, double *propensity);
HT_API int ht_bandit_choose_in(ht_bandit *, double context, double *propensity);
/* The cost of the arm chosen last (lower is better). Streams the pull. */
HT_API int ht_bandit_reward(ht_bandit *, double cost);
HT_API double ht_bandit_value(const ht_bandit *, int arm);
HT_API void ht_bandit_close(ht_bandit *);

/* ---- weights: what the calls below look at or change. Memory of the caller's, contiguous, row by row. ---- */
enum ht_dtype { HT_F64, HT_F32, HT_F16, HT_BF16 };
struct ht_tensor {
    void *data;
    const int64_t *shape; /* dims lengths; the first counts the output filters */
    int dims;             /* 0 (one number) to 8 */
    enum ht_dtype dtype;
};

/* ---- loss surfaces: people ask a run that trains for the loss on a plane through its weights (`hypertop send probe`). The plane is
 * evaluated by the trainer, inside ht_poll, a slice of time at a time and at most half of the time (all of it during a pause), coarse
 * to fine. Directions: Gaussian, scaled to the norms of the weights filter by filter, zero for tensors of fewer than two dimensions
 * (Li et al., Visualizing the Loss Landscape of Neural Nets, NeurIPS 2018), or to the weights of two other checkpoints. The centre
 * stays where the weights were when the probe began, however far training goes on. ---- */
struct ht_probe_options {
    size_t size;
    /* The loss with the weights that lie in the tensors now, in *loss (NaN and infinities are kept). 0; anything else ends the
     * probe with an error. It must leave everything else as training needs it (random numbers, running means), and log nothing. */
    int (*eval)(void *arg, double *loss);
    void *arg;
    const struct ht_tensor *tensors; /* copied; the memory that data and shape point to stays the caller's, in place */
    size_t n;
    /* NULL, or: puts the weights of a checkpoint into the tensors and changes nothing else; 0. For directions to checkpoints. */
    int (*load)(void *arg, const char *path);
    /* NULL, or: called before the tensors are looked at and after the weights are back (weights that live on a device: copy them
     * into the tensors, and back). Nonzero ends the probe. `leave` is called after every `enter`, also after an error. */
    int (*enter)(void *arg);
    int (*leave)(void *arg);
    double slice_ms;                 /* 0: 20. At least one evaluation is made in a slice, however long it takes */
};
/* Offers surfaces; a later call replaces an earlier one (and ends its probe), opts NULL takes the offer back. Memory: four times the
 * weights while a probe is on. HT_OK, HT_INERT, HT_INVALID, HT_FULL (no memory). The weights are bit for bit what they were
 * after each slice, also after an error. Not thread-safe: the thread that polls. */
HT_API int ht_probe(ht_agent *, const struct ht_probe_options *opts);
/* 1 while a probe is on, else 0: a trainer that has finished may go on polling until it is done. */
HT_API int ht_probing(const ht_agent *);

/* ---- PQ index of a vector: how sparse it is, 0 (all entries alike) to 1 - d^(1/q - 1/p), I = 1 - d^(1/q - 1/p) |w|_p / |w|_q with
 * 0 < p < q (Diao et al., Pruning Deep Neural Networks from a Sparsity Perspective, ICLR 2023). 0 for a vector of zeros; NaN when p and q make no
 * sense or an entry is not finite. Any thread. ---- */
HT_API double ht_pq_index(const double *w, size_t n, double p, double q);
HT_API double ht_pq_index_of(const struct ht_tensor *, size_t n, double p, double q); /* all tensors as one vector */
/* How many of d entries sparsity-informed adaptive pruning retains, ceil(d (1 + eta)^(q/(p-q)) (1 - index)^(qp/(q-p))); eta 0 is usual. */
HT_API double ht_pq_retain(double d, double index, double p, double q, double eta);

/* ---- learning-rate controllers by hypergradients: the rate grows while steps agree and shrinks when they turn back. Rules: Baydin et
 * al., ICLR 2018; FedHyper (Wang et al., ICLR 2024), whose dot products are of changes of the weights. ---- */
enum ht_hyper_rule {
    HT_HYPER_ADD,        /* rate += beta g.g' */
    HT_HYPER_MULTIPLY,   /* rate *= 1 + beta g.g' / (|g| |g'|) */
    HT_FEDHYPER_GLOBAL,  /* a += D.D', -0.8 <= a <= 4; the rate is 1 + a: w = mean + a D */
    HT_FEDHYPER_MOMENTUM,/* the same with -0.2 <= a <= 4 and w = mean + a (D + 0.9 m'), m = D + 0.9 m' */
    HT_FEDHYPER_SERVER,  /* the clients' rate, rate0 (1 + a), between 0.001 and 0.1 */
    HT_FEDHYPER_CLIENT   /* within a client: b *= min(1.1, 1 + g.g' + 0.1 g.D / clients), 0.1 <= b <= 10; the rate is rate0 b */
};
struct ht_hyper_options {
    size_t size;
    enum ht_hyper_rule rule;
    double rate0;    /* the rate to start with (the three rules that have one) */
    double beta;     /* HT_HYPER_ADD, HT_HYPER_MULTIPLY */
    double low, high;/* bounds; both 0: those above, for Baydin's rules 0 and none */
    double clients;  /* HT_FEDHYPER_CLIENT: clients in a round; 0: 1 */
    int squash;      /* FedHyper's server rules: 1 / (1 + exp(-0.1 D.D')) in the place of D.D' */
};
typedef struct ht_hyper ht_hyper;
HT_API ht_hyper *ht_hyper_open(const struct ht_hyper_options *); /* NULL: options that make no sense, no memory */
HT_API void ht_hyper_close(ht_hyper *);
HT_API double ht_hyper_rate(const ht_hyper *);
/* One step: this gradient (or change of the weights), n numbers; its successor is compared with it. n may not change. Returns the
 * rate to use now. `global` (HT_FEDHYPER_CLIENT; NULL: zero) is the last change of the global weights. */
HT_API double ht_hyper_step(ht_hyper *, const double *g, const double *global, size_t n);
/* The same from products that the caller has (vectors on a device): dot g.g', norms |g| |g'| (HT_HYPER_MULTIPLY), cross g.D. */
HT_API double ht_hyper_dots(ht_hyper *, double dot, double norms, double cross);
/* A server's round: mean holds the clients' mean and becomes the new weights, delta is mean minus the old ones. HT_FEDHYPER_GLOBAL and
 * _MOMENTUM only, else HT_INVALID. */
HT_API int ht_hyper_round(ht_hyper *, double *mean, const double *delta, size_t n);

/* ---- online tuning of one value by perturbation: each batch gets the value with noise on it; validation losses of such batches give
 * the gradient, of the value and of the noise's width (Self-Tuning Networks, MacKay et al., ICLR 2019, with evolution strategies in the
 * place of the response network). What it did is a schedule that a fresh run can replay. ---- */
struct ht_perturb_options {
    size_t size;
    const char *name;     /* logged under it at every update */
    double low, high, start;
    unsigned flags;       /* HT_LOG: on a logarithmic scale */
    double width;         /* of the noise on the unconstrained scale; 0: 0.5 */
    double rate;          /* of Adam, for value and width; 0: 3e-3 */
    double entropy;       /* what the width's entropy is worth; 0: 1e-3, below 0: nothing */
    int every;            /* losses for one update; 0: 8; at least 2 */
    uint64_t seed;
};
typedef struct ht_perturb ht_perturb;
HT_API ht_perturb *ht_perturb_open(ht_agent *, const struct ht_perturb_options *); /* NULL as above; the agent may be NULL */
HT_API void ht_perturb_close(ht_perturb *);
HT_API double ht_perturb_next(ht_perturb *);            /* for the next batch */
HT_API int ht_perturb_tell(ht_perturb *, int64_t step, double loss); /* validation loss after it; 1: the value was updated, 0: not yet */
HT_API double ht_perturb_value(const ht_perturb *);     /* without noise */
HT_API double ht_perturb_width(const ht_perturb *);
/* The updates as text, a line "step value" each, the start at its first step. HT_OK, HT_INVALID (it cannot be written; errno). */
HT_API int ht_perturb_save(const ht_perturb *, const char *path);
typedef struct ht_schedule ht_schedule;
HT_API ht_schedule *ht_schedule_open(const char *path); /* NULL: not readable, or a line that is none */
HT_API double ht_schedule_at(const ht_schedule *, int64_t step); /* the value in force then */
HT_API void ht_schedule_close(ht_schedule *);

/* ---- training in a random subspace: theta = theta0 + P x with d numbers in the place of D (Li et al., Measuring the Intrinsic Dimension
 * of Objective Landscapes, ICLR 2018). P is drawn again from the seed where it is needed: dense takes D d time and no memory, sparse
 * (density 1/sqrt(D)) sqrt(D) d of both, Fastfood (Le et al., ICML 2013) D log D time and D memory. Columns have norm 1 (Fastfood: in the mean). ---- */
enum ht_projection { HT_DENSE, HT_SPARSE, HT_FASTFOOD };
typedef struct ht_subspace ht_subspace;
HT_API ht_subspace *ht_subspace_open(size_t D, size_t d, enum ht_projection, uint64_t seed); /* NULL: 1 <= d <= D is not so, no memory */
HT_API void ht_subspace_close(ht_subspace *);
HT_API void ht_subspace_expand(const ht_subspace *, const double *x, const double *theta0, double *theta); /* theta0 NULL: zeros */
HT_API void ht_subspace_fold(const ht_subspace *, const double *gradient, double *gx); /* P transposed: D numbers into d */
/* The sweep for d_int90: asks perform(arg, d) for each of dims (ascending) until one reaches 0.9 baseline. Returns its index, -1: none
 * does. performance (may be NULL) gets what was measured. */
HT_API int ht_intrinsic_dimension(double (*perform)(void *arg, size_t d), void *arg, const size_t *dims, int n, double baseline,
                                  double *performance);

/* ---- averages of weights, over snapshots of a run or over runs that share their start: sums in double, the type is kept. ---- */
typedef struct ht_average ht_average;
HT_API ht_average *ht_average_open(const struct ht_tensor *like, size_t n); /* NULL: no memory, tensors that make no sense */
HT_API void ht_average_close(ht_average *);
HT_API int ht_average_add(ht_average *, const struct ht_tensor *, size_t n); /* HT_INVALID: other shapes or types */
HT_API int64_t ht_average_count(const ht_average *);
HT_API int ht_average_get(const ht_average *, const struct ht_tensor *out, size_t n); /* HT_INVALID also when nothing was added */

/* ---- a registry of checkpoints: which files there are, at which step and how good (lower is better); keeps the `best` best and the `last`
 * last of them and removes the other files. Stands in a text file, replaced as a whole. ---- */
typedef struct ht_registry ht_registry;
HT_API ht_registry *ht_registry_open(const char *path, int best, int last); /* reads it when it is there; NULL: it is none, no memory */
HT_API void ht_registry_close(ht_registry *);
HT_API int ht_registry_add(ht_registry *, const char *checkpoint, int64_t step, double value); /* HT_OK, HT_INVALID (errno) */
HT_API int ht_registry_count(const ht_registry *);
/* The i-th, by step; the path lives until the next change. HT_INVALID: there is none. */
HT_API int ht_registry_get(const ht_registry *, int i, const char **checkpoint, int64_t *step, double *value);
HT_API const char *ht_registry_best(const ht_registry *);               /* NULL: empty */

#ifdef __cplusplus
}
#endif

#endif
