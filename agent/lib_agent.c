/* Opening, closing and logging. The hot path is ht_log: a load of the live word, the name's entry through
 * a table of addresses (verified by comparing the characters), the clock through the vDSO, one claimed
 * slot. No system call but the one that fetches memory for a lane when its first thread arrives, no
 * allocation, no lock; see ring.h for why a signal handler may interrupt any of it. */
#include "agent/lib_agent.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <pthread.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

enum { CLOSE_MS = 500, OPEN_AGENTS = 16 };

/* initial-exec: a dynamic TLS block would be allocated at the first access, which may be in a signal
 * handler */
static _Thread_local uint32_t thread_number __attribute__((tls_model("initial-exec")));
static _Atomic uint32_t threads;

static const _Atomic uint32_t never;
static struct ht_agent inert = {
    .live = &never}; /* what ht_open returns when there is not even memory for a handle */

/* Rings that this process has open: one ring, one agent. */
static _Atomic uint64_t open_rings[OPEN_AGENTS];
/* Kernels before 4.14 cannot wipe on fork: there a handler clears the words of these agents. */
static _Atomic(_Atomic uint32_t *) fallback_words[OPEN_AGENTS];

int64_t hti_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint32_t hti_thread(void)
{
    if (__builtin_expect(thread_number == 0, 0))
        thread_number = atomic_fetch_add(&threads, 1) + 1;
    return thread_number;
}

/* ---- lanes and names ---- */

static struct ring_queue *lane_first_use(ht_agent *a, uint32_t i)
{
    if (atomic_load(&a->lane[i]) == 0)
        atomic_store(&a->lane[i], ring_lane_ready(&a->ring, i) ? 1 : 2);
    return &a->ring.lanes[atomic_load(&a->lane[i]) == 1 ? i : 0];
}

struct ring_queue *hti_lane(ht_agent *a, uint32_t thread)
{
    uint32_t i = (thread - a->token) % a->ring.g.lanes;
    if (__builtin_expect(atomic_load_explicit(&a->lane[i], memory_order_relaxed) == 1, 1))
        return &a->ring.lanes[i];
    return lane_first_use(a, i);
}

static uint32_t name_hash(const char *s, size_t n)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)s[i]) * 16777619u;
    return h ^ h >> 15;
}

static bool name_is(const ht_agent *a, uint16_t entry, const char *name, size_t n)
{
    const char *have = a->ring.names[entry - 1];
    return memcmp(have, name, n) == 0 && (n == RING_NAME - 1 || have[n] == '\0');
}

/* Finds or enters a name. An entry is complete before its number is put into the table, so a reader
 * (another thread, or a handler on top of this one) sees nothing or all of it; who loses the race gives
 * his entry back. */
static int name_find(ht_agent *a, const char *name)
{
    size_t n = strnlen(name, RING_NAME - 1);
    int mine = -1;
    uint32_t at = name_hash(name, n);
    for (int probe = 0; probe < HTI_HASH; probe++, at++) {
        _Atomic uint16_t *slot = &a->hash[at % HTI_HASH];
        uint16_t entry = atomic_load_explicit(slot, memory_order_acquire);
        if (entry == 0) {
            if (mine < 0)
                mine = ring_name_claim(&a->ring, name, n);
            if (mine < 0)
                return -1;
            if (atomic_compare_exchange_strong(slot, &entry, (uint16_t)(mine + 1)))
                return mine;
        }
        if (name_is(a, entry, name, n)) {
            if (mine >= 0)
                ring_name_return(&a->ring, mine);
            return entry - 1;
        }
    }
    if (mine >= 0)
        ring_name_return(&a->ring, mine);
    return -1;
}

