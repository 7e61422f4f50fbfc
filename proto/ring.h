/* ring: the mapped file between a training process and the process that drains it (a worker or a relay).
 *
 * The file belongs to one run. It outlives the training process, so what was logged just before a crash
 * still arrives. Layout (all offsets and sizes stand in the header, the reader checks every one of them
 * and keeps its own copy):
 *
 *     header      8 KiB   geometry, identity of the run, state words, one cursor per queue
 *     names       1024 x 64 bytes, the metric names; appended lock-free, an entry never changes once a point
 * uses it params      the leased parameters as NAME\0VALUE\0 pairs (text: no parser is needed in the training
 * process) commands    64 x 512 bytes, drainer -> trainer control     4096 x 256 bytes, trainer -> drainer:
 * reports, text, declarations, answers, checkpoints lanes       8 x 131072 x 32 bytes, trainer -> drainer:
 * plain points and pulls
 *
 * The file is sparse. At most 5.3 MiB are in use by a trainer that logs from one thread, 33.3 MiB when
 * eight or more do; untouched lanes cost nothing. Plain points have lanes of their own, so they can never
 * take the room of reports.
 *
 * Every queue is a bounded ring of slots that open with a 32-bit turn. Position p is slot p % n in lap p /
 * n; its turn is 2*lap when it is free for that lap, 2*lap + 1 when it is published; zero-filled memory is
 * thus an empty queue. A producer checks that the last slot it needs is free, claims all of them by one
 * compare-and-swap on the head, writes, and publishes the first slot last. So any number of threads may
 * share a queue, a signal handler may interrupt a producer anywhere and log itself, and a full queue is
 * known at once. There is one consumer. A slot that was claimed and never published because its process
 * died is skipped, and counted, once that process is known to be dead.
 *
 * The drainer must not believe what it reads: the training process may write anything here. libc only;
 * nothing here allocates, prints or blocks (but for ring_create and ring_open, which make system calls). */
#ifndef PROTO_RING_H
#define PROTO_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_VERSION   1
#define RING_HEADER    8192
#define RING_MAX_LANES 16
#define RING_NAMES     1024
#define RING_NAME      64
#define RING_WHY       256 /* bytes of an error sentence */
#define RING_PATH      4096
#define RING_PAYLOAD   69632 /* bytes of the largest control record */
#define RING_TEXT      4000  /* bytes of one remark */

enum { RING_POINT_SLOT = 32, RING_CONTROL_SLOT = 256, RING_COMMAND_SLOT = 512 };

/* ---- what is in the slots ---- */
enum ring_point_kind { RP_VOID, RP_POINT, RP_PULL, RP_PULL_REST };

/* A pull takes two consecutive slots: {bandit, flags, t, time, cost} and {arm, -, bits of context, bits of
 * propensity, 0}. */
struct ring_point {
    _Atomic uint32_t turn;
    uint16_t id;   /* index into the names; the bandit's number; the arm */
    uint8_t kind;  /* enum ring_point_kind */
    uint8_t flags; /* RING_FORCED */
    int64_t step;
    int64_t time; /* ns since 1970 */
    double value;
};
#define RING_FORCED 1

enum ring_record_kind {
    RR_VOID,
    RR_REPORT,     /* payload: the objective, one double */
    RR_TEXT,       /* payload: bytes; id: RING_STREAM_LOG */
    RR_DECLARE,    /* payload: struct ring_declare, then NAME\0VALUE\0CHOICE\0... */
    RR_ANSWER,     /* payload: struct ring_answer, then PARAM\0OLD\0NEW\0MESSAGE\0 */
    RR_CHECKPOINT, /* payload: path */
    RR_BANDIT, /* id: the bandit's number; payload: struct ring_bandit, then NAME\0ALGORITHM\0LABEL\0... */
    RR_ARMS,   /* id: the bandit's number; step: its pulls so far; payload: struct ring_arms, then a struct
                  ring_arm for each */
    RR_SURFACE, /* id: 0; step: where the centre was taken; payload: struct ring_surface, then a struct ring_cell for each, then
                   the words that say why it ended */
    RR_KINDS
};

struct ring_record { /* the head of the first slot of a control record; 224 bytes of payload follow it there
                      */
    _Atomic uint32_t turn;
    uint16_t kind;  /* enum ring_record_kind */
    uint16_t slots; /* of the whole record */
    uint32_t bytes; /* of the payload */
    uint32_t id;
    int64_t step;
    int64_t time;
};

enum ring_type { RING_FLOAT, RING_INT, RING_CHOICE };

