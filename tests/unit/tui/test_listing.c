/* What ls asks for, and how values are said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/tui/fake_hub.h"
#include "tui/client.h"
#include "tui/listing.h"
#include "tui/say.h"

static void values_are_said_for_people(void **state)
{
    struct buf v = {0}, out = {0};
    struct codec_writer w;
    cw_init(&w, &v);
    cw_array(&w, 5);
    cw_nil(&w);
    cw_bool(&w, true);
    cw_double(&w, __builtin_nan(""));
    cw_int(&w, -3);
    cw_str(&w, "caf\xc3\xa9\r");
    say_value(&out, (struct span){(char *)v.data, v.len});
    assert_string_equal(buf_cstr(&out), "-,yes,nan,-3,caf\xc3\xa9\\x0d");
    buf_release(&v);
    buf_release(&out);
}

#define TOTAL 2345

static void on_view_page(struct fake_hub *h, const struct message *m)
{
    struct codec_writer w;
    int64_t from = cmap_int(m->body, "from", 0), rows = cmap_int(m->body, "rows", 0);
    int64_t n = TOTAL - from < rows ? TOTAL - from : rows;
    h->count++;
    fake_hub_begin(h, &w, MSG_VIEW_DATA, m->id);
    cw_map(&w, 4);
    cw_kint(&w, "sub", m->id);
    cw_kbool(&w, "full", true);
    cw_kint(&w, "count", TOTAL);
    cw_str(&w, "parts");
    cw_array(&w, (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        cw_array(&w, 2);
        cw_int(&w, i);
        cw_map(&w, 1);
        cw_kint(&w, "trial", from + i);
    }
    fake_hub_send(h);
}

static void count_up(void *arg, struct span row)
{
    int64_t *next = arg;
    assert_int_equal(cmap_int(row, "trial", -1), *next);
    ++*next;
}

static void all_pages_are_fetched_in_order(void **state)
{
    struct fake_hub h;
    fake_hub_room(&h);
    h.on = on_view_page;
    fake_hub_start(&h, "test");
    struct client_options o = {.hub = "test"};
    struct listing_query q = {.cursor = -1};
    int64_t next = 0;
    char *cause = NULL;
    struct client *c = client_open(&o, &cause);
    assert_non_null(c);
    assert_int_equal(listing_rows(c, listing_find("trials"), &q, count_up, &next, &cause), 0);
    assert_int_equal(next, TOTAL);
    assert_int_equal(h.count, 3);
    client_close(c);
    fake_hub_leave(&h);
}

static void mistyped_views_find_their_neighbour(void **state)
{
    assert_string_equal(listing_nearest("trails"), "trials");
    assert_null(listing_nearest("nothing-like-it"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_said_for_people),
        cmocka_unit_test(all_pages_are_fetched_in_order),
        cmocka_unit_test(mistyped_views_find_their_neighbour),
    };
    return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
