/* The client against a fake hub: deltas, the link's states, reconnect, time-outs, error answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/tui/fake_hub.h"
#include "tui/client.h"
#include "tui/view_store.h"

#define BEAT (40 * CLOCK_MS)

/* Pumps until the condition holds; fails the test after ten seconds. */
#define WAIT_FOR(c, condition)                                                                               \
    do {                                                                                                     \
        int64_t until_ = clock_mono_ns() + 10 * CLOCK_S;                                                     \
        while (!(condition)) {                                                                               \
            assert_true(clock_mono_ns() < until_);                                                           \
            pump(c);                                                                                         \
        }                                                                                                    \
    } while (0)

static void pump(struct client *c)
{
    struct pollfd p = {.fd = client_fd(c), .events = POLLIN};
    poll(&p, 1, 5);
    client_pump(c);
}

static int setup(void **state)
{
    struct fake_hub *h = MEM_NEW(struct fake_hub);
    fake_hub_room(h);
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    fake_hub_leave(*state);
    free(*state);
    return 0;
}

static struct client *open_client(void)
{
    char *cause = NULL;
    struct client_options o = {.hub = "test", .beat_ns = BEAT, .timeout_ns = 5 * CLOCK_S};
    struct client *c = client_open(&o, &cause);
    if (!c)
        fail_msg("%s", cause);
    return c;
}

/* {view: NAME, from: FROM} */
static struct span request_of(struct buf *b, const char *view, int64_t from)
{
    struct codec_writer w;
    buf_clear(b);
    cw_init(&w, b);
    cw_map(&w, 2);
    cw_kstr(&w, "view", view);
    cw_kint(&w, "from", from);
    return (struct span){(char *)b->data, b->len};
}

/* view.data with string parts; texts[i] NULL is left out. Call with the hub entered. */
static void push(struct fake_hub *h, int64_t sub, bool full, int64_t count, int n, const char *const *texts)
{
    struct codec_writer w;
    int present = 0;
    for (int i = 0; i < n; i++)
        present += texts[i] != NULL;
    fake_hub_begin(h, &w, MSG_VIEW_DATA, sub);
    cw_map(&w, 5);
    cw_kint(&w, "sub", sub);
    cw_kbool(&w, "full", full);
    cw_kint(&w, "count", count);
    cw_str(&w, "head");
    cw_map(&w, 1);
    cw_kint(&w, "shown", count);
    cw_str(&w, "parts");
    cw_array(&w, (size_t)present);
    for (int i = 0; i < n; i++) {
        if (!texts[i])
            continue;
        cw_array(&w, 2);
        cw_int(&w, i);
        cw_str(&w, texts[i]);
    }
    fake_hub_send(h);
}

static bool part_is(const struct view *v, int i, const char *text)
{
    struct codec_reader r;
    if (i >= v->n_parts || !v->parts[i].value.n)
        return false;
    cr_init(&r, v->parts[i].value.p, v->parts[i].value.n);
    return span_eq(cr_str(&r), text);
}

static void on_sub_three_rows(struct fake_hub *h, const struct message *m)
{
    static const char *const rows[] = {"a", "b", "c"};
    if (m->kind == MSG_SUB) {
        h->count++;
        h->last_id = m->id;
        cmap_strcpy(m->body, "view", h->last, sizeof h->last);
        push(h, m->id, true, 3, 3, rows);
    } else if (m->kind == MSG_UNSUB) {
        snprintf(h->last, sizeof h->last, "unsub %lld", (long long)cmap_int(m->body, "sub", -1));
    }
}

static bool said(struct fake_hub *h, const char *what)
{
    fake_hub_enter(h);
    bool yes = strcmp(h->last, what) == 0;
    fake_hub_exit(h);
    return yes;
}

static int hellos(struct fake_hub *h)
{
    fake_hub_enter(h);
    int n = h->hellos;
    fake_hub_exit(h);
    return n;
}

/* ---- opening ---- */

static void open_without_a_hub_names_it_and_says_how_to_start(void **state)
{
    struct client_options o = {.hub = "nobody"};
    char *cause = NULL;
    assert_null(client_open(&o, &cause));
    assert_non_null(strstr(cause, "'nobody'"));
    assert_non_null(strstr(cause, "hypertop hub start -L nobody"));
    free(cause);
}

