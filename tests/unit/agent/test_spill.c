/* The spill queue: order, bounds, what is dropped first, and what a cut or flipped file still gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/spill.h"
#include "base/mem.h"
#include "tests/unit/agent/tree.h"

static char dir[64], path[96];
static struct spill s;
static const struct spill_identity id = {
    .run = 7, .epoch = 3, .trial = 1, .leased = 1, .pid = 55, .program = "prog", .hub = "h"};

static int set_up(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/ht-spill-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/a.spill", dir);
    spill_init(&s, path, &id);
    return 0;
}

static int tear_down(void **state)
{
    spill_release(&s);
    return tree_remove(dir);
}

/* A batch whose bytes follow from its number. */
static void put(uint64_t seq, uint32_t len, bool plain, bool to_file)
{
    uint8_t *bytes = mem_alloc(len);
    memset(bytes, (int)(seq * 31), len);
    struct batch b = {
        .seq = seq, .events = 2, .points = plain ? 10 : 0, .plain = plain, .data = bytes, .len = len};
    spill_put(&s, &b, to_file);
    free(bytes);
}

static bool is(const struct batch *b, uint64_t seq, uint32_t len)
{
    bool ok = b->seq == seq && b->len == len && b->events == 2;
    for (uint32_t i = 0; ok && i < len; i++)
        ok = b->data[i] == (uint8_t)(seq * 31);
    return ok;
}

static bool file_is_there(void)
{
    return access(path, F_OK) == 0;
}

static void leave_and_adopt(void)
{
    spill_release(&s);
    struct spill_identity none = {.run = -1};
    spill_init(&s, path, &none);
    assert_int_equal(spill_adopt(&s, NULL), 1);
}

static void batches_come_back_in_order_from_memory_and_file(void **state)
{
    struct batch b;
    for (uint64_t seq = 1; seq <= 300; seq++)
        put(seq, (uint32_t)(seq * 7), true, seq % 3 == 0);
    uint64_t at = 0;
    for (uint64_t seq = 1; seq <= 300; seq++) {
        assert_true(spill_next(&s, at, &b));
        assert_true(is(&b, seq, (uint32_t)(seq * 7)));
        at = b.seq;
    }
    assert_false(spill_next(&s, at, &b));
    assert_int_equal(spill_last(&s), 300);
}

static void acknowledged_file_is_removed(void **state)
{
    for (uint64_t seq = 1; seq <= 5; seq++)
        put(seq, 100, true, true);
    assert_true(file_is_there());
    spill_ack(&s, 4);
    assert_true(file_is_there());
    assert_false(spill_empty(&s));
    spill_ack(&s, 5);
    assert_false(file_is_there());
    assert_true(spill_empty(&s));
    put(6, 100, true, true); /* and used again */
    assert_true(file_is_there());
}

static void stored_batches_are_adopted_with_their_identity(void **state)
{
    struct batch b;
    char *cause = NULL;
    put(3, 10, true, false);
    put(4, 20, false, false);
    assert_false(file_is_there());
    assert_int_equal(spill_store(&s, &cause), 0);
    leave_and_adopt();
    assert_memory_equal(&s.id, &id, sizeof id);
    assert_true(spill_next(&s, 0, &b) && is(&b, 3, 10) && b.plain);
    assert_true(spill_next(&s, 3, &b) && is(&b, 4, 20) && !b.plain);
    put(5, 30, true, true);
    leave_and_adopt();
    assert_true(spill_next(&s, 4, &b) && is(&b, 5, 30));
}

static void nobody_adopts_a_file_in_use(void **state)
{
    struct spill other;
    char *cause = NULL;
    put(1, 10, true, true);
    spill_init(&other, path, &id);
    assert_int_equal(spill_adopt(&other, &cause), -1);
    assert_non_null(strstr(cause, "another process delivers it"));
    free(cause);
    spill_release(&other);
}

static void too_much_drops_oldest_plain_first_and_counts(void **state)
{
    struct batch b;
    const uint32_t mega = 1 << 20;
    for (uint64_t seq = 1; seq <= 70; seq++)
        put(seq, mega, seq % 10 != 0, true); /* every tenth is kept */
    uint64_t at = 0, plain = 0, kept = 0;
    while (spill_next(&s, at, &b)) {
        assert_true(is(&b, b.seq, mega));
        *(b.plain ? &plain : &kept) += 1;
        at = b.seq;
    }
    assert_int_equal(kept, 7);
    assert_int_equal(plain + kept, SPILL_LIVE / mega);
    assert_int_equal(spill_take_dropped(&s), (63 - plain) * 10);
    assert_int_equal(spill_take_dropped(&s), 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size <= SPILL_FILE + 2 * (int64_t)mega); /* rewritten, not grown for ever */
    assert_int_equal(spill_store(&s, NULL), 0);
    leave_and_adopt();
    assert_true(spill_next(&s, 69, &b) && is(&b, 70, mega));
    for (uint64_t seq = 10; seq <= 70; seq += 10)
        assert_true(spill_next(&s, seq - 1, &b) && is(&b, seq, mega));
}

