/* digits: a multilayer perceptron trained on real handwritten digits, as a trial of a hypertop sweep.
 *
 * Learning rate and weight decay are live: change them while it runs and the next minibatch uses the new value. It
 * reports the validation error after every epoch and obeys what the hub answers. It writes checkpoints when it is asked for
 * one, begins from one, and takes another trial's over while it runs. Run by hand it trains with the middle of every
 * range. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/hypertop.h"
#include "data.h"
#include "mlp.h"
#include "optim.h"

struct settings {
    double lr, weight_decay, dropout;
    int hidden, batch, epochs;
    enum optim_rule rule;
};

struct state { /* what a checkpoint keeps */
    struct mlp *net;
    struct optim *opt;
    int64_t jump; /* a checkpoint was taken over: the epoch to go on with; 0 none */
};

static void read_live(ht_agent *ht, struct settings *s)
{
    s->lr = ht_float(ht, "lr", 1e-4, 1, HT_LOG | HT_LIVE);
    s->weight_decay = ht_float(ht, "weight_decay", 1e-6, 1e-1, HT_LOG | HT_LIVE);
}

static void read_settings(ht_agent *ht, struct settings *s)
{
    read_live(ht, s);
    s->dropout = ht_float(ht, "dropout", 0, 0.6, 0);
    s->hidden = (int)ht_int(ht, "hidden", 8, 256, HT_LOG);
    s->batch = (int)ht_int(ht, "batch_size", 8, 128, HT_LOG);
    s->epochs = (int)ht_int(ht, "epochs", 1, 1000, 0);
    const char *rule = ht_choice(ht, "optimizer", optim_names, 4, 0);
    for (int i = 0; i < 4; i++)
        if (strcmp(rule, optim_names[i]) == 0)
            s->rule = (enum optim_rule)i;
}

/* A checkpoint is the model, the optimizer's memory and the epochs that are behind it. */
struct saved {
    int64_t epoch, updates;
    uint64_t n;
};

static int each_array(struct state *st, int (*fn)(double *, size_t, FILE *), FILE *f)
{
    double *arrays[] = {st->net->w, st->opt->m, st->opt->v};
    for (int i = 0; i < 3; i++)
        if (arrays[i] && fn(arrays[i], st->net->n, f))
            return -1;
    return 0;
}

static int put_array(double *v, size_t n, FILE *f)
{
    return fwrite(v, sizeof *v, n, f) == n ? 0 : -1;
}

static int get_array(double *v, size_t n, FILE *f)
{
    return fread(v, sizeof *v, n, f) == n ? 0 : -1;
}

/* Writes one where the hub asked for it, whole or not at all. epoch: the one in work. */
static void save(ht_agent *ht, struct state *st, int64_t epoch)
{
    char path[96], part[100];
    struct saved head = {epoch - 1, st->opt->t, st->net->n};
    snprintf(path, sizeof path, "digits-t%lld-s%lld-e%lld.bin", (long long)ht_trial(ht), (long long)ht_seed(ht, 1),
             (long long)head.epoch);
    snprintf(part, sizeof part, "%s.new", path);
    FILE *f = fopen(part, "wb");
    int rc = f && fwrite(&head, sizeof head, 1, f) == 1 ? each_array(st, put_array, f) : -1;
    if (f && fclose(f) == 0 && rc == 0 && rename(part, path) == 0)
        ht_checkpoint(ht, path, head.epoch);
    else
        ht_text(ht, epoch, "checkpoint could not be written");
}

/* Takes one over, another trial's perhaps; the shape must be the same. Returns the epochs behind it, -1 when it cannot be. */
static int64_t load(struct state *st, const char *path)
{
    FILE *f = fopen(path, "rb");
    struct saved head;
    int64_t epochs = -1;
    if (!f)
        return -1;
    if (fread(&head, sizeof head, 1, f) == 1 && head.n == st->net->n && each_array(st, get_array, f) == 0) {
        st->opt->t = head.updates;
        epochs = head.epoch;
    }
    fclose(f);
    return epochs;
}

static void restore(ht_agent *ht, struct state *st, const struct ht_command *cmd)
{
    int64_t epochs = load(st, cmd->text);
    if (epochs >= 0)
        st->jump = epochs + 1;
    ht_answer(ht, cmd->id, epochs >= 0, epochs >= 0 ? "taken over" : "the checkpoint does not fit this model");
}

/* The safe point between minibatches. Returns nonzero when the trial should end. */
static int safe_point(ht_agent *ht, struct settings *s, struct state *st, int64_t epoch)
{
    struct ht_command cmd;
    do {
        if (ht_poll(ht, &cmd) != HT_CONTINUE)
            return 1;
        if (cmd.kind == HT_CMD_CHECKPOINT)
            save(ht, st, epoch);
        else if (cmd.kind == HT_CMD_RESTORE)
            restore(ht, st, &cmd);
        else if (cmd.kind == HT_CMD_CUSTOM)
            ht_answer(ht, cmd.id, 0, "digits knows no such command");
    } while (cmd.kind != HT_CMD_NONE);
    read_live(ht, s);
    return 0;
}

/* ---- loss surfaces: the mean loss on the validation images ---- */

struct surface {
    struct mlp *net;
    const struct digits *valid;
};

