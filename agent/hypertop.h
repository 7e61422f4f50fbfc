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

#ifdef __cplusplus
}
#endif

#endif