int hti_name(ht_agent *a, const char *name)
{
    uintptr_t p = (uintptr_t)name;
    _Atomic uint16_t *hint = &a->hint[(p ^ p >> 8) % HTI_HINTS];
    uint16_t entry = atomic_load_explicit(hint, memory_order_acquire);
    if (__builtin_expect(entry && strcmp(a->ring.names[entry - 1], name) == 0, 1))
        return entry - 1;
    int id = name_find(a, name);
    if (id >= 0)
        atomic_store_explicit(hint, (uint16_t)(id + 1), memory_order_release);
    return id;
}

/* ---- logging ---- */

static int log_point(ht_agent *a, struct ring_queue *q, const char *metric, int64_t step, int64_t time,
                     double value)
{
    if (!metric || !*metric)
        return HT_INVALID;
    int id = hti_name(a, metric);
    if (id < 0) {
        atomic_fetch_add_explicit(&q->cursor->dropped, 1, memory_order_relaxed);
        return HT_FULL;
    }
    return ring_point_push(q, (uint16_t)id, step, time, value) ? HT_OK : HT_DROPPED;
}

static inline void stand_at(ht_agent *a, uint32_t thread, int64_t step)
{
    if (thread == a->token)
        atomic_store_explicit(&a->step, step, memory_order_relaxed);
}

int ht_log(ht_agent *a, const char *metric, int64_t step, double value)
{
    if (!hti_live(a))
        return HT_INERT;
    uint32_t thread = hti_thread();
    int rc = log_point(a, hti_lane(a, thread), metric, step, hti_now(), value);
    if (rc != HT_INVALID)
        stand_at(a, thread, step);
    return rc;
}

int ht_log_many(ht_agent *a, size_t n, const char *const metrics[], int64_t step, const double values[])
{
    if (!hti_live(a))
        return HT_INERT;
    if (n && (!metrics || !values))
        return HT_INVALID;
    uint32_t thread = hti_thread();
    struct ring_queue *q = hti_lane(a, thread);
    int64_t now = hti_now();
    int first = HT_OK;
    for (size_t i = 0; i < n; i++) {
        int rc = log_point(a, q, metrics[i], step, now, values[i]);
        if (first == HT_OK)
            first = rc;
    }
    if (n)
        stand_at(a, thread, step);
    return first;
}

void ht_step(ht_agent *a, int64_t step)
{
    if (hti_live(a))
        atomic_store_explicit(&a->step, step, memory_order_relaxed);
}

bool hti_record(ht_agent *a, enum ring_record_kind kind, uint32_t id, int64_t step, const void *a1, size_t n1,
                const void *a2, size_t n2)
{
    struct ring_record head = {.kind = (uint16_t)kind, .id = id, .step = step, .time = hti_now()};
    return ring_record_push(&a->ring, &head, a1, n1, a2, n2, kind == RR_TEXT);
}

int ht_text(ht_agent *a, int64_t step, const char *text)
{
    if (!hti_live(a))
        return HT_INERT;
    if (!text)
        return HT_INVALID;
    return hti_record(a, RR_TEXT, 0, step, text, strnlen(text, RING_TEXT), NULL, 0) ? HT_OK : HT_DROPPED;
}

void hti_remark(ht_agent *a, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    ht_text(a, atomic_load(&a->step), text);
}

int ht_report(ht_agent *a, int64_t step, double value)
{
    if (!hti_live(a))
        return HT_CONTINUE;
    stand_at(a, hti_thread(), step);
    hti_record(a, RR_REPORT, 0, step, &value, sizeof value, NULL, 0);
    if (!atomic_load_explicit(&a->ring.h->stop, memory_order_acquire))
        return HT_CONTINUE;
    hti_answer_stop(a);
    return HT_STOP;
}

/* ---- state ---- */

int ht_status(const ht_agent *a)
{
    return hti_live(a) ? HT_OK : HT_INERT;
}

uint64_t ht_dropped(const ht_agent *a)
{
    return hti_live(a) ? ring_dropped(&a->ring) : 0;
}

int64_t ht_seed(const ht_agent *a, int64_t absent)
{
    return hti_live(a) && a->ring.h->leased ? a->ring.h->seed : absent;
}

