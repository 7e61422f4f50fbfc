/* cmd_ls: lists what a recording holds, without a hub: the same views and the same printing as `hypertop ls`
 * on a live sweep. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/text.h"
#include "hub/cmd.h"
#include "hub/views.h"
#include "proto/row_print.h"
#include "proto/safe_text.h"
#include "proto/view.h"

/* Options of one list alone; their values go into the request under the same name. */
static const struct {
    const char *option, *view;
} owned[] = {{"--x", "landscape"}, {"--y", "landscape"}, {"--layer", "landscape"}, {"--by", "edf"}};
#define OWN (sizeof owned / sizeof *owned)

struct ls_options {
    const char *view, *file, *filter, *sort, *as_of;
    const char *own[OWN];
    bool json;
};

/* What a table shows: the columns that fit a terminal; --json prints every key. */
static const struct {
    const char *view, *columns;
} tables[] = {
    {"sweeps", "sweep,state,trials,running,best,best_trial,goal,tuner,started"},
    {"trials", "trial,state,value,step,params,origin,runs,seconds,tags,note"},
    {"runs", "run,trial,seed,state,worker,pid,exit,epoch"},
    {"arms", "bandit,arm,label,pulls,mean,low,high,p_next,p_best,p_free,banned,pinned,boost"},
    {"workers", "worker,host,pid,slots,busy,state,last_seen"},
    {"interventions", "id,time,who,verb,target,args,reason,state,applied_step,undo_of"},
    {"metrics", "trial,run,metric,count,first_step,last_step,first,last,min,max"},
    {"importance", "param,pair,importance,low,high"},
    {"surfaces", "surface,trial,run,step,columns,rows,norm,loss,min,max,done,state"},
    {"seeds", "trial,n,mean,deviation,min,max,test_n,test_mean,test_deviation"},
    {"landscape", "params,value,deviation"},
    {"edf", "label,trials,value,share"},
    {"pareto", "trial,state,front,values"},
};

static int usage(const char *what, const char *arg)
{
    struct buf b = {0};
    safe_text_buf(&b, arg, strlen(arg), -1);
    fprintf(stderr,
            "hypertop ls: %s%s; usage: hypertop ls [sweeps|trials|runs|arms|workers|interventions|metrics|importance|seeds|landscape|edf|pareto|surfaces] "
            "--sweep FILE.mcap"
            " [--filter EXPR] [--sort KEY] [--as-of T] [--x P] [--y P] [--layer L] [--by WHAT] [--json]\n",
            what, buf_cstr(&b));
    buf_release(&b);
    return 2;
}

static const char *columns_of(const char *view)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (strcmp(tables[i].view, view) == 0)
            return tables[i].columns;
    return NULL;
}

/* An option with a value, as "--name value" or "--name=value". */
static bool take_option(int argc, char **argv, int *i, const char *name, const char **value)
{
    size_t n = strlen(name);
    if (strncmp(argv[*i], name, n) != 0 || (argv[*i][n] && argv[*i][n] != '='))
        return false;
    if (argv[*i][n] == '=')
        *value = argv[*i] + n + 1;
    else if (*i + 1 < argc)
        *value = argv[++*i];
    else
        *value = "";
    return true;
}

static bool take_own(int argc, char **argv, int *i, struct ls_options *o)
{
    for (size_t k = 0; k < OWN; k++)
        if (take_option(argc, argv, i, owned[k].option, &o->own[k]))
            return true;
    return false;
}

static int check_own(const struct ls_options *o)
{
    char what[64];
    for (size_t k = 0; k < OWN; k++) {
        if (!o->own[k] || strcmp(o->view, owned[k].view) == 0)
            continue;
        snprintf(what, sizeof what, "%s belongs to ls %s, not to ls ", owned[k].option, owned[k].view);
        return usage(what, o->view);
    }
    return 0;
}

static int parse(int argc, char **argv, struct ls_options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            o->json = true;
        else if (take_option(argc, argv, &i, "--sweep", &o->file) ||
                 take_option(argc, argv, &i, "--filter", &o->filter) ||
                 take_option(argc, argv, &i, "--sort", &o->sort) ||
                 take_option(argc, argv, &i, "--as-of", &o->as_of) || take_own(argc, argv, &i, o))
            continue;
        else if (argv[i][0] == '-')
            return usage("unknown option ", argv[i]);
        else if (o->view)
            return usage("one list at a time, not also ", argv[i]);
        else
            o->view = argv[i];
    }
    o->view = o->view ? o->view : "sweeps";
    if (!columns_of(o->view))
        return usage("there is no list called ", o->view);
    if (check_own(o) != 0)
        return 2;
    return o->file && *o->file ? 0 : usage("--sweep needs the path of a recording", "");
}

