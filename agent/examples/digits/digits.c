/* digits: a multilayer perceptron trained on real handwritten digits, as a trial of a hypertop sweep.
 *
 * Learning rate and weight decay are live: change them while it runs and the next minibatch uses the new value. It
 * reports the validation error after every epoch and obeys what the hub answers. Run by hand it trains with the middle
 * of every range. */
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

/* Writes the weights where the hub asked for a checkpoint. */
static void save(ht_agent *ht, const struct mlp *net, int64_t epoch)
{
    char path[64];
    snprintf(path, sizeof path, "digits-t%lld-e%lld.bin", (long long)ht_trial(ht), (long long)epoch);
    FILE *f = fopen(path, "wb");
    size_t wrote = f ? fwrite(net->w, sizeof *net->w, net->n, f) : 0;
    if (f && fclose(f) == 0 && wrote == net->n)
        ht_checkpoint(ht, path, epoch);
    else
        ht_text(ht, epoch, "checkpoint could not be written");
}

/* The safe point between minibatches. Returns nonzero when the trial should end. */
static int safe_point(ht_agent *ht, struct settings *s, const struct mlp *net, int64_t epoch)
{
    struct ht_command cmd;
    do {
        if (ht_poll(ht, &cmd) != HT_CONTINUE)
            return 1;
        if (cmd.kind == HT_CMD_CHECKPOINT)
            save(ht, net, epoch);
        else if (cmd.kind == HT_CMD_CUSTOM)
            ht_answer(ht, cmd.id, 0, "digits knows no such command");
    } while (cmd.kind != HT_CMD_NONE);
    read_live(ht, s);
    return 0;
}

static int epoch_of(ht_agent *ht, struct settings *s, struct mlp *net, struct optim *opt, const struct digits *train,
                    int *order, struct rng *rng, int64_t epoch, double *loss)
{
    int batches = 0;
    *loss = 0;
    rng_shuffle(rng, order, train->n);
    for (int at = 0; at + s->batch <= train->n; at += s->batch) {
        if (safe_point(ht, s, net, epoch))
            return 1;
        *loss += mlp_gradient(net, train, order + at, s->batch, s->dropout, rng);
        optim_step(opt, net->w, net->g, s->lr, s->weight_decay);
        batches++;
    }
    *loss /= batches;
    return 0;
}

static int train_all(ht_agent *ht, struct settings *s, struct mlp *net, struct optim *opt, const struct digits data[3],
                     struct rng *rng)
{
    int *order = malloc((size_t)data[0].n * sizeof *order);
    if (!order)
        return 1;
    for (int i = 0; i < data[0].n; i++)
        order[i] = i;
    double error = NAN, valid_loss = NAN, loss = NAN;
    for (int64_t epoch = 1; epoch <= s->epochs; epoch++) {
        ht_step(ht, epoch);
        if (epoch_of(ht, s, net, opt, &data[0], order, rng, epoch, &loss))
            break;
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