static int surface_loss(void *arg, double *loss)
{
    struct surface *s = arg;
    mlp_error(s->net, s->valid, loss);
    return 0;
}

/* The weights of a checkpoint alone. */
static int surface_load(void *arg, const char *path)
{
    struct surface *s = arg;
    struct saved head;
    FILE *f = fopen(path, "rb");
    int rc = f && fread(&head, sizeof head, 1, f) == 1 && head.n == s->net->n ? get_array(s->net->w, s->net->n, f) : -1;
    if (f)
        fclose(f);
    return rc;
}

static void offer_surface(ht_agent *ht, struct surface *s)
{
    int64_t h = s->net->hidden, w1[] = {h, DIGITS_PIXELS}, b1[] = {h}, w2[] = {DIGITS_CLASSES, h}, b2[] = {DIGITS_CLASSES};
    double *at = s->net->w;
    struct ht_tensor t[4] = {{.data = at, .shape = w1, .dims = 2},
                             {.data = at + h * DIGITS_PIXELS, .shape = b1, .dims = 1},
                             {.data = at + h * DIGITS_PIXELS + h, .shape = w2, .dims = 2},
                             {.data = at + h * DIGITS_PIXELS + h + DIGITS_CLASSES * h, .shape = b2, .dims = 1}};
    struct ht_probe_options o = {
        .size = sizeof o, .eval = surface_loss, .load = surface_load, .arg = s, .tensors = t, .n = 4};
    ht_probe(ht, &o);
}

static int epoch_of(ht_agent *ht, struct settings *s, struct state *st, const struct digits *train, int *order,
                    struct rng *rng, int64_t epoch, double *loss)
{
    int batches = 0;
    *loss = 0;
    rng_shuffle(rng, order, train->n);
    for (int at = 0; at + s->batch <= train->n && !st->jump; at += s->batch) {
        if (safe_point(ht, s, st, epoch))
            return 1;
        *loss += mlp_gradient(st->net, train, order + at, s->batch, s->dropout, rng);
        optim_step(st->opt, st->net->w, st->net->g, s->lr, s->weight_decay);
        batches++;
    }
    *loss /= batches ? batches : 1;
    return 0;
}

static int64_t begin(ht_agent *ht, struct state *st)
{
    const char *from = ht_restore(ht);
    int64_t epochs = from ? load(st, from) : 0;
    ht_restores(ht);
    if (epochs < 0)
        ht_text(ht, 0, "the checkpoint does not fit this model: training begins from scratch");
    return epochs < 0 ? 1 : epochs + 1;
}

static int train_all(ht_agent *ht, struct settings *s, struct mlp *net, struct optim *opt, const struct digits data[3],
                     struct rng *rng)
{
    int *order = malloc((size_t)data[0].n * sizeof *order);
    struct state st = {.net = net, .opt = opt};
    if (!order)
        return 1;
    for (int i = 0; i < data[0].n; i++)
        order[i] = i;
    struct surface surface = {net, &data[1]};
    offer_surface(ht, &surface);
    double error = NAN, valid_loss = NAN, loss = NAN;
    for (int64_t epoch = begin(ht, &st); epoch <= s->epochs; epoch++) {
        ht_step(ht, epoch);
        if (epoch_of(ht, s, &st, &data[0], order, rng, epoch, &loss))
            break;
        if (st.jump) {
            epoch = st.jump - 1;
            st.jump = 0;
            continue;
        }
        error = mlp_error(net, &data[1], &valid_loss);
        ht_log(ht, "train_loss", epoch, loss);
        ht_log(ht, "val_loss", epoch, valid_loss);
        ht_log(ht, "val_error", epoch, error);
        ht_log(ht, "lr", epoch, s->lr);
        if (epoch % 10 == 0 || epoch == 1) {
            printf("epoch %lld train_loss %.4f val_loss %.4f val_error %.4f\n", (long long)epoch, loss, valid_loss, error);
            fflush(stdout);
        }
        if (ht_report(ht, epoch, error) != HT_CONTINUE || !isfinite(loss))
            break;
    }
    ht_probe(ht, NULL); /* its weights go with this function's caller */
    double test_loss, test_error = mlp_error(net, &data[2], &test_loss);
    printf("finished: val_error %.4f test_error %.4f\n", error, test_error);
    free(order);
    return 0;
}

int main(void)
{
    struct ht_options opts = {.size = sizeof opts, .program = "digits"};
    ht_agent *ht = ht_open(&opts);
    struct settings s = {.rule = OPTIM_SGD};
    read_settings(ht, &s);
    struct rng rng;
    rng_seed(&rng, (uint64_t)ht_seed(ht, 1));
    struct digits data[3] = {0};
    struct mlp net = {0};
    struct optim opt = {0};
    int status = 1;
    if (digits_load(&data[0], &data[1], &data[2]) || mlp_init(&net, s.hidden, &rng) || optim_init(&opt, s.rule, net.n))
        fprintf(stderr, "digits: out of memory\n");
    else
        status = train_all(ht, &s, &net, &opt, data, &rng);
    optim_release(&opt);
    mlp_release(&net);
    for (int i = 0; i < 3; i++)
        digits_release(&data[i]);
    ht_close(ht);
    return status;
}