int64_t ht_trial(const ht_agent *a)
{
    return hti_live(a) && a->ring.h->leased ? a->ring.h->trial : -1;
}

const char *ht_strerror(int code)
{
    switch (code) {
#define HT_ERROR_CASE(name, value, text)                                                                     \
    case value:                                                                                              \
        return text;
        HT_ERRORS(HT_ERROR_CASE)
#undef HT_ERROR_CASE
    }
    return "unknown code";
}

const char *ht_version(void)
{
    return HYPERTOP_VERSION;
}

/* ---- flushing ---- */

static void nap(int64_t ns)
{
    struct timespec t = {.tv_nsec = ns};
    nanosleep(&t, NULL);
}

int64_t hti_mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int flush_until_drained(ht_agent *a, int timeout_ms, bool need_owner)
{
    int64_t end = hti_mono_ms() + timeout_ms, ns = 100000;
    while (!ring_drained(&a->ring)) {
        uint64_t owner = atomic_load(&a->ring.h->owner);
        if (hti_mono_ms() >= end || (need_owner && !ring_process_alive(owner)))
            return HT_DROPPED;
        nap(ns);
        ns = ns < 5000000 ? ns * 2 : ns;
    }
    return HT_OK;
}

int ht_flush(ht_agent *a, int timeout_ms)
{
    if (!hti_live(a))
        return HT_INERT;
    int saved = errno;
    int rc = flush_until_drained(a, timeout_ms, false);
    errno = saved;
    return rc;
}

/* ---- opening ---- */

static void clear_fallback_words(void)
{
    for (int i = 0; i < OPEN_AGENTS; i++) {
        _Atomic uint32_t *word = atomic_load(&fallback_words[i]);
        if (word)
            atomic_store(word, 0);
    }
}

static bool fallback_register(_Atomic uint32_t *word)
{
    static _Atomic uint32_t registered;
    if (!atomic_exchange(&registered, 1) && pthread_atfork(NULL, NULL, clear_fallback_words) != 0)
        return false;
    for (int i = 0; i < OPEN_AGENTS; i++) {
        _Atomic uint32_t *none = NULL;
        if (atomic_compare_exchange_strong(&fallback_words[i], &none, word))
            return true;
    }
    return false;
}

/* The live word, still 0. */
static _Atomic uint32_t *live_word(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    if (madvise(p, page, MADV_WIPEONFORK) == 0 || fallback_register(p))
        return p;
    munmap(p, page);
    return NULL;
}

static void live_word_free(const _Atomic uint32_t *word)
{
    for (int i = 0; i < OPEN_AGENTS; i++) {
        _Atomic uint32_t *mine = (_Atomic uint32_t *)word;
        atomic_compare_exchange_strong(&fallback_words[i], &mine, NULL);
    }
    munmap((void *)word, (size_t)sysconf(_SC_PAGESIZE));
}

static bool registry_enter(uint64_t key)
{
    for (int i = 0; i < OPEN_AGENTS; i++)
        if (atomic_load(&open_rings[i]) == key)
            return false;
    for (int i = 0; i < OPEN_AGENTS; i++) {
        uint64_t none = 0;
        if (atomic_compare_exchange_strong(&open_rings[i], &none, key))
            return true;
    }
    return false;
}

static void registry_leave(uint64_t key)
{
    for (int i = 0; i < OPEN_AGENTS; i++) {
        uint64_t mine = key;
        atomic_compare_exchange_strong(&open_rings[i], &mine, 0);
    }
}

/* Makes this process the ring's trainer. A ring has one agent at a time: while another process has it open
 * (rank 0 of several, a trainer's parent), the handle stays inert. After one that is gone, its
 * half-written slots are healed. */
