/* made_sweep: the log of a made-up but plausible sweep, for tests of landscapes and for looking at screens:
 * four parameters, a loss with two basins (the deeper one near lr 8e-4, weight_decay 1e-3; another near
 * lr 1.5e-2, weight_decay 1e-5), trials that diverge and fail at large learning rates, four workers, and a
 * person who steers. Everything follows from the seed. */
#ifndef TESTS_MADE_SWEEP_H
#define TESTS_MADE_SWEEP_H

#include "tests/unit/hub/random_log.h"

#define MADE_T0      INT64_C(1700000000000000000)
#define MADE_STEPS   20
#define MADE_WORKERS 4

static const char made_yaml[] =
    "name: made-up\n"
    "program: train.py\n"
    "method: bayes\n"
    "metric: {name: val_loss, goal: minimize}\n"
    "parameters:\n"
    "  lr: {distribution: log_uniform_values, min: 0.00001, max: 0.1}\n"
    "  weight_decay: {distribution: log_uniform_values, min: 0.000001, max: 0.01}\n"
    "  batch_size: {values: [16, 32, 64, 128]}\n"
    "  optimizer: {values: [sgd, adam]}\n"
    "hypertop: {budget: 200, workers: 4, fidelity: {max: 20}}\n";

struct made_trial {
    double lr, decay;
    int batch, optimizer;
};

static inline double made_bowl(double x, double y, double x0, double y0, double wx, double wy)
{
    double dx = (x - x0) / wx, dy = (y - y0) / wy;
    return exp(-0.5 * (dx * dx + dy * dy));
}

/* The loss of a full training, without noise. */
static inline double made_loss(const struct made_trial *t)
{
    double x = log10(t->lr), y = log10(t->decay);
    double v =
        0.42 - 0.33 * made_bowl(x, y, -3.1, -3, 0.75, 1.1) - 0.29 * made_bowl(x, y, -1.9, -5.2, 0.4, 0.6);
    v += 0.006 * fabs(log2(t->batch / 64.0)) + (t->optimizer ? 0 : 0.015);
    return v;
}

static inline bool made_fails(const struct made_trial *t)
{
    return t->lr > 0.045 || (t->lr > 0.02 && t->decay > 1e-3);
}

static inline struct made_trial made_draw(struct rng *g, const struct made_trial *best)
{
    static const int batches[] = {16, 32, 64, 128};
    struct made_trial t = {pow(10, -5 + 4 * rng_unit(g)), pow(10, -6 + 4 * rng_unit(g)),
                           batches[rng_below(g, 4)], (int)rng_below(g, 2)};
    if (best && rng_unit(g) < 0.55) {
        t.lr = fmin(fmax(best->lr * pow(10, 0.35 * rng_normal(g)), 1e-5), 0.1);
        t.decay = fmin(fmax(best->decay * pow(10, 0.5 * rng_normal(g)), 1e-6), 0.01);
        t.batch = rng_unit(g) < 0.6 ? best->batch : t.batch;
        t.optimizer = rng_unit(g) < 0.8 ? best->optimizer : t.optimizer;
    }
    return t;
}

static inline void made_begin(struct random_log *l)
{
    struct codec_writer *w = log_begin(l, EV_SWEEP, 9);
    cw_kstr(w, "sweep", "made-up");
    cw_kstr(w, "yaml", made_yaml);
    cw_kstr(w, "path", "sweep.yaml");
    cw_kstr(w, "metric", "val_loss");
    cw_kstr(w, "goal", "minimize");
    cw_kstr(w, "tuner", "auto");
    cw_kint(w, "seed", 1);
    cw_kint(w, "budget", 200);
    cw_kint(w, "workers", MADE_WORKERS);
    log_end(l);
    w = log_begin(l, EV_WORKER, 5);
    cw_kstr(w, "worker", "gpu01");
    cw_kstr(w, "host", "gpu01");
    cw_kint(w, "pid", 4242);
    cw_kint(w, "slots", MADE_WORKERS);
    cw_kstr(w, "state", "joined");
    log_end(l);
}

static inline void made_state(struct random_log *l, int id, const char *to, const char *why)
{
    struct codec_writer *w = log_begin(l, EV_TRIAL_STATE, 3);
    cw_kint(w, "trial", id);
    cw_kstr(w, "state", to);
    cw_kstr(w, "why", why);
    log_end(l);
}

static inline void made_run(struct random_log *l, int id, const char *to, int exit)
{
    struct codec_writer *w = log_begin(l, EV_RUN, 8);
    cw_kint(w, "run", id);
    cw_kint(w, "trial", id);
    cw_kint(w, "seed", 1);
    cw_kint(w, "epoch", 1);
    cw_kstr(w, "state", to);
    cw_kstr(w, "worker", "gpu01");
    cw_kint(w, "pid", 5000 + id);
    cw_kint(w, "exit", exit);
    log_end(l);
}

static inline void made_trial_event(struct random_log *l, int id, const struct made_trial *t, bool drawn)
{
    struct codec_writer *w = log_begin(l, EV_TRIAL, 7);
    cw_kint(w, "trial", id);
    cw_str(w, "params");
    cw_map(w, 4);
    cw_kdouble(w, "lr", t->lr);
    cw_kdouble(w, "weight_decay", t->decay);
    cw_kint(w, "batch_size", t->batch);
    cw_kstr(w, "optimizer", t->optimizer ? "adam" : "sgd");
    cw_kstr(w, "origin", "tuner");
    cw_kint(w, "space_version", 1);
    cw_kint(w, "parent", -1);
    cw_kdouble(w, "propensity", NAN);
    cw_kstr(w, "why", drawn ? "expected improvement" : "start: far from everything tried so far");
    log_end(l);
}