struct ring_declare {
    double low, high; /* RING_INT: exact as long as they fit 53 bits */
    uint8_t type;     /* enum ring_type */
    uint8_t log, live;
    uint8_t unused;
    uint32_t choices;
};

enum ring_state { RING_DELIVERED, RING_APPLIED, RING_REJECTED };

struct ring_answer {
    int64_t command;
    uint8_t state;  /* enum ring_state */
    uint8_t type;   /* enum ring_type of old and new */
    uint8_t change; /* 1: old and new have a meaning */
    uint8_t
        verb; /* enum ring_command_kind: what it answers; pause and resume are told also when command is 0 */
    uint8_t unused[4];
};

struct ring_bandit {
    uint32_t arms;
    uint32_t unused;
};

struct ring_arms {
    uint32_t arms;
    uint32_t steered; /* 1: people's hold on the arms has changed, so this one must not get lost */
};

struct ring_arm {
    double p_next, p_best; /* NaN unknown */
    double boost;          /* 1 none */
    uint64_t left;         /* choices until the first of ban, pin and boost ends; UINT64_MAX: none ends */
    uint8_t banned, pinned;
    uint8_t unused[6];
};

enum ring_surface_state { RING_SURFACE_ON, RING_SURFACE_DONE, RING_SURFACE_STOPPED, RING_SURFACE_FAILED };
struct ring_surface { /* cells of a plane of losses through the weights */
    int64_t command;
    double x0, x1, y0, y1; /* in multiples of the two directions */
    double loss;           /* with the weights as they were, before any cell */
    uint16_t columns, rows;
    uint8_t norm;          /* enum ring_surface_norm */
    uint8_t state;         /* enum ring_surface_state */
    uint16_t unused;
    uint32_t cells, done;  /* in this record; so far */
};
enum ring_surface_norm { RING_NORM_FILTER, RING_NORM_LAYER, RING_NORM_TOWARDS };
struct ring_cell {
    uint32_t at; /* row * columns + column; row 0 is y0 */
    uint32_t unused;
    double z;
};

enum ring_command_kind {
    RING_CMD_NONE,
    RING_CMD_SET,
    RING_CMD_PAUSE,
    RING_CMD_RESUME,
    RING_CMD_STOP,
    RING_CMD_CHECKPOINT,
    RING_CMD_CUSTOM,
    RING_CMD_BAN,
    RING_CMD_UNBAN,
    RING_CMD_PIN,
    RING_CMD_UNPIN,
    RING_CMD_BOOST,
    RING_CMD_EXPLORE,
    RING_CMD_RESTORE, /* text: path of a checkpoint to take over */
    RING_CMD_PROBE    /* name: "COLUMNS ROWS NORM SLICE", SLICE in ms (0: the program's), COLUMNS 0: end the probe that is on;
                         value: radius; text: no, one or two paths of checkpoints, RING_ARM_SEP between */
};

enum { RING_POLLS = 1, RING_RESTORES = 2 };
#define RING_ARM_SEP '\x1f' /* between the arms in the text of a bandit command */
struct ring_command {
    _Atomic uint32_t turn;
    uint32_t kind;  /* enum ring_command_kind */
    int64_t id;     /* the intervention; answered when it is not 0 */
    double value;   /* set: the number, NaN when it is none; boost: weight; explore: factor */
    int64_t count;  /* ban, pin, boost: for so many pulls; 0: until lifted */
    char name[64];  /* set: parameter; custom: verb; bandit commands: the bandit, "" for every one */
    char text[416]; /* set: the value; custom: arguments as JSON; bandit commands: arms by label or number */
};

/* ---- the header ---- */
struct ring_cursor { /* each word on a cache line of its own: producers and consumer do not disturb each other
                      */
    _Alignas(64) _Atomic uint64_t head;    /* next position to claim */
    _Alignas(64) _Atomic uint64_t tail;    /* next position to consume */
    _Alignas(64) _Atomic uint64_t dropped; /* entries that found no room */
};

struct ring_geometry {
    uint32_t names, params_bytes, command_slots, control_slots, lanes, lane_slots;
    uint64_t names_at, params_at, commands_at, control_at, lanes_at, size;
};