/* A time, or N% of the recording's length. */
struct as_of {
    bool given, relative;
    double percent;
    int64_t time;
};

static int parse_as_of(const char *text, struct as_of *a)
{
    char number[TEXT_NUM];
    size_t n = text ? strlen(text) : 0;
    *a = (struct as_of){.given = text != NULL};
    if (!text)
        return 0;
    if (n > 1 && n < sizeof number && text[n - 1] == '%') {
        memcpy(number, text, n - 1);
        number[n - 1] = '\0';
        a->relative = true;
        if (text_double(number, &a->percent) && a->percent >= 0 && a->percent <= 100)
            return 0;
    } else if (clock_parse(text, &a->time) && a->time >= 0) {
        return 0;
    }
    return usage("--as-of needs a time like 2026-01-31T14:21:07Z, seconds since 1970 or N%, not ", text);
}

static int64_t cursor_of(const struct as_of *a, const struct state *s)
{
    if (!a->given)
        return -1;
    return a->relative ? s->first_time + (int64_t)((double)(s->last_time - s->first_time) * a->percent / 100)
                       : a->time;
}

static void put_request(struct buf *b, const struct ls_options *o, int64_t cursor)
{
    struct codec_writer w;
    cw_init(&w, b);
    cw_map(&w, 5 + OWN);
    cw_kstr(&w, "view", o->view);
    cw_kbool(&w, "list", true);
    for (size_t k = 0; k < OWN; k++)
        cw_kstr(&w, owned[k].option + 2, o->own[k] ? o->own[k] : "");
    cw_kint(&w, "cursor", cursor);
    cw_kstr(&w, "filter", o->filter ? o->filter : "");
    cw_kstr(&w, "sort", o->sort ? o->sort : "");
}

static int terminal_width(void)
{
    struct winsize ws;
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 ? ws.ws_col : 0;
}

static int print(const struct ls_options *o, const struct view_out *v, char **cause)
{
    struct buf out = {0};
    struct row_table *t = o->json ? NULL : row_table_new(columns_of(o->view));
    if (t)
        row_table_remark(t, "warning");
    for (int i = 0; i < v->n_parts; i++) {
        struct span row = {(const char *)v->data.data + v->parts[i].off, v->parts[i].len};
        if (o->json)
            row_json(&out, row);
        else
            row_table_add(t, row);
    }
    if (t) {
        struct span why = cmap_str((struct span){(const char *)v->head.data, v->head.len}, "why");
        row_table_print(t, &out, terminal_width());
        if (v->n_parts == 0 && why.n) {
            safe_text_buf(&out, why.p, why.n, -1);
            buf_putc(&out, '\n');
        }
        row_table_free(t);
    }
    fwrite(out.data, 1, out.len, stdout);
    buf_release(&out);
    return fflush(stdout) == 0 ? 0 : cause_set(cause, "the output could not be written");
}

static int list(const struct ls_options *o, const struct as_of *as_of, struct sweep_ref *ref, char **cause)
{
    struct sweep_ref *const refs[] = {ref};
    struct views_ctx ctx = {.sweeps = refs, .n_sweeps = 1, .readonly = true, .now = ref->state->last_time};
    struct view_out v = {0};
    struct buf request = {0};
    put_request(&request, o, cursor_of(as_of, ref->state));
    int rc = views_answer(&ctx, (struct span){(const char *)request.data, request.len}, &v, cause);
    if (rc == 0)
        rc = print(o, &v, cause);
    buf_release(&request);
    view_out_release(&v);
    return rc;
}

int cmd_ls(int argc, char **argv)
{
    struct ls_options o = {0};
    struct as_of as_of;
    char *cause = NULL;
    int rc = parse(argc, argv, &o);
    rc = rc ? rc : parse_as_of(o.as_of, &as_of);
    if (rc != 0)
        return rc;
    struct sweep_ref *ref = sweep_ref_load(o.file, &cause);
    if (ref && ref->warning && (o.json || strcmp(o.view, "sweeps") != 0)) /* else it is under the table */
        fprintf(stderr, "hypertop ls: %s: %s\n", o.file, ref->warning);
    if (!ref || list(&o, &as_of, ref, &cause) != 0) {
        struct buf b = {0};
        safe_text_buf(&b, cause, strlen(cause), -1);
        fprintf(stderr, "hypertop ls: %s\n", buf_cstr(&b));
        buf_release(&b);
        free(cause);
        rc = 1;
    }
    sweep_ref_free(ref);
    return rc;
}