static void kept_batches_are_bounded_too(void **state)
{
    for (uint64_t seq = 1; seq <= 110; seq++)
        put(seq, 1 << 20, false, true);
    assert_true(s.live <= 2 * SPILL_LIVE);
    assert_int_equal(spill_take_dropped(&s), (110 - 96) * 2); /* counted in events: they hold no points */
}

/* Cut at every byte: all whole frames before the cut come back, nothing else does. */
static void file_cut_anywhere_gives_its_whole_frames(void **state)
{
    static uint8_t all[8192];
    for (uint64_t seq = 1; seq <= 6; seq++)
        put(seq, 40, true, true);
    spill_release(&s);
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, all, sizeof all);
    close(fd);
    const ssize_t frame = 32 + 40;
    assert_int_equal(size, 4096 + 6 * frame);
    for (ssize_t cut = 4096; cut <= size; cut++) {
        struct batch b;
        int out = open(path, O_WRONLY | O_TRUNC);
        assert_int_equal(write(out, all, (size_t)cut), cut);
        close(out);
        spill_init(&s, path, &id);
        assert_int_equal(spill_adopt(&s, NULL), 1);
        uint64_t whole = (uint64_t)((cut - 4096) / frame);
        assert_int_equal(spill_last(&s), whole);
        if (whole)
            assert_true(spill_next(&s, whole - 1, &b) && is(&b, whole, 40));
        put(whole + 1, 40, true, true); /* writing goes on behind the last whole frame */
        leave_and_adopt();
        assert_int_equal(spill_last(&s), whole + 1);
        spill_release(&s);
    }
    spill_init(&s, path, &id);
}

static void flipped_bits_never_give_a_wrong_batch(void **state)
{
    static uint8_t all[8192];
    for (uint64_t seq = 1; seq <= 3; seq++)
        put(seq, 24, true, true);
    spill_release(&s);
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, all, sizeof all);
    close(fd);
    for (ssize_t at = 4096; at < size; at++)
        for (int bit = 0; bit < 8; bit += 3) {
            struct batch b;
            all[at] ^= (uint8_t)(1 << bit);
            int out = open(path, O_WRONLY | O_TRUNC);
            assert_int_equal(write(out, all, (size_t)size), size);
            close(out);
            all[at] ^= (uint8_t)(1 << bit);
            spill_init(&s, path, &id);
            assert_int_equal(spill_adopt(&s, NULL), 1);
            uint64_t n = 0;
            for (uint64_t seq = 0; spill_next(&s, seq, &b); seq = b.seq, n++)
                assert_true(is(&b, b.seq, 24));
            assert_true(n < 3);
            spill_release(&s);
        }
    spill_init(&s, path, &id);
}

static void foreign_file_is_refused_and_untouched(void **state)
{
    char *cause = NULL;
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 5000; i++)
        fputc('x', f);
    fclose(f);
    assert_int_equal(spill_adopt(&s, &cause), -1);
    assert_non_null(strstr(cause, "not a spill file"));
    free(cause);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 5000);
}

static void full_disk_keeps_batches_in_memory(void **state)
{
    struct batch b;
    spill_release(&s);
    spill_init(&s, "/nonexistent/dir/a.spill", &id);
    for (uint64_t seq = 1; seq <= 40; seq++)
        put(seq, 1 << 20, true, true);
    assert_true(s.failed);
    for (uint64_t seq = 0; seq < 40; seq++)
        assert_true(spill_next(&s, seq, &b) && is(&b, seq + 1, 1 << 20));
    char *cause = NULL;
    assert_int_equal(spill_store(&s, &cause), -1);
    assert_non_null(strstr(cause, "/nonexistent/dir/a.spill"));
    free(cause);
}

int main(void)
{
#define FACT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FACT(batches_come_back_in_order_from_memory_and_file), FACT(acknowledged_file_is_removed),
        FACT(stored_batches_are_adopted_with_their_identity),  FACT(nobody_adopts_a_file_in_use),
        FACT(too_much_drops_oldest_plain_first_and_counts),    FACT(kept_batches_are_bounded_too),
        FACT(file_cut_anywhere_gives_its_whole_frames),        FACT(flipped_bits_never_give_a_wrong_batch),
        FACT(foreign_file_is_refused_and_untouched),           FACT(full_disk_keeps_batches_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