struct ring_header {
    _Atomic uint64_t
        magic; /* RING_MAGIC; written last, so a file that is being made is not taken for a ring */
    uint32_t version, header_bytes;
    struct ring_geometry geometry;
    /* who this is; written by the creator */
    int64_t run, trial, seed,
        epoch; /* -1 while nobody leased it; the drainer fills them in when the hub has answered */
    uint32_t leased;
    uint32_t params; /* pairs in the params area */
    char program[64];
    char hub[256]; /* address or name to report to; "" for the default */
    /* state; a process is the token of ring_process_self */
    _Alignas(64) _Atomic uint64_t trainer; /* the process that has it open; 0: never opened */
    _Atomic uint64_t owner;                /* the process that drains it; 0: nobody yet */
    _Atomic uint64_t group;    /* leader of the process group that a worker started; 0: nobody did */
    _Atomic int64_t opened_at; /* ns since 1970 */
    _Atomic uint64_t
        next_seq; /* number of the next batch of this run: a successor of the drainer goes on from here */
    _Atomic uint64_t torn;              /* slots skipped because their writer died */
    _Atomic uint32_t closed;            /* the trainer said goodbye */
    _Atomic uint32_t takes_commands;    /* RING_POLLS: the trainer has polled; RING_RESTORES: it takes checkpoints over */
    _Alignas(64) _Atomic uint32_t stop; /* the hub wants the run to end */
    _Atomic uint32_t doorbell;          /* futex: grows with every command and with stop */
    _Atomic int64_t stop_id;            /* command to answer when the stop is noticed; 0: none */
    _Alignas(64) _Atomic uint32_t names_used;
    _Atomic uint64_t
        names_spare[RING_NAMES / 64]; /* entries claimed by the losers of a race, to be used again */
    struct ring_cursor control, commands;
    struct ring_cursor lanes[RING_MAX_LANES];
};
_Static_assert(sizeof(struct ring_header) <= RING_HEADER, "the header has outgrown its pages");
_Static_assert(sizeof(struct ring_point) == RING_POINT_SLOT, "point slot");
_Static_assert(sizeof(struct ring_command) == RING_COMMAND_SLOT, "command slot");
_Static_assert(sizeof(struct ring_record) == 32, "control record");

struct ring_queue {
    struct ring_cursor *cursor;
    uint8_t *slots;
    uint32_t mask;  /* slots - 1 */
    uint32_t shift; /* log2 of the number of slots */
};

/* One process's view of a ring. The numbers were checked; the memory behind `h` may change at any time. */
struct ring {
    struct ring_header *h; /* NULL: not mapped */
    size_t size;
    uint64_t key; /* identifies the file within this machine */
    struct ring_geometry g;
    char (*names)[RING_NAME];
    char *params;
    struct ring_queue control, commands;
    struct ring_queue lanes[RING_MAX_LANES];
};

/* ---- making, opening ---- */
struct ring_identity {
    int64_t run, trial, seed, epoch;
    bool leased;
    bool owned; /* this process will drain it: it is its owner from the start */
    const char *program, *hub;
    const char *params; /* NAME\0VALUE\0 pairs */
    size_t params_bytes;
    uint32_t params_n;
    uint32_t lanes, lane_slots; /* 0: the default; tests use small ones. Powers of two. */
};

/* Makes the file (it must not exist; mode 0600), reserves everything up to the end of the first lane, maps
 * it. 0, or -1 and a sentence in why[RING_WHY]. No file descriptor stays open. */
int ring_create(struct ring *r, const char *path, const struct ring_identity *id, char *why);
/* Maps an existing ring after checking owner, type, size, magic, version and every offset. */
int ring_open(struct ring *r, const char *path, char *why);
void ring_unmap(struct ring *r);
/* The directory for ring files, made and checked (0700, ours): RUNTIME/rings when that is on tmpfs, else a
 * directory in /dev/shm that is private to this user and this runtime directory, else RUNTIME/rings all
 * the same. */
int ring_directory(char out[RING_PATH], char *why);
/* Removes a ring file, and its directory when that was the last one (whoever makes a ring makes the
 * directory first). */
void ring_remove(const char *path);
/* Touches all of lane `n` so that no later write to it can fail; false when the memory is not to be had. */
bool ring_lane_ready(struct ring *r, unsigned n);

/* ---- processes ---- */
uint64_t ring_process_self(void);
uint64_t ring_process(int pid); /* token of a process: its pid and start time; 0 when there is none */
bool ring_process_alive(uint64_t token);
int ring_process_pid(uint64_t token);

/* ---- trainer's side ---- any thread, any signal handler ---- */
/* Index of a name (cut to 63 bytes) that is not in the caller's table yet: claims and fills an entry; -1:
 * all are taken. ring_name_return gives back an entry that no point has used. */
int ring_name_claim(struct ring *r, const char *name, size_t n);
void ring_name_return(struct ring *r, int id);
/* A control record; the payload comes in two pieces. keep: leave a quarter of the queue to others (text
 * does). False: no room; the caller counts it. */
