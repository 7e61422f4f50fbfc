/* cmd_import: other tools' files as a recording. Reads everything, chooses one tool where a folder holds the traces of
 * several, writes a recording, and says what it understood and where each file stopped making sense. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "hub/cmd.h"
#include "hub/file_place.h"
#include "hub/import_write.h"
#include "hub/state.h"
#include "proto/safe_text.h"
#include "read/follow.h"
#include "read/formats.h"

#define PATHS_MAX 256
#define STOPS_SAID 8

struct import_options {
    const char *paths[PATHS_MAX];
    int n_paths;
    const char *from, *out, *name;
    struct import_choice choice;
    bool force, json;
};

struct import_stop {
    char *path;
    struct read_stop stop;
};

struct import_run {
    const struct import_options *o;
    struct import_model model;
    struct read_files files;
    struct buf others; /* formats that were found and not read */
    struct import_stop *stops;
    int n_stops;
    long skipped;
};

/* ---- the command line ---- */

static int usage(const char *what, const char *arg)
{
    struct buf b = {0};
    safe_text_buf(&b, arg, strlen(arg), -1);
    fprintf(stderr, "hypertop import: %s%s; usage: hypertop import PATH... [--from FORMAT] -o FILE.mcap\n", what,
            buf_cstr(&b));
    buf_release(&b);
    return 2;
}

static int list_formats(void)
{
    for (const struct read_format *const *f = read_formats; *f; f++)
        printf("%-10s %s\n", (*f)->name, (*f)->text);
    return 0;
}

static int parse_goal(const char *s, enum read_goal *out)
{
    *out = strcmp(s, "minimize") == 0 ? READ_MINIMIZE : strcmp(s, "maximize") == 0 ? READ_MAXIMIZE : READ_GOAL_UNSAID;
    return *out == READ_GOAL_UNSAID ? usage("--goal must be minimize or maximize, not ", s) : 0;
}

static int parse(int argc, char **argv, struct import_options *o)
{
    const struct {
        const char *name;
        const char **at;
    } texts[] = {{"--from", &o->from},          {"-o", &o->out},           {"--name", &o->name},
                 {"--metric", &o->choice.metric}, {"--study", &o->choice.study}};
    for (int i = 1, k; i < argc; i++) {
        const int n_texts = sizeof texts / sizeof *texts;
        for (k = 0; k < n_texts && strcmp(argv[i], texts[k].name) != 0; k++)
            ;
        if (k < n_texts && i + 1 < argc) {
            *texts[k].at = argv[++i];
        } else if (strcmp(argv[i], "--goal") == 0 && i + 1 < argc) {
            if (parse_goal(argv[++i], &o->choice.goal) != 0)
                return 2;
        } else if (strcmp(argv[i], "-f") == 0) {
            o->force = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            o->json = true;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return usage("unknown option, or one without its value: ", argv[i]);
        } else if (o->n_paths == PATHS_MAX) {
            return usage("too many paths; name a folder around them, not also ", argv[i]);
        } else {
            o->paths[o->n_paths++] = argv[i];
        }
    }
    if (o->from && strcmp(o->from, "auto") == 0)
        o->from = NULL;
    if (o->from && !read_format_named(o->from))
        return usage("`hypertop import --formats` lists what --from takes; it does not take ", o->from);
    if (!o->n_paths)
        return usage("what is to be imported?", "");
    return o->out ? 0 : usage("-o needs the path of the recording to write", "");
}

/* ---- reading ---- */

static void note_stop(struct import_run *r, const char *path, const struct read_stop *st)
{
    r->skipped += st->skipped;
    if (!st->stopped)
        return;
    r->stops = mem_resize(r->stops, (size_t)r->n_stops + 1, sizeof *r->stops);
    r->stops[r->n_stops++] = (struct import_stop){mem_str(path), *st};
}

static void read_file(struct import_run *r, const struct read_sink *sink, const struct read_file *f)
{
    char *cause = NULL;
    struct read_stop unreadable = {0};
    struct read_follow *fl = read_follow_open(f, sink, &cause);
    int rc = fl ? 1 : -1;
    if (fl)
        r->model.mtime = read_follow_mtime(fl);
    while (rc == 1)
        rc = read_follow_turn(fl, true, &cause);
    if (rc < 0) {
        read_stop_at(&unreadable, false, 0, "%s", cause);
        note_stop(r, f->path, &unreadable);
    } else {
        note_stop(r, f->path, read_follow_stop(fl));
    }
    read_follow_close(fl);
    free(cause);
}

