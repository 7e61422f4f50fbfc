/* lib_agent: what the library's files share. Nothing here is exported; hti_ is internal, ht_ is public
 * (hypertop.h).
 *
 * An agent owns its mapping of the ring and nothing else of the process: no file descriptor, thread, lock
 * or handler. The word behind `live` lies in a page that the kernel wipes in every forked child
 * (MADV_WIPEONFORK), so a child's handle is inert however the fork was made, and the ring itself is not
 * mapped there (MADV_DONTFORK). Parameters and bandits keep their values in a child; only the talking
 * stops. */
#ifndef AGENT_LIB_AGENT_H
#define AGENT_LIB_AGENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/hypertop.h"
#include "proto/ring.h"

enum { HTI_PARAMS = 256, HTI_BANDITS = 64, HTI_HASH = 2 * RING_NAMES, HTI_HINTS = 256 };

struct hti_param {
    char name[64];
    enum ring_type type;
    bool log, live;
    double low, high;
    double number;        /* RING_FLOAT */
    int64_t integer;      /* RING_INT */
    const char **choices; /* RING_CHOICE: one block, pointers then characters */
    size_t n_choices, at;
};

struct ht_agent {
    const _Atomic uint32_t *live; /* 1 while this process may talk */
    struct ring ring;
    uint32_t token;                       /* of the thread that opened it: its lane is lane 0 */
    _Atomic int64_t step;                 /* where that thread stands */
    _Atomic uint8_t lane[RING_MAX_LANES]; /* 0 not tried, 1 ready, 2 no memory: use lane 0 */
    _Atomic uint16_t hint[HTI_HINTS];     /* address of a name -> entry + 1, to be verified */
    _Atomic uint16_t hash[HTI_HASH];      /* open addressing: entry + 1, 0 free */
    /* the opening thread's */
    struct hti_param *params; /* HTI_PARAMS, NULL while none was declared */
    int n_params;
    bool paused;
    int64_t checkpoint; /* pending request, 0 none */
    ht_bandit *bandits[HTI_BANDITS];
    int n_bandits, bandits_opened;
    struct hti_probe *probe; /* what the program offers; NULL: nothing */
    bool made;       /* this process made the ring */
    bool relayed;    /* and started a relay for it */
    int64_t watched; /* second in which the relay was last looked at */
    char path[RING_PATH];
};

static inline bool hti_live(const ht_agent *a)
{
    return a && atomic_load_explicit(a->live, memory_order_relaxed);
}

int64_t hti_now(void);     /* ns since 1970 */
int64_t hti_mono_ms(void); /* ms, never jumps */
uint32_t hti_thread(void); /* number of the calling thread, from 1 */
/* The lane of the calling thread. */
struct ring_queue *hti_lane(ht_agent *a, uint32_t thread);
/* Entry of a metric name, -1 when the table is full. */
int hti_name(ht_agent *a, const char *name);
bool hti_record(ht_agent *a, enum ring_record_kind kind, uint32_t id, int64_t step, const void *a1, size_t n1,
                const void *a2, size_t n2);
/* A remark of the library's own, for the run's log. */
void hti_remark(ht_agent *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* An answer to a command. `change` is NULL unless old and new have a meaning. */
struct hti_change {
    enum ring_type type;
    const char *param;
    char old[64], new[64]; /* as text, 17 digits */
};
struct hti_reply {
    int64_t command; /* 0: nobody asked; only pause and resume are told then */
    enum ring_command_kind verb;
    enum ring_state state;
    int64_t step;
    const struct hti_change *change;
    const char *message;
};
void hti_answer(ht_agent *a, const struct hti_reply *reply);
void hti_reject(ht_agent *a, const struct ring_command *c, const char *why);
void hti_answer_stop(ht_agent *a);
void hti_params_free(ht_agent *a);
/* A ban, pin, boost or explore command: applied to the bandits and answered. */
void hti_steer(ht_agent *a, const struct ring_command *c);
/* Loss surfaces: a command; one turn at a safe point (idle: training stands still); whether one is on, whether the program's own
 * functions run right now, the end. */
void hti_probe_command(ht_agent *a, const struct ring_command *c);
void hti_probe_turn(ht_agent *a, bool idle);
bool hti_probe_on(const ht_agent *a);
bool hti_probe_busy(const ht_agent *a);
void hti_probe_close(ht_agent *a, const char *why);
/* Starts `hypertop-agent relay --ring path`, detached. False when the program is not to be found or
 * started. */
bool hti_launch(const char *path);

#endif