bool ring_record_push(struct ring *r, const struct ring_record *head, const void *a, size_t na, const void *b,
                      size_t nb, bool keep);
bool ring_command_take(struct ring *r, struct ring_command *out);
/* Waits until the doorbell differs from `seen`, at most ms milliseconds. */
void ring_doorbell_wait(struct ring *r, uint32_t seen, int ms);
void ring_doorbell_ring(struct ring *r);
/* After taking over from a dead process: publishes its claimed slots as void, so that the drainer is not
 * held up. */
void ring_heal(struct ring *r);
/* Everything published has been consumed. */
bool ring_drained(const struct ring *r);
uint64_t ring_dropped(const struct ring *r);

/* ---- drainer's side ---- one thread ---- */
/* Copies at most max entries out of a lane and frees their slots. dead: the writer is known to be dead,
 * unpublished slots are skipped and counted in *torn. A RP_PULL is always followed by its RP_PULL_REST.
 * Returns the number copied. */
uint32_t ring_points_take(struct ring *r, unsigned lane, struct ring_point *out, uint32_t max, bool dead,
                          uint64_t *torn);
/* Next control record: head in *out, payload in `payload` (RING_PAYLOAD bytes). False when there is none. */
bool ring_record_take(struct ring *r, struct ring_record *out, uint8_t *payload, bool dead, uint64_t *torn);
/* Hands a command over and rings the doorbell; false when the queue is full. */
bool ring_command_push(struct ring *r, const struct ring_command *c);
void ring_stop(struct ring *r, int64_t command);
/* How full the fullest lane is, 0..1. */
double ring_fill(const struct ring *r);
/* Copies name `id`, always terminated. False when the id makes no sense. */
bool ring_name(const struct ring *r, unsigned id, char out[RING_NAME]);

/* Claims n slots: the position, or UINT64_MAX when they are not all free. n <= slots of the queue. */
static inline uint64_t ring_claim(struct ring_queue *q, uint32_t n, uint32_t slot_bytes)
{
    uint64_t pos = atomic_load_explicit(&q->cursor->head, memory_order_relaxed);
    for (;;) {
        uint64_t last = pos + n - 1;
        _Atomic uint32_t *turn =
            (_Atomic uint32_t *)(void *)(q->slots + (size_t)(last & q->mask) * slot_bytes);
        int32_t d =
            (int32_t)(atomic_load_explicit(turn, memory_order_acquire) - (uint32_t)(last >> q->shift) * 2);
        if (d == 0) {
            if (atomic_compare_exchange_weak_explicit(&q->cursor->head, &pos, pos + n, memory_order_relaxed,
                                                      memory_order_relaxed))
                return pos;
        } else {
            uint64_t now = atomic_load_explicit(&q->cursor->head, memory_order_relaxed);
            if (now == pos)
                return UINT64_MAX; /* d < 0: not consumed yet. d > 0 with an unmoved head: damage; the same
                                      answer */
            pos = now;
        }
    }
}

static inline void ring_publish(_Atomic uint32_t *turn, const struct ring_queue *q, uint64_t pos)
{
    atomic_store_explicit(turn, (uint32_t)(pos >> q->shift) * 2 + 1, memory_order_release);
}

static inline struct ring_point *ring_point_at(const struct ring_queue *q, uint64_t pos)
{
    return (struct ring_point *)(void *)(q->slots + (size_t)(pos & q->mask) * RING_POINT_SLOT);
}

/* One plain point; false: no room, counted as dropped. */
static inline bool ring_point_push(struct ring_queue *q, uint16_t id, int64_t step, int64_t time,
                                   double value)
{
    uint64_t pos = ring_claim(q, 1, RING_POINT_SLOT);
    if (__builtin_expect(pos == UINT64_MAX, 0)) {
        atomic_fetch_add_explicit(&q->cursor->dropped, 1, memory_order_relaxed);
        return false;
    }
    struct ring_point *s = ring_point_at(q, pos);
    s->id = id;
    s->kind = RP_POINT;
    s->flags = 0;
    s->step = step;
    s->time = time;
    s->value = value;
    ring_publish(&s->turn, q, pos);
    return true;
}

struct ring_pull {
    uint16_t bandit, arm;
    uint8_t flags;
    int64_t t, time;
    double cost, context, propensity;
};
bool ring_pull_push(struct ring_queue *q, const struct ring_pull *p);
/* The two slots of a pull, as taken. */
void ring_pull_read(const struct ring_point two[2], struct ring_pull *out);

#endif