static int find_files(struct import_run *r, char **cause)
{
    const struct import_options *o = r->o;
    for (int i = 0; i < o->n_paths; i++)
        if (read_scan(&r->files, o->paths[i], o->from, NULL, NULL, cause) != 0)
            return -1;
    if (r->files.n == 0)
        return cause_set(cause, "%s: %ld files looked at, none is of %s; `hypertop import --formats` lists what can be read",
                         o->paths[0], r->files.looked, o->from ? o->from : "a format that is known");
    read_scan_choose(&r->files, &r->others);
    return 0;
}

static int read_all(struct import_run *r, char **cause)
{
    struct read_sink sink = {&import_sink_ops, &r->model};
    if (find_files(r, cause) != 0)
        return -1;
    for (int i = 0; i < r->files.n; i++)
        read_file(r, &sink, &r->files.v[i]);
    if (r->n_stops && !r->model.n_trials && !r->model.n_studies) {
        const struct read_stop *st = &r->stops[0].stop;
        return cause_set(cause, "%s: %s at byte %lld, and nothing can be read in front of that: %s", r->stops[0].path,
                         st->cut ? "is cut off" : "is damaged", (long long)st->offset, st->why);
    }
    return import_settle(&r->model, &r->o->choice, cause);
}

/* ---- writing ---- */

static char *sweep_name(const struct import_run *r)
{
    const struct import_model *m = &r->model;
    if (r->o->name)
        return mem_str(r->o->name);
    if (m->study >= 0 && m->studies[m->study].name && *m->studies[m->study].name)
        return mem_strn(m->studies[m->study].name, 120);
    char *real = realpath(r->o->paths[0], NULL);
    const char *base = read_base(real ? real : r->o->paths[0]);
    char *name = mem_strn(*base ? base : "import", 120);
    free(real);
    return name;
}

static int write_out(struct import_run *r, char **cause)
{
    struct buf tmp = {0};
    const char *out = r->o->out;
    if (!r->o->force && access(out, F_OK) == 0)
        return cause_set(cause, "%s exists: choose another path, or -f to replace it", out);
    buf_printf(&tmp, "%s.%ld.tmp", out, (long)getpid());
    char *name = sweep_name(r);
    struct import_source from = {name, r->o->paths[0], r->files.v[0].format->name};
    int rc = import_write(&r->model, &from, buf_cstr(&tmp), cause);
    if (rc == 0 && file_place(buf_cstr(&tmp), out, r->o->force) != 0) {
        rc = cause_set(cause, "%s: %s", out, strerror(errno));
        unlink(buf_cstr(&tmp));
    }
    free(name);
    buf_release(&tmp);
    return rc;
}

/* ---- saying what was done ---- */

static const char *state_word(enum read_state s)
{
    static const char *const words[] = {"waiting", "running", "done", "pruned", "stopped", "failed", "withdrawn"};
    return words[s];
}

static void count_states(const struct import_model *m, long counts[READ_WITHDRAWN + 1], long *trials)
{
    memset(counts, 0, sizeof(long) * (READ_WITHDRAWN + 1));
    *trials = 0;
    for (int i = 0; i < m->n_trials; i++)
        if (m->trials[i]->number >= 0) {
            counts[m->trials[i]->state]++;
            ++*trials;
        }
}

static void json_stops(struct json_out *j, const struct import_run *r)
{
    jw_key(j, "stopped");
    jw_array(j);
    for (int i = 0; i < r->n_stops; i++) {
        const struct read_stop *st = &r->stops[i].stop;
        jw_object(j);
        jw_key(j, "file");
        jw_str(j, r->stops[i].path);
        jw_key(j, "offset");
        jw_int(j, st->offset);
        jw_key(j, "cut");
        jw_bool(j, st->cut);
        jw_key(j, "why");
        jw_str(j, st->why);
        jw_object_end(j);
    }
    jw_array_end(j);
}

static void json_number(struct json_out *j, const char *key, int64_t v)
{
    jw_key(j, key);
    jw_int(j, v);
}

