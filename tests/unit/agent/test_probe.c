/* Loss surfaces as a program offers them: what comes out of the ring, and that its weights are bit for bit what they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/hypertop.h"
#include "proto/ring.h"
#include "tests/unit/agent/tree.h"

static char dir[64], path[96], why[RING_WHY];
static struct ring ring;
static uint8_t payload[RING_PAYLOAD];
static uint64_t torn;

/* A model of two tensors: the loss is a sum of squares, so every cell is known. */
static struct {
    float w[6];   /* 2 x 3 */
    double b[2];
    int evals, inside, fail_at;
    double biased;
} model;

static int set_up(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/ht-probe-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/a.ring", dir);
    struct ring_identity id = {.run = 4, .trial = 17, .seed = 99, .leased = true, .owned = true, .lane_slots = 8192};
    memset(&model, 0, sizeof model);
    const float w[] = {0.1f, -0.2f, 0.3f, 1e-8f, 5, -7};
    memcpy(model.w, w, sizeof w);
    model.b[0] = 1.0 / 3;
    model.b[1] = -2.5;
    model.fail_at = -1;
    torn = 0;
    return ring_create(&ring, path, &id, why);
}

static int tear_down(void **state)
{
    ring_unmap(&ring);
    return tree_remove(dir);
}

static double squares(void)
{
    double s = 0;
    for (int i = 0; i < 6; i++)
        s += (double)model.w[i] * model.w[i];
    return s + model.b[0] * model.b[0] + model.b[1] * model.b[1];
}

static ht_agent *agent;

static int eval(void *arg, double *loss)
{
    struct ht_command c;
    assert_ptr_equal(arg, &model);
    assert_int_equal(ht_poll(agent, &c), HT_CONTINUE); /* takes nothing: this is no safe point */
    assert_int_equal(c.kind, HT_CMD_NONE);
    *loss = squares();
    return model.evals++ == model.fail_at;
}

static int load(void *arg, const char *checkpoint)
{
    if (strcmp(checkpoint, "two") != 0)
        return -1;
    for (int i = 0; i < 6; i++)
        model.w[i] *= 2;
    return 0;
}

static int enter(void *arg)
{
    return model.inside++;
}

static int leave(void *arg)
{
    return --model.inside;
}

static ht_agent *offer(void)
{
    static const int64_t two_three[] = {2, 3}, two[] = {2};
    struct ht_options o = {.size = sizeof o, .ring = path, .no_relay = 1};
    struct ht_tensor t[] = {{model.w, two_three, 2, HT_F32}, {model.b, two, 1, HT_F64}};
    struct ht_probe_options p = {.size = sizeof p, .eval = eval, .load = load, .enter = enter, .leave = leave, .arg = &model,
                                 .tensors = t, .n = 2};
    agent = ht_open(&o);
    assert_int_equal(ht_probe(agent, &p), HT_OK);
    return agent;
}

static void ask(int64_t id, const char *what, double radius, const char *text)
{
    struct ring_command c = {.kind = RING_CMD_PROBE, .id = id, .value = radius};
    snprintf(c.name, sizeof c.name, "%s", what);
    snprintf(c.text, sizeof c.text, "%s", text);
    assert_true(ring_command_push(&ring, &c));
}

struct surface {
    struct ring_surface head;
    double z[255 * 3];
    int seen, records;
    int order[255 * 3];
    char why[200];
};

static struct surface read_surface(void)
{
    struct surface s = {0};
    struct ring_record r;
    for (int i = 0; i < 255 * 3; i++)
        s.z[i] = NAN;
    while (ring_record_take(&ring, &r, payload, false, &torn)) {
        if (r.kind != RR_SURFACE)
            continue;
        memcpy(&s.head, payload, sizeof s.head);
        for (uint32_t i = 0; i < s.head.cells; i++) {
            struct ring_cell c;
            memcpy(&c, payload + sizeof s.head + i * sizeof c, sizeof c);
            assert_true(isnan(s.z[c.at]));
            s.order[s.seen++] = (int)c.at;
            s.z[c.at] = c.z;
        }
        size_t words = sizeof s.head + s.head.cells * sizeof(struct ring_cell);
        snprintf(s.why, sizeof s.why, "%.*s", (int)(r.bytes - words), (const char *)payload + words);
        s.records++;
    }
    return s;
}