static void open_refuses_a_foreign_file_in_the_sockets_place(void **state)
{
    struct fake_hub *h = *state;
    struct client_options o = {.hub = "foreign"};
    char path[PATH_MAX], *cause = NULL;
    snprintf(path, sizeof path, "%s/foreign.sock", h->dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    assert_null(client_open(&o, &cause));
    assert_non_null(strstr(cause, "is not a socket"));
    assert_non_null(strstr(cause, path));
    unlink(path);
    free(cause);
}

static void open_times_out_on_a_silent_hub(void **state)
{
    struct fake_hub *h = *state;
    struct client_options o = {.hub = "test", .beat_ns = BEAT, .timeout_ns = 200 * CLOCK_MS};
    char *cause = NULL;
    h->mute = true;
    fake_hub_start(h, "test");
    int64_t from = clock_mono_ns();
    assert_null(client_open(&o, &cause));
    assert_true(clock_mono_ns() - from >= 200 * CLOCK_MS);
    assert_non_null(strstr(cause, "did not answer within 0.2 s"));
    free(cause);
}

static void open_passes_on_why_the_hub_refused(void **state)
{
    struct fake_hub *h = *state;
    struct client_options o = {.hub = "test", .beat_ns = BEAT};
    char *cause = NULL;
    h->refuse = "your key is not on the list";
    fake_hub_start(h, "test");
    assert_null(client_open(&o, &cause));
    assert_non_null(strstr(cause, "your key is not on the list"));
    free(cause);
}

static void open_of_a_bad_name_is_an_error(void **state)
{
    struct client_options o = {.hub = "../up"};
    char *cause = NULL;
    assert_null(client_open(&o, &cause));
    assert_non_null(strstr(cause, "../up"));
    free(cause);
}

static void readonly_asks_as_viewer(void **state)
{
    struct fake_hub *h = *state;
    struct client_options o = {.hub = "test", .readonly = true};
    char *cause = NULL;
    fake_hub_start(h, "test");
    struct client *c = client_open(&o, &cause);
    assert_non_null(c);
    assert_true(client_readonly(c));
    fake_hub_enter(h);
    assert_int_equal(h->role, ROLE_VIEWER);
    fake_hub_exit(h);
    client_close(c);
}

static void close_says_bye(void **state)
{
    struct fake_hub *h = *state;
    fake_hub_start(h, "test");
    client_close(open_client());
    fake_hub_enter(h);
    assert_int_equal(h->byes, 1);
    fake_hub_exit(h);
}

static void the_hubs_clock_and_the_round_trip_are_known(void **state)
{
    struct fake_hub *h = *state;
    fake_hub_start(h, "test");
    struct client *c = open_client();
    assert_int_equal(client_link(c), LINK_UP);
    assert_string_equal(client_hub_name(c), "test");
    assert_true(client_rtt_ns(c) > 0 && client_rtt_ns(c) < 5 * CLOCK_S);
    int64_t off = client_now(c) - clock_wall_ns();
    assert_true(off > -CLOCK_S && off < CLOCK_S);
    client_close(c);
}

/* ---- views ---- */

static void a_delta_replaces_only_its_rows(void **state)
{
    struct fake_hub *h = *state;
    struct buf b = {0};
    static const char *const change[] = {NULL, "B"};
    h->on = on_sub_three_rows;
    fake_hub_start(h, "test");
    struct client *c = open_client();
    struct view *v = client_sub(c, request_of(&b, "trials", 0), 4);
    assert_false(v->loaded);
    WAIT_FOR(c, v->loaded);
    assert_int_equal(v->n_parts, 3);
    uint64_t version = v->version;
    fake_hub_enter(h);
    push(h, h->last_id, false, 3, 2, change);
    fake_hub_exit(h);
    WAIT_FOR(c, v->version != version);
    assert_true(part_is(v, 0, "a") && part_is(v, 1, "B") && part_is(v, 2, "c"));
    client_close(c);
    buf_release(&b);
}

static void a_smaller_count_drops_the_rows_past_it(void **state)
{
    struct fake_hub *h = *state;
    struct buf b = {0};
    h->on = on_sub_three_rows;
    fake_hub_start(h, "test");
    struct client *c = open_client();
    struct view *v = client_sub(c, request_of(&b, "trials", 10), 4);
    WAIT_FOR(c, v->loaded);
    fake_hub_enter(h);
    push(h, h->last_id, false, 12, 0, NULL); /* rows 10 and 11 are left of 10, 11, 12 */
    fake_hub_exit(h);
    WAIT_FOR(c, v->count == 12);
    assert_int_equal(v->n_parts, 2);
    assert_true(part_is(v, 1, "b"));
    client_close(c);
    buf_release(&b);
}

static void resub_keeps_the_old_rows_until_the_new_ones_come(void **state)
{
    struct fake_hub *h = *state;
    struct buf b = {0};
    static const char *const rows[] = {"x"};
    h->on = on_sub_three_rows;
    fake_hub_start(h, "test");
    struct client *c = open_client();
    struct view *v = client_sub(c, request_of(&b, "trials", 0), 4);
    WAIT_FOR(c, v->loaded);
    fake_hub_enter(h);
    int64_t old = h->last_id;
    h->on = NULL; /* a slow hub */
    fake_hub_exit(h);
    client_resub(c, v, request_of(&b, "trials", 40), 4);
    assert_false(v->loaded);
    fake_hub_enter(h);
    push(h, old, false, 3, 1, rows); /* late news for the old request */
    fake_hub_exit(h);
    for (int i = 0; i < 10; i++)
        pump(c);
    assert_true(part_is(v, 0, "a") && v->n_parts == 3);
    fake_hub_enter(h);
    push(h, old + 2, false, 41, 1, rows); /* unsub took one id */
    fake_hub_exit(h);
    WAIT_FOR(c, v->loaded);
    assert_int_equal(v->n_parts, 1); /* the first answer replaces all, full or not */
    assert_true(part_is(v, 0, "x"));
    client_close(c);
    buf_release(&b);
}

static void resub_with_the_same_request_sends_nothing(void **state)
{
    struct fake_hub *h = *state;
    struct buf b = {0};
    h->on = on_sub_three_rows;
    fake_hub_start(h, "test");
    struct client *c = open_client();
    struct view *v = client_sub(c, request_of(&b, "trials", 0), 4);
    WAIT_FOR(c, v->loaded);
    client_resub(c, v, request_of(&b, "trials", 0), 4);
    assert_true(v->loaded);
    client_unsub(c, v);
    int64_t until = clock_mono_ns() + 10 * CLOCK_S;
    char want[64];
    fake_hub_enter(h);
    snprintf(want, sizeof want, "unsub %lld", (long long)h->last_id);
    fake_hub_exit(h);
    while (!said(h, want) && clock_mono_ns() < until)
        pump(c);
    assert_true(said(h, want));
    assert_int_equal(h->count, 1);
    client_close(c);
    buf_release(&b);
}

static void on_sub_refuse(struct fake_hub *h, const struct message *m)
{
    fake_hub_error(h, m->id, "unknown view 'trails'");
}

static void a_refused_view_says_why(void **state)
{
    struct fake_hub *h = *state;
    struct buf b = {0};
    h->on = on_sub_refuse;
    fake_hub_start(h, "test");
    struct client *c = open_client();
    struct view *v = client_sub(c, request_of(&b, "trails", 0), 4);
    WAIT_FOR(c, v->error != NULL);
    assert_string_equal(v->error, "unknown view 'trails'");
    client_close(c);
    buf_release(&b);
}

static void apply_leaves_the_picture_alone_when_the_body_is_malformed(void **state)
{
    struct view v = {0};
    struct buf b = {0};
    struct codec_writer w;
    cw_init(&w, &b);
    cw_map(&w, 2);
    cw_kint(&w, "count", 1);
    cw_str(&w, "parts");
    cw_array(&w, 1);
    cw_array(&w, 2);
    cw_int(&w, 0);
    cw_str(&w, "good");
    assert_true(view_apply(&v, (struct span){(char *)b.data, b.len}, 0, true));
    const int64_t wrong[] = {-1, VIEW_MAX_PARTS};
    for (int i = 0; i < 2; i++) {
        buf_clear(&b);
        cw_map(&w, 2);
        cw_kint(&w, "count", 9);
        cw_str(&w, "parts");
        cw_array(&w, 2);
        cw_array(&w, 2);
        cw_int(&w, 0);
        cw_str(&w, "bad");
        cw_array(&w, 2);
        cw_int(&w, wrong[i]);
        cw_nil(&w);
        assert_false(view_apply(&v, (struct span){(char *)b.data, b.len}, 0, true));
    }
    assert_int_equal(v.count, 1);
    assert_true(part_is(&v, 0, "good"));
    assert_int_equal(v.version, 1);
    view_clear(&v);
    buf_release(&b);
}

/* ---- requests ---- */

struct answers {
    int n, lost;
    char states[8][16];
};

static void note_answer(void *arg, const struct message *m)
{
    struct answers *a = arg;
    if (!m)
        a->lost++;
    else if (a->n < 8)
        cmap_strcpy(m->body, "state", a->states[a->n++], sizeof a->states[0]);
}

static void result(struct fake_hub *h, int64_t id, const char *verdict, bool more)
{
    struct codec_writer w;
    fake_hub_begin(h, &w, MSG_RESULT, id);
    cw_map(&w, 2);
    cw_kstr(&w, "state", verdict);
    cw_kbool(&w, "more", more);
    fake_hub_send(h);
}

static void on_send_two_results(struct fake_hub *h, const struct message *m)
{
    result(h, m->id, "accepted", true);
    result(h, m->id, "applied", false);
    result(h, m->id, "late", false);
}

static void results_come_until_the_last_one(void **state)
{
    struct fake_hub *h = *state;
    struct answers a = {0};
    h->on = on_send_two_results;
    fake_hub_start(h, "test");
    struct client *c = open_client();
    assert_true(client_request(c, MSG_SEND, (struct span){0}, note_answer, &a) > 0);
    WAIT_FOR(c, a.n == 2);
    for (int i = 0; i < 5; i++)
        pump(c);
    assert_int_equal(a.n, 2);
    assert_string_equal(a.states[1], "applied");
    client_close(c);
}

static void ask_returns_the_hubs_error_as_cause(void **state)
{
    struct fake_hub *h = *state;
    struct buf frame = {0};
    struct message m;
    char *cause = NULL;
    h->on = on_sub_refuse;
    fake_hub_start(h, "test");
    struct client *c = open_client();
    assert_int_equal(client_ask(c, MSG_VIEW, (struct span){0}, 5 * CLOCK_S, &frame, &m, &cause), -1);
    assert_string_equal(cause, "unknown view 'trails'");
    client_close(c);
    buf_release(&frame);
    free(cause);
}

static void ask_gives_up_after_its_timeout(void **state)
{
    struct fake_hub *h = *state;
    struct buf frame = {0};
    struct message m;
    char *cause = NULL;
    fake_hub_start(h, "test"); /* answers pings, nothing else */
    struct client *c = open_client();
    assert_int_equal(client_ask(c, MSG_VIEW, (struct span){0}, 3 * BEAT, &frame, &m, &cause), -1);
    assert_non_null(strstr(cause, "did not answer within 0.12 s"));
    assert_int_equal(client_link(c), LINK_UP);
    client_close(c);
    buf_release(&frame);
    free(cause);
}

static void a_request_is_reported_lost_with_the_link(void **state)
{
    struct fake_hub *h = *state;
    struct answers a = {0};
    fake_hub_start(h, "test");
    struct client *c = open_client();
    client_request(c, MSG_SEND, (struct span){0}, note_answer, &a);
    fake_hub_stop(h);
    WAIT_FOR(c, a.lost == 1);
    assert_int_equal(client_link(c), LINK_DOWN);
    assert_int_equal(client_request(c, MSG_SEND, (struct span){0}, note_answer, &a), 0);
    assert_int_equal(a.lost, 2);
    client_close(c);
}

static void on_send_keep_who(struct fake_hub *h, const struct message *m)
{
    char who[32], sweep[16], verb[16];
    cmap_strcpy(m->body, "who", who, sizeof who);
    cmap_strcpy(m->body, "sweep", sweep, sizeof sweep);
    cmap_strcpy(m->body, "verb", verb, sizeof verb);
    snprintf(h->last, sizeof h->last, "%s by %s in %s wait %d", verb, who, sweep,
             cmap_bool(m->body, "wait", false));
    result(h, m->id, "applied", false);
}

static void a_verb_carries_who_and_sweep(void **state)
{
    struct fake_hub *h = *state;
    struct answers a = {0};
    char *words[] = {"pause", "t3"}, *wrong[] = {"paws", "t3"}, want[64], *cause = NULL;
    h->on = on_send_keep_who;
    fake_hub_start(h, "test");
    struct client *c = open_client();
    assert_true(client_verb(c, 2, words, "digits", true, note_answer, &a, &cause) > 0);
    WAIT_FOR(c, a.n == 1);
    snprintf(want, sizeof want, "pause by %s in digits wait 1", client_user(c));
    assert_true(said(h, want));
    assert_int_equal(client_verb(c, 2, wrong, NULL, true, note_answer, &a, &cause), 0);
    assert_non_null(strstr(cause, "paws"));
    assert_int_equal(a.n, 1);
    client_close(c);
    free(cause);
}

/* ---- the link ---- */

static void silence_makes_stale_then_down_and_the_view_stays(void **state)
{
    struct fake_hub *h = *state;
    struct buf b = {0};
    h->on = on_sub_three_rows;
    fake_hub_start(h, "test");
    struct client *c = open_client();
    struct view *v = client_sub(c, request_of(&b, "trials", 0), 4);
    WAIT_FOR(c, v->loaded);
    fake_hub_enter(h);
    h->mute = true;
    fake_hub_exit(h);
    WAIT_FOR(c, client_link(c) == LINK_STALE);
    assert_true(part_is(v, 2, "c"));
    WAIT_FOR(c, client_link(c) == LINK_DOWN);
    assert_true(part_is(v, 2, "c"));
    fake_hub_enter(h);
    h->mute = false;
    fake_hub_exit(h);
    WAIT_FOR(c, client_link(c) == LINK_UP);
    WAIT_FOR(c, h->count >= 2 && v->version >= 2);
    client_close(c);
    buf_release(&b);
}

static void a_restarted_hub_gets_the_subscriptions_again(void **state)
{
    struct fake_hub *h = *state;
    struct buf b = {0};
    h->on = on_sub_three_rows;
    fake_hub_start(h, "test");
    struct client *c = open_client();
    struct view *v = client_sub(c, request_of(&b, "trials", 0), 4);
    WAIT_FOR(c, v->loaded);
    for (int round = 2; round < 5; round++) {
        fake_hub_stop(h);
        WAIT_FOR(c, client_link(c) == LINK_DOWN);
        assert_true(part_is(v, 0, "a"));
        fake_hub_start(h, "test");
        WAIT_FOR(c, client_link(c) == LINK_UP && v->version >= (uint64_t)round);
        assert_int_equal(hellos(h), round);
    }
    client_close(c);
    buf_release(&b);
}

static void another_pid_in_a_pong_means_a_new_hub(void **state)
{
    struct fake_hub *h = *state;
    fake_hub_start(h, "test");
    struct client *c = open_client();
    fake_hub_enter(h);
    h->pid++;
    fake_hub_exit(h);
    WAIT_FOR(c, hellos(h) == 2 && client_link(c) == LINK_UP);
    client_close(c);
}

static void pings_measure_the_round_trip(void **state)
{
    struct fake_hub *h = *state;
    fake_hub_start(h, "test");
    struct client *c = open_client();
    bool two = false;
    while (!two) {
        pump(c);
        fake_hub_enter(h);
        two = h->pings >= 2;
        fake_hub_exit(h);
    }
    assert_int_equal(client_link(c), LINK_UP);
    assert_true(client_rtt_ns(c) < CLOCK_S);
    client_close(c);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(open_without_a_hub_names_it_and_says_how_to_start),
        T(open_refuses_a_foreign_file_in_the_sockets_place),
        T(open_times_out_on_a_silent_hub),
        T(open_passes_on_why_the_hub_refused),
        T(open_of_a_bad_name_is_an_error),
        T(readonly_asks_as_viewer),
        T(close_says_bye),
        T(the_hubs_clock_and_the_round_trip_are_known),
        T(a_delta_replaces_only_its_rows),
        T(a_smaller_count_drops_the_rows_past_it),
        T(resub_keeps_the_old_rows_until_the_new_ones_come),
        T(resub_with_the_same_request_sends_nothing),
        T(a_refused_view_says_why),
        T(apply_leaves_the_picture_alone_when_the_body_is_malformed),
        T(results_come_until_the_last_one),
        T(ask_returns_the_hubs_error_as_cause),
        T(ask_gives_up_after_its_timeout),
        T(a_request_is_reported_lost_with_the_link),
        T(a_verb_carries_who_and_sweep),
        T(silence_makes_stale_then_down_and_the_view_stays),
        T(a_restarted_hub_gets_the_subscriptions_again),
        T(another_pid_in_a_pong_means_a_new_hub),
        T(pings_measure_the_round_trip),
    };
    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
