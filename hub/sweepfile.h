/* sweepfile: a sweep as a YAML file: W&B's format accepted whole, ours under the key `hypertop:`.
 *
 * Unknown keys are warnings with file:line; wrong values are errors with file:line:column. Numbers that YAML
 * 1.1 reads as strings (1e-5) are numbers, with a warning. */
#ifndef HUB_SWEEPFILE_H
#define HUB_SWEEPFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json_out.h"
#include "proto/codec.h"
#include "tune/tuner.h"

struct sweepfile_adviser { /* see adviser.h */
    char **command;        /* argv, NULL-terminated; NULL: no adviser */
    double share;          /* of the trials, (0,1]; 1: it is the tuner, ours only helps out */
    double alpha;          /* how far beyond the best its target lies, in ranges: -1..1 */
    double timeout;        /* seconds */
    int candidates;        /* asked for at a time */
};

struct sweepfile_prior { /* of the Step Law; see warm_start.h */
    char *rate, *batch;  /* parameters; NULL: no prior */
    double params, tokens, sequence; /* N, D, tokens in a sequence (the unit of batch) */
};

struct sweepfile {
    char *name;              /* `name`, else the program's or file's stem */
    char *method;            /* as written: bayes, random, grid, custom */
    char *metric;            /* objective; "objective" when the file names none */
    bool maximize;
    double target;           /* finish when reached; NaN none */
    struct objective *objectives; /* hypertop.objectives, names owned; the first is `metric`. NULL: the metric alone */
    int n_objectives;
    struct space *space;     /* owned */
    /* tuner name (from hypertop.tuner.name, else method: grid->grid, random->random, bayes->auto) */
    char *sampler;
    char *stopper;           /* "asha", ... or NULL; early_terminate is mapped */
    struct tuner_kv *sampler_options, *stopper_options; /* end with a NULL name; owned, names too */
    /* argv template with W&B's macros, NULL-terminated; ${program}, ${args}, ${env}, ... */
    char **command;
    char *program;
    int64_t budget;          /* trials: run_cap, hypertop.budget; -1 none */
    int workers;             /* hypertop.workers; 0 not said */
    int64_t *seeds;          /* tuning seeds: one run per seed and trial; at least one entry */
    int n_seeds;
    bool replicates;         /* auto: trials run with the first seed, and with further ones as the tuner decides */
    int64_t *test_seeds;
    int n_test_seeds;
    int test_incumbents;     /* so many of the best trials are scored on the test seeds at the end */
    char **test_command;     /* what tests run, NULL: the same command */
    int64_t max_fidelity;    /* steps at full length, for progress; -1 unknown */
    bool live_any;
    char **live;             /* names of live parameters, NULL-terminated */
    enum { SWEEPFILE_WANDB_AUTO, SWEEPFILE_WANDB_ON, SWEEPFILE_WANDB_OFF } wandb; /* our module in wandb's place: AUTO
                              * where the program's source imports wandb */
    char **rules;            /* alerts (alert_rule.h), NULL-terminated; NULL: none */
    char **warnings;         /* NULL-terminated, "file:line: sentence" */
    char *params_json;       /* resolved parameters as one JSON object */
    /* of each parameter that came from nesting: its path, names separated by 0x1f; NULL-terminated */
    char **nested;
    struct sweepfile_adviser adviser;
    char *candidates;        /* CSV file whose rows are all that may be tried; NULL: none (sweep_candidates.h) */
    char candidates_at[24];  /* where the sweep file says so: LINE:COLUMN */
    char **warm;             /* recordings and CSV files to learn from at the start, NULL-terminated; may be NULL */
    struct sweepfile_prior prior;
    struct buf wrap;         /* how programs that know nothing of us are treated: a MessagePack map (sweep_wrap.c); may be empty */
    char *path;              /* where the file was read from */
};

/* The key `hypertop:` holds: tuner: NAME or {name, arms: {PARAM: values|decades|N}, OPTION: number...};
 * rules: [RULE...] (alert_rule.h); stopper the same without arms; budget, workers, seeds and test_seeds (N or a list), replicates: auto|all, fidelity: {max}, adviser: COMMAND or {command,
 * share, candidates, timeout, alpha}, live: [PARAM...], conditions: {PARAM: {PARENT: VALUE | [VALUE...] | {min, max}}},
 * objectives: [{name, goal, reference}], constraints: ["batch_size * lr < 0.5"...], choose: {NAME: {from: [...], k, distinct,
 * sorted}}, parse: RULE or [RULE...] (read/scrape.h), signals: {pause: auto|stop|none, checkpoint: SIGNAL, grace: SECONDS}, params_file:
 * PATH, jsonl: true, energy: {intensity, pue}.
 * A file that is only the parameters of a sweep (a map of maps) is taken as such.
 *
 * 0, or -1 and a cause of the form FILE:LINE:COLUMN: what. path is only for messages (and relative CSV
 * candidates). */
int sweepfile_parse(struct sweepfile *f, const char *yaml, size_t n, const char *path, char **cause);
void sweepfile_release(struct sweepfile *f);
/* A file named in a sweep file: relative to it. malloc'ed. */
char *sweepfile_beside(const char *sweep, const char *name);
/* What `run --dry-run` prints: one JSON object (DESIGN.md). */
void sweepfile_json(const struct sweepfile *f, struct json_out *out);
/* The command line of one run (of a test, when the file has another for tests): macros replaced. params is a raw msgpack map. Returns a NULL-terminated argv
 * to free with sweepfile_argv_free, or NULL and a cause. */
char **sweepfile_argv(const struct sweepfile *f, bool test, const char *params, size_t params_n, char **cause);
/* The parameters of one run as the program's configuration: a msgpack map, nested where the file nests. 0, or -1. */
int sweepfile_config(const struct sweepfile *f, const char *params, size_t params_n, struct buf *out);
void sweepfile_argv_free(char **argv);
/* The pair "wrap" of a lease. */
void sweep_wrap_lease(const struct sweepfile *f, struct codec_writer *w);

#endif