static void say_json(const struct import_run *r)
{
    const struct import_model *m = &r->model;
    struct buf b = {0};
    struct json_out j;
    long counts[READ_WITHDRAWN + 1], trials;
    count_states(m, counts, &trials);
    jw_open(&j, &b);
    jw_object(&j);
    jw_key(&j, "file");
    jw_str(&j, r->o->out);
    jw_key(&j, "format");
    jw_str(&j, r->files.v[0].format->name);
    json_number(&j, "files", r->files.n);
    json_number(&j, "trials", trials);
    json_number(&j, "points", (int64_t)m->points);
    json_number(&j, "reports", (int64_t)m->reports);
    json_number(&j, "metrics", m->n_metrics);
    jw_key(&j, "metric");
    jw_str(&j, m->metric);
    jw_key(&j, "goal");
    jw_str(&j, m->goal == READ_MAXIMIZE ? "maximize" : m->goal == READ_MINIMIZE ? "minimize" : NULL);
    jw_key(&j, "states");
    jw_object(&j);
    for (int i = 0; i < READ_WITHDRAWN; i++)
        if (counts[i])
            json_number(&j, state_word((enum read_state)i), counts[i]);
    jw_object_end(&j);
    jw_key(&j, "studies");
    jw_array(&j);
    for (int i = 0; i < m->n_studies; i++)
        if (m->studies[i].name)
            jw_str(&j, m->studies[i].name);
    jw_array_end(&j);
    jw_key(&j, "records");
    jw_object(&j);
    for (int i = 0; i < m->n_counts; i++)
        json_number(&j, m->counts[i].what, (int64_t)m->counts[i].n);
    jw_object_end(&j);
    json_number(&j, "skipped", r->skipped);
    json_stops(&j, r);
    jw_key(&j, "also_found");
    jw_str(&j, r->others.len ? (const char *)r->others.data : NULL);
    jw_object_end(&j);
    puts(buf_cstr(&b));
    buf_release(&b);
}

static void say_safe(FILE *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say_safe(FILE *to, const char *fmt, ...)
{
    struct buf raw = {0}, safe = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&raw, fmt, ap);
    va_end(ap);
    safe_text_buf(&safe, (const char *)raw.data, raw.len, -1);
    fprintf(to, "%s\n", buf_cstr(&safe));
    buf_release(&raw);
    buf_release(&safe);
}

static void say_text(const struct import_run *r)
{
    const struct import_model *m = &r->model;
    struct buf states = {0};
    long counts[READ_WITHDRAWN + 1], trials;
    count_states(m, counts, &trials);
    for (int i = 0; i < READ_WITHDRAWN; i++)
        if (counts[i])
            buf_printf(&states, "%s%ld %s", states.len ? ", " : "", counts[i], state_word((enum read_state)i));
    say_safe(stdout, "%s: %s, %d file%s: %ld trial%s (%s), %llu points of %d metrics", r->o->out,
             r->files.v[0].format->name, r->files.n, r->files.n == 1 ? "" : "s", trials, trials == 1 ? "" : "s",
             states.len ? buf_cstr(&states) : "none", (unsigned long long)(m->points + m->reports), m->n_metrics);
    if (!m->metric)
        say_safe(stdout, "no objective is named in it, so there is no best: --metric NAME [--goal minimize|maximize]");
    else if (m->goal == READ_GOAL_UNSAID)
        say_safe(stdout, "the objective is %s; its goal is not named in it and taken to be minimize: --goal says otherwise",
                 m->metric);
    buf_release(&states);
}

/* What a person should know of the input, on stderr. */
static void say_warnings(const struct import_run *r)
{
    for (int i = 0; i < r->n_stops && i < STOPS_SAID; i++)
        say_safe(stderr, "hypertop import: %s: %s at byte %lld: %s", r->stops[i].path,
                 r->stops[i].stop.cut ? "is cut off" : "is damaged", (long long)r->stops[i].stop.offset,
                 r->stops[i].stop.why);
    if (r->n_stops > STOPS_SAID)
        say_safe(stderr, "hypertop import: %d more files are cut off or damaged (--json lists them)",
                 r->n_stops - STOPS_SAID);
    if (r->skipped)
        say_safe(stderr, "hypertop import: %ld damaged records were passed over", r->skipped);
    if (r->model.lost)
        say_safe(stderr, "hypertop import: %llu values were left out: more trials, metrics or parameters than a recording holds",
                 (unsigned long long)r->model.lost);
    if (r->others.len)
        say_safe(stderr, "hypertop import: also found, and not read: %s (--from NAME reads it)",
                 (const char *)r->others.data);
}

static void release(struct import_run *r)
{
    import_release(&r->model);
    read_files_release(&r->files);
    buf_release(&r->others);
    for (int i = 0; i < r->n_stops; i++)
        free(r->stops[i].path);
    free(r->stops);
}

int cmd_import(int argc, char **argv)
{
    struct import_options o = {0};
    struct import_run r = {.o = &o};
    char *cause = NULL;
    if (argc == 2 && strcmp(argv[1], "--formats") == 0)
        return list_formats();
    int rc = parse(argc, argv, &o);
    if (rc != 0)
        return rc;
    if (read_all(&r, &cause) != 0 || write_out(&r, &cause) != 0) {
        say_safe(stderr, "hypertop import: %s", cause);
        free(cause);
        rc = 1;
    } else {
        buf_cstr(&r.others);
        say_warnings(&r);
        if (o.json)
            say_json(&r);
        else
            say_text(&r);
    }
    release(&r);
    return rc;
}
