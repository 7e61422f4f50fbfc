/* optuna_db: Optuna's SQLite storage, schemas 0.9 to 3.2 and what came since (optuna/storages/_rdb/models.py). Each turn
 * asks for all trials, and of the tables that only grow for the rows that are new; so a study is followed at the price
 * of its trials. Times are those of the machine that ran it, without a zone: taken as UTC. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "read/formats.h"
#include "read/optuna_model.h"
#include "read/sqlite_file.h"

struct study {
    int64_t id;
    char *name;
    int objectives;
    int64_t trials;
    UT_hash_handle hh;
};

struct row_trial {
    int64_t id;
    struct optuna_trial t;
    int64_t ended; /* time; said when everything else was */
    enum optuna_state becomes;
    UT_hash_handle hh;
};

struct optuna_db {
    const struct read_sink *sink;
    char *path, *prefix; /* of keys */
    struct study *studies;
    struct row_trial *trials;
    struct json_pull json;
    struct buf key;
    int64_t seen_param, seen_step, seen_value, seen_attr;
};

static struct row_trial *trial_of(struct optuna_db *d, int64_t id)
{
    struct row_trial *t = NULL;
    HASH_FIND(hh, d->trials, &id, sizeof id, t);
    return t;
}

/* ---- rows ---- */

static int direction_named(const char *s)
{
    return strcmp(s, "MINIMIZE") == 0 ? 1 : strcmp(s, "MAXIMIZE") == 0 ? 2 : 0;
}

/* study_id, study_name, direction, objective */
static void study_row(void *ctx, sqlite3_stmt *q)
{
    struct optuna_db *d = ctx;
    struct study *s = NULL;
    int64_t id = sqlite3_column_int64(q, 0);
    int objective = sqlite3_column_int(q, 3);
    HASH_FIND(hh, d->studies, &id, sizeof id, s);
    if (!s) {
        s = MEM_NEW(struct study);
        s->id = id;
        s->name = mem_str(sqlite_file_text(q, 1));
        HASH_ADD(hh, d->studies, id, sizeof s->id, s);
        sink_record(d->sink, "study");
    }
    if (objective >= s->objectives)
        s->objectives = objective + 1;
    if (objective == 0)
        optuna_study(d->sink, s->name, direction_named(sqlite_file_text(q, 2)));
}

/* trial_id, study_id, state, started, completed, value (one column) or NULL */
static void trial_row(void *ctx, sqlite3_stmt *q)
{
    struct optuna_db *d = ctx;
    int64_t id = sqlite3_column_int64(q, 0), study_id = sqlite3_column_int64(q, 1);
    struct row_trial *t = trial_of(d, id);
    enum optuna_state state;
    if (!optuna_state_named(sqlite_file_text(q, 2), &state))
        return;
    if (!t) {
        struct study *s = NULL;
        HASH_FIND(hh, d->studies, &study_id, sizeof study_id, s);
        t = MEM_NEW(struct row_trial);
        t->id = id;
        t->t = (struct optuna_trial){.study = study_id, .last_step = -1, .known = true};
        t->t.number = s ? s->trials++ : id;
        HASH_ADD(hh, d->trials, id, sizeof t->id, t);
        buf_clear(&d->key);
        buf_printf(&d->key, "%s%s/%lld", d->prefix, s ? s->name : "study", (long long)t->t.number);
        t->t.handle = sink_trial(d->sink, buf_cstr(&d->key));
        optuna_say_state(d->sink, &t->t, state == OPTUNA_WAITING ? OPTUNA_WAITING : OPTUNA_RUNNING,
                         read_datetime(sqlite_file_text(q, 3)));
        sink_record(d->sink, "trial");
    }
    t->becomes = state;
    t->ended = read_datetime(sqlite_file_text(q, 4));
    if (state == OPTUNA_RUNNING && t->t.state == OPTUNA_WAITING)
        optuna_say_state(d->sink, &t->t, state, read_datetime(sqlite_file_text(q, 3)));
}