static bool take_ring(ht_agent *a)
{
    struct ring_header *h = a->ring.h;
    uint64_t self = ring_process_self(), before = atomic_load(&h->trainer);
    if (!self || !registry_enter(a->ring.key))
        return false;
    bool free_to_take = before == self || atomic_load(&h->closed) || !ring_process_alive(before);
    if (!free_to_take || !atomic_compare_exchange_strong(&h->trainer, &before, self)) {
        registry_leave(a->ring.key);
        return false;
    }
    if (before)
        ring_heal(&a->ring);
    atomic_store(&h->closed, 0);
    atomic_store(&h->opened_at, hti_now());
    return true;
}

static bool make_ring(ht_agent *a, const struct ht_options *o)
{
    char why[RING_WHY], dir[RING_PATH];
    const char *hub = o->hub ? o->hub : getenv("HYPERTOP_HUB");
    struct ring_identity id = {.run = -1,
                               .trial = -1,
                               .seed = 0,
                               .epoch = 0,
                               .hub = hub,
                               .program = o->program ? o->program : program_invocation_short_name};
    for (int tries = 0; !a->made && tries < 3;
         tries++) { /* the directory goes with somebody's last ring, perhaps just now */
        if (ring_directory(dir, why) != 0 || strlen(dir) + 64 > sizeof a->path)
            return false;
        snprintf(a->path, sizeof a->path, "%.4000s/p%d-%llx.ring", dir, (int)getpid(),
                 (unsigned long long)hti_now());
        a->made = ring_create(&a->ring, a->path, &id, why) == 0;
    }
    return a->made;
}

static bool get_ring(ht_agent *a, const struct ht_options *o)
{
    const char *given = o->ring ? o->ring : getenv("HYPERTOP_RING");
    char why[RING_WHY];
    if (!given || !*given)
        return make_ring(a, o);
    return ring_open(&a->ring, given, why) == 0;
}

static bool open_all(ht_agent *a, const struct ht_options *o)
{
    if (!get_ring(a, o))
        return false;
    _Atomic uint32_t *word = NULL;
    if (!ring_lane_ready(&a->ring, 0) &&
        errno != EINVAL) /* EINVAL: a kernel before 5.14; the lane is reserved anyway */
        goto fail;
    if (madvise(a->ring.h, a->ring.size, MADV_DONTFORK) != 0 || !(word = live_word()))
        goto fail;
    if (!take_ring(a)) {
        live_word_free(word);
        goto fail;
    }
    atomic_store(&a->lane[0], 1);
    a->token = hti_thread();
    atomic_store(word, 1);
    a->live = word;
    if (a->made && !o->no_relay)
        a->relayed = hti_launch(a->path);
    return true;
fail:
    ring_unmap(&a->ring);
    if (a->made)
        ring_remove(a->path);
    return false;
}

ht_agent *ht_open(const struct ht_options *given)
{
    int saved = errno;
    struct ht_options o = {.size = sizeof o};
    if (given)
        memcpy(&o, given, given->size < sizeof o ? given->size : sizeof o);
    ht_agent *a = calloc(1, sizeof *a);
    if (!a)
        return &inert;
    a->live = &never;
    const char *off = getenv("HYPERTOP_DISABLE");
    if (!off || !*off || strcmp(off, "0") == 0)
        open_all(a, &o);
    errno = saved;
    return a;
}

void ht_close(ht_agent *a)
{
    if (!a || a == &inert)
        return;
    int saved = errno;
    while (a->n_bandits)
        ht_bandit_close(a->bandits[a->n_bandits - 1]);
    hti_probe_close(a, "the program has ended its run");
    if (hti_live(a)) {
        bool owned = atomic_load(&a->ring.h->owner) != 0;
        if (owned)
            flush_until_drained(a, CLOSE_MS, true);
        atomic_store(&a->ring.h->closed, 1);
        registry_leave(a->ring.key);
        ring_unmap(&a->ring);
        if (a->made && !a->relayed && !owned)
            ring_remove(a->path); /* nobody will ever read it */
        live_word_free(a->live);
    } /* else a forked child: the ring is not mapped here, there is nothing to undo */
    hti_params_free(a);
    free(a);
    errno = saved;
}