static char *answer(enum ring_state *state)
{
    static char message[256];
    struct ring_record r;
    while (ring_record_take(&ring, &r, payload, false, &torn)) {
        if (r.kind != RR_ANSWER)
            continue;
        struct ring_answer a;
        memcpy(&a, payload, sizeof a);
        *state = (enum ring_state)a.state;
        const char *p = (const char *)payload + sizeof a;
        for (int i = 0; i < 3; i++)
            p += strlen(p) + 1;
        snprintf(message, sizeof message, "%s", p);
        return message;
    }
    return NULL;
}

static int poll_until_done(void)
{
    int polls = 0;
    do {
        assert_int_equal(ht_poll(agent, NULL), HT_CONTINUE);
        model.biased += squares(); /* a step of training */
        assert_true(++polls < 100000000);
    } while (ht_probing(agent));
    return polls;
}

static void every_cell_comes_and_the_weights_stay(void **state)
{
    ht_agent *ht = offer();
    float w[6];
    double b[2], loss = squares(), length[2] = {0};
    memcpy(w, model.w, sizeof w);
    memcpy(b, model.b, sizeof b);
    for (int i = 0; i < 6; i++)
        length[i / 3] += (double)w[i] * w[i];
    ask(7, "9 5 0 20", 0.5, "");
    poll_until_done();
    assert_memory_equal(model.w, w, sizeof w);
    assert_memory_equal(model.b, b, sizeof b);
    assert_int_equal(model.inside, 0);
    struct surface s = read_surface();
    assert_int_equal(s.seen, 45);
    assert_int_equal(s.head.state, RING_SURFACE_DONE);
    assert_int_equal(s.head.done, 45);
    assert_true(s.head.x0 == -0.5 && s.head.y1 == 0.5 && s.head.command == 7);
    assert_true(s.head.loss == loss && s.z[2 * 9 + 4] == loss);
    assert_int_equal(s.order[0], 2 * 9 + 4); /* the middle first */
    /* On the line through the middle the loss is a parabola whose second difference is |d|^2 = the sum of the filters' norms,
     * whatever the draw: filter normalisation, and biases that stay. */
    double h = 0.5 / 4, second = (s.z[22 - 4] - 2 * loss + s.z[22 + 4]) / (16 * h * h);
    assert_true(fabs(second / 2 - (length[0] + length[1])) < 1e-4 * second);
    ht_close(ht);
}

static void the_centre_stays_while_training_goes_on(void **state)
{
    ht_agent *ht = offer();
    double loss = squares();
    ask(7, "5 3 1 0.000001", 1, ""); /* one cell a slice */
    assert_int_equal(ht_poll(ht, NULL), HT_CONTINUE);
    float now = 3;
    do {
        now += 0.25f;
        model.w[0] = now; /* trained */
        ht_poll(ht, NULL);
        assert_true(model.w[0] == now);
    } while (ht_probing(ht));
    struct surface s = read_surface();
    assert_int_equal(s.seen, 15);
    assert_true(s.z[7] == loss && s.head.norm == RING_NORM_LAYER);
    ht_close(ht);
}

static void a_direction_leads_to_a_checkpoint(void **state)
{
    ht_agent *ht = offer();
    double w2 = squares() - model.b[0] * model.b[0] - model.b[1] * model.b[1], rest = squares() - w2;
    ask(7, "3 1 0 20", 1, "two");
    poll_until_done();
    struct surface s = read_surface();
    assert_int_equal(s.head.norm, RING_NORM_TOWARDS);
    assert_true(fabs(s.z[0] - rest) < 1e-4 && fabs(s.z[2] - (4 * w2 + rest)) < 1e-4);
    ask(8, "3 1 0 20", 1, "two\x1fthree");
    ht_poll(ht, NULL);
    enum ring_state st = RING_APPLIED;
    assert_non_null(strstr(answer(&st), "could not read a checkpoint"));
    assert_int_equal(st, RING_REJECTED);
    assert_true(fabs(squares() - w2 - rest) == 0);
    ht_close(ht);
}