/* row id, trial_id, name, internal value, distribution */
static void param_row(void *ctx, sqlite3_stmt *q)
{
    struct optuna_db *d = ctx;
    struct row_trial *t = trial_of(d, sqlite3_column_int64(q, 1));
    const char *dist = sqlite_file_text(q, 4);
    d->seen_param = sqlite3_column_int64(q, 0);
    if (!t)
        return;
    struct read_value v = optuna_value(dist, strlen(dist), sqlite3_column_double(q, 3), &d->json);
    sink_param(d->sink, t->t.handle, sqlite_file_text(q, 2), &v);
    sink_record(d->sink, "param");
}

static double typed_value(sqlite3_stmt *q, int value, int type)
{
    const char *kind = type < sqlite3_column_count(q) ? sqlite_file_text(q, type) : "";
    if (strcmp(kind, "INF_POS") == 0)
        return __builtin_inf();
    if (strcmp(kind, "INF_NEG") == 0)
        return -__builtin_inf();
    return sqlite3_column_type(q, value) == SQLITE_NULL ? __builtin_nan("") : sqlite3_column_double(q, value);
}

/* row id, trial_id, step, value [, type] */
static void step_row(void *ctx, sqlite3_stmt *q)
{
    struct optuna_db *d = ctx;
    struct row_trial *t = trial_of(d, sqlite3_column_int64(q, 1));
    d->seen_step = sqlite3_column_int64(q, 0);
    if (!t)
        return;
    optuna_intermediate(d->sink, &t->t, sqlite3_column_int64(q, 2), typed_value(q, 3, 4));
    sink_record(d->sink, "intermediate value");
}

/* row id, trial_id, objective, value [, type] */
static void value_row(void *ctx, sqlite3_stmt *q)
{
    struct optuna_db *d = ctx;
    struct row_trial *t = trial_of(d, sqlite3_column_int64(q, 1));
    struct study *s = NULL;
    int64_t study = t ? t->t.study : -1;
    d->seen_value = sqlite3_column_int64(q, 0);
    HASH_FIND(hh, d->studies, &study, sizeof study, s);
    if (t)
        optuna_final(d->sink, &t->t, t->ended, sqlite3_column_int(q, 2), s ? s->objectives : 1, typed_value(q, 3, 4));
    if (t)
        sink_record(d->sink, "value");
}

/* row id, trial_id, key, JSON */
static void attr_row(void *ctx, sqlite3_stmt *q)
{
    struct optuna_db *d = ctx;
    struct row_trial *t = trial_of(d, sqlite3_column_int64(q, 1));
    const char *json = sqlite_file_text(q, 3);
    d->seen_attr = sqlite3_column_int64(q, 0);
    if (t)
        optuna_attribute(d->sink, &t->t, json, strlen(json), sqlite_file_text(q, 2), &d->json);
}

/* ---- queries ---- */

static void after(struct optuna_db *d, sqlite3 *db, struct read_stop *st, const char *table, const char *columns,
                  int64_t seen, void (*row)(void *, sqlite3_stmt *))
{
    char sql[400];
    snprintf(sql, sizeof sql, "SELECT rowid, trial_id, %s FROM %s WHERE rowid > %lld ORDER BY rowid", columns, table,
             (long long)seen);
    sqlite_file_each(db, d->path, st, table, sql, row, d);
}

static void read_values(struct optuna_db *d, sqlite3 *db, struct read_stop *st)
{
    bool steps = sqlite_file_has(db, "trial_intermediate_values", NULL);
    if (!steps) { /* before 2.4 trial_values were the intermediate ones, and the final one stood in trials */
        after(d, db, st, "trial_values", "step, value", d->seen_step, step_row);
        return;
    }
    bool type = sqlite_file_has(db, "trial_intermediate_values", "intermediate_value_type");
    after(d, db, st, "trial_intermediate_values",
          type ? "step, intermediate_value, intermediate_value_type" : "step, intermediate_value", d->seen_step,
          step_row);
    type = sqlite_file_has(db, "trial_values", "value_type");
    after(d, db, st, "trial_values", type ? "objective, value, value_type" : "objective, value", d->seen_value,
          value_row);
}