static inline void made_point(struct random_log *l, int id, int step, double loss, double train)
{
    struct buf c = {0};
    int64_t at = step, time = l->now;
    struct codec_writer *w = log_begin(l, EV_POINTS, 4);
    cw_kint(w, "run", id);
    cw_kint(w, "epoch", 1);
    cw_kint(w, "seq", step);
    points_begin(&c);
    points_add(&c, "val_loss", 1, &at, &time, &loss);
    points_add(&c, "train_loss", 1, &at, &time, &train);
    cw_str(w, "c");
    cw_bin(w, c.data, c.len);
    log_end(l);
    buf_release(&c);
    w = log_begin(l, EV_REPORT, 5);
    cw_kint(w, "run", id);
    cw_kint(w, "epoch", 1);
    cw_kint(w, "step", step);
    cw_kdouble(w, "value", loss);
    cw_kbool(w, "made", true);
    log_end(l);
}

/* An intervention that takes effect at once; weight and pulls: NaN and -1 are left out. */
static inline void made_steer(struct random_log *l, const char *verb, const char *target, double weight,
                              int64_t pulls, const char *reason)
{
    struct codec_writer *w = log_begin(l, EV_INTERVENTION, 8);
    cw_kint(w, "id", ++l->ivs);
    cw_kstr(w, "who", "alice@gpu01");
    cw_kstr(w, "verb", verb);
    cw_kstr(w, "target", target);
    cw_str(w, "args");
    cw_map(w, (size_t)(isnan(weight) ? 0 : 1) + (pulls < 0 ? 0 : 1));
    if (!isnan(weight))
        cw_kdouble(w, "weight", weight);
    if (pulls >= 0)
        cw_kint(w, "for", pulls);
    cw_kstr(w, "reason", reason);
    cw_kstr(w, "state", "applied");
    cw_kint(w, "undo_of", 0);
    log_end(l);
}

static inline void made_undo(struct random_log *l, int id)
{
    struct codec_writer *w = log_begin(l, EV_INTERVENTION, 2);
    cw_kint(w, "id", id);
    cw_kstr(w, "state", "undone");
    log_end(l);
}

struct made_slot {
    int trial, step;
    int64_t next, pace;
    struct made_trial t;
};

/* The slot's trial takes a step; true when it has ended. */
static inline bool made_advance(struct random_log *l, struct made_slot *s, double *final)
{
    double full = made_loss(&s->t), at = (double)++s->step / MADE_STEPS;
    double loss = full + (1.2 - full) * exp(-4.5 * at) + 0.004 * rng_normal(&l->rng),
           train = loss * (0.9 - 0.1 * at);
    if (made_fails(&s->t) && s->step >= 4) {
        made_point(l, s->trial, s->step, NAN, NAN);
        made_run(l, s->trial, "failed", 1);
        made_state(l, s->trial, "failed", "exit 1: loss is nan");
        return true;
    }
    made_point(l, s->trial, s->step, loss, train);
    if (s->step < MADE_STEPS && !(s->step == MADE_STEPS / 2 && full > 0.4))
        return false;
    bool whole = s->step == MADE_STEPS;
    made_run(l, s->trial, "done", 0);
    made_state(l, s->trial, whole ? "done" : "pruned", whole ? "" : "below the median at step 10");
    *final = loss;
    return true;
}

static inline void made_start(struct random_log *l, struct made_slot *s, const struct made_trial *best)
{
    s->trial = l->trials++;
    s->step = 0;
    s->t = made_draw(&l->rng, s->trial < 12 ? NULL : best);
    s->pace = (int64_t)((4 + 5 * rng_unit(&l->rng)) * 1e9);
    made_trial_event(l, s->trial, &s->t, s->trial >= 12);
    made_state(l, s->trial, "running", "");
    made_run(l, s->trial, "running", -1);
}

/* n trials begin; the last ones may still be running. */
static inline struct random_log *made_sweep(uint64_t seed, int n)
{
    struct random_log *l = MEM_NEW(struct random_log);
    struct made_slot slots[MADE_WORKERS];
    struct made_trial best = {.lr = 0};
    double least = INFINITY;
    rng_seed(&l->rng, seed);
    l->still = true;
    l->now = MADE_T0;
    made_begin(l);
    for (int i = 0; i < MADE_WORKERS; i++) {
        made_start(l, &slots[i], NULL);
        slots[i].next = l->now + slots[i].pace;
    }
    while (l->trials < n) {
        int k = 0;
        for (int i = 1; i < MADE_WORKERS; i++)
            k = slots[i].next < slots[k].next ? i : k;
        struct made_slot *s = &slots[k];
        double final = INFINITY;
        l->now = s->next;
        s->next += s->pace;
        if (!made_advance(l, s, &final))
            continue;
        if (final < least) {
            least = final;
            best = s->t;
        }
        made_start(l, s, isinf(least) ? NULL : &best);
        if (l->trials == 30)
            made_steer(l, "avoid", "lr>=0.03", NAN, -1, "diverges there");
        if (l->trials == 45)
            made_steer(l, "focus", "lr=3e-4..3e-3 & weight_decay=1e-4..1e-2", 4, 40, "looks good");
        if (l->trials == 50)
            made_steer(l, "ban", "optimizer=sgd", NAN, -1, "");
        if (l->trials == 60)
            made_undo(l, 3);
    }
    return l;
}

#endif