static void an_evaluation_that_fails_ends_the_probe_alone(void **state)
{
    ht_agent *ht = offer();
    float w[6];
    memcpy(w, model.w, sizeof w);
    model.fail_at = 4; /* the first look and three cells are good */
    ask(7, "9 5 0 0.000001", 1, "");
    poll_until_done();
    assert_memory_equal(model.w, w, sizeof w);
    struct surface s = read_surface();
    assert_int_equal(s.seen, 3);
    assert_int_equal(s.head.state, RING_SURFACE_FAILED);
    assert_string_equal(s.why, "the program's evaluation failed");
    model.fail_at = model.evals;
    ask(8, "3 3 0 20", 1, "");
    ht_poll(ht, NULL);
    enum ring_state st = RING_APPLIED;
    assert_string_equal(answer(&st), "the program's evaluation failed");
    assert_int_equal(st, RING_REJECTED);
    assert_memory_equal(model.w, w, sizeof w);
    ht_close(ht);
}

static void one_at_a_time_and_it_can_be_ended(void **state)
{
    ht_agent *ht = offer();
    enum ring_state st = RING_REJECTED;
    ask(7, "255 3 0 0.000001", 1, "");
    ht_poll(ht, NULL);
    assert_non_null(strstr(answer(&st), "255x3 cells from step"));
    assert_int_equal(st, RING_APPLIED);
    ask(8, "3 3 0 20", 1, "");
    ht_poll(ht, NULL);
    assert_non_null(strstr(answer(&st), "a probe is on"));
    ask(9, "0 3 0 20", 1, "");
    ht_poll(ht, NULL);
    struct surface s = read_surface();
    assert_int_equal(s.head.state, RING_SURFACE_STOPPED);
    assert_int_equal(s.seen, (int)s.head.done);
    assert_int_equal(ht_probing(ht), 0);
    ask(10, "0 3 0 20", 1, "");
    ht_poll(ht, NULL);
    assert_string_equal(answer(&st), "no probe is on");
    ask(11, "4 3 0 20", 1, "");
    ht_poll(ht, NULL);
    assert_non_null(strstr(answer(&st), "makes no sense"));
    assert_int_equal(ht_probe(ht, NULL), HT_OK);
    ask(12, "3 3 0 20", 1, "");
    ht_poll(ht, NULL);
    assert_non_null(strstr(answer(&st), "offers no loss surfaces"));
    ht_close(ht);
}

static void closing_says_that_it_ended(void **state)
{
    ht_agent *ht = offer();
    ask(7, "255 3 0 0.000001", 1, "");
    ht_poll(ht, NULL);
    atomic_store(&ring.h->owner, 0); /* nobody drains while it closes */
    ht_close(ht);
    struct surface s = read_surface();
    assert_int_equal(s.head.state, RING_SURFACE_STOPPED);
    assert_string_equal(s.why, "the program has ended its run");
}

static void offers_that_make_no_sense_are_refused(void **state)
{
    static const int64_t bad[] = {2, -3};
    struct ht_options o = {.size = sizeof o, .ring = path, .no_relay = 1};
    struct ht_tensor t[] = {{model.w, bad, 2, HT_F32}};
    struct ht_probe_options p = {.size = sizeof p, .eval = eval, .tensors = t, .n = 1};
    agent = ht_open(&o);
    assert_int_equal(ht_probe(agent, &p), HT_INVALID);
    t[0].shape = NULL;
    assert_int_equal(ht_probe(agent, &p), HT_INVALID);
    p.n = 0;
    assert_int_equal(ht_probe(agent, &p), HT_INVALID);
    assert_int_equal(ht_probe(NULL, &p), HT_INERT);
    ht_close(agent);
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(every_cell_comes_and_the_weights_stay),
        FACT(the_centre_stays_while_training_goes_on),
        FACT(a_direction_leads_to_a_checkpoint),
        FACT(an_evaluation_that_fails_ends_the_probe_alone),
        FACT(one_at_a_time_and_it_can_be_ended),
        FACT(closing_says_that_it_ended),
        FACT(offers_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