/* trial_id, value */
static void old_value_row(void *ctx, sqlite3_stmt *q)
{
    struct optuna_db *d = ctx;
    struct row_trial *t = trial_of(d, sqlite3_column_int64(q, 0));
    if (!t || optuna_finished(t->t.state) || !optuna_finished(t->becomes))
        return;
    optuna_final(d->sink, &t->t, t->ended, 0, 1, sqlite3_column_double(q, 1));
    sink_record(d->sink, "value");
}

static void say_ends(struct optuna_db *d)
{
    for (struct row_trial *t = d->trials; t; t = t->hh.next)
        if (optuna_finished(t->becomes) && !optuna_finished(t->t.state))
            optuna_say_state(d->sink, &t->t, t->becomes, t->ended);
}

static void read_all(struct optuna_db *d, sqlite3 *db, struct read_stop *st)
{
    bool directions = sqlite_file_has(db, "study_directions", "objective");
    sqlite_file_each(db, d->path, st, "studies",
                     directions ? "SELECT s.study_id, s.study_name, coalesce(d.direction, ''), coalesce(d.objective, 0) "
                                  "FROM studies s LEFT JOIN study_directions d ON d.study_id = s.study_id "
                                  "ORDER BY s.study_id, d.objective"
                                : "SELECT study_id, study_name, direction, 0 FROM studies ORDER BY study_id",
                     study_row, d);
    sqlite_file_each(db, d->path, st, "trials",
                     "SELECT trial_id, study_id, state, datetime_start, datetime_complete FROM trials ORDER BY trial_id",
                     trial_row, d);
    after(d, db, st, "trial_params", "param_name, param_value, distribution_json", d->seen_param, param_row);
    read_values(d, db, st);
    if (sqlite_file_has(db, "trials", "value"))
        sqlite_file_each(db, d->path, st, "trials", "SELECT trial_id, value FROM trials WHERE value IS NOT NULL",
                         old_value_row, d);
    after(d, db, st, "trial_user_attributes", "key, value_json", d->seen_attr, attr_row);
    say_ends(d);
}

/* ---- the file ---- */

static bool claim(const struct read_probe *p, struct read_claim *c)
{
    struct read_stop st = {0};
    if (!sqlite_file_head(p))
        return false;
    sqlite3 *db = sqlite_file_open(p->path, &st);
    /* one that cannot be read at all is claimed as well, so that somebody says why */
    bool ours = db ? sqlite_file_has(db, "studies", NULL) && sqlite_file_has(db, "trials", NULL)
                   : p->named && st.stopped;
    sqlite3_close(db);
    c->kind = READ_DATABASE;
    return ours;
}

static void *open_file(const struct read_open *o)
{
    struct optuna_db *d = MEM_NEW(struct optuna_db);
    d->sink = o->sink;
    d->path = mem_str(o->path);
    d->prefix = mem_str(o->key);
    return d;
}

static size_t feed(void *self, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st)
{
    struct optuna_db *d = self;
    sqlite3 *db = sqlite_file_open(d->path, st);
    if (!db)
        return 0;
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    read_all(d, db, st);
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(db);
    return 0;
}

static void close_file(void *self)
{
    struct optuna_db *d = self;
    struct study *s, *next_study;
    struct row_trial *t, *next_trial;
    HASH_ITER(hh, d->studies, s, next_study)
    {
        HASH_DEL(d->studies, s);
        free(s->name);
        free(s);
    }
    HASH_ITER(hh, d->trials, t, next_trial)
    {
        HASH_DEL(d->trials, t);
        free(t);
    }
    json_release(&d->json);
    buf_release(&d->key);
    free(d->path);
    free(d->prefix);
    free(d);
}

const struct read_format read_optuna_db = {
    .name = "optuna",
    .text = "Optuna's SQLite storage, schemas 0.9 to 3.2 and later",
    .claim = claim,
    .open = open_file,
    .feed = feed,
    .close = close_file,
};
