/* listing: see listing.h. A view's rows already carry the keys that people and scripts get; here is only
 * which of them fit a terminal, and the paging that keeps every answer far below the message bound. */
#include "tui/listing.h"

#include <string.h>

#include "base/clock.h"
#include "proto/row_print.h"
#include "proto/safe_text.h"
#include "tui/client.h"
#include "tui/nearest.h"

#define PAGE        1000 /* rows in one answer */
#define ASK_TIMEOUT (30 * CLOCK_S)

const struct listing listings[] = {
    {"sweeps", "sweep,state,trials,running,best,best_trial,goal,tuner,started", false},
    {"trials", "trial,state,value,step,params,origin,runs,seconds,tags,note", true},
    {"runs", "run,trial,seed,state,worker,pid,exit,epoch", false},
    {"arms", "bandit,arm,label,pulls,mean,low,high,p_next,p_best,p_free,banned,pinned,boost", false},
    {"workers", "worker,host,pid,slots,busy,state,last_seen", false},
    {"interventions", "id,time,who,verb,target,args,reason,state,applied_step,undo_of", false},
    {"metrics", "trial,run,metric,count,first_step,last_step,first,last,min,max", false},
    {"importance", "param,pair,importance,low,high", false},
    {"seeds", "trial,n,mean,deviation,min,max,test_n,test_mean,test_deviation", false},
    {"landscape", "params,value,deviation", false},
    {"edf", "label,trials,value,share", false},
    {"pareto", "trial,state,front,values", false},
    {"surfaces", "surface,trial,run,step,columns,rows,norm,loss,min,max,done,state", false},
    {NULL, NULL, false},
};

const struct listing *listing_find(const char *view)
{
    for (const struct listing *l = listings; l->view; l++)
        if (strcmp(l->view, view) == 0)
            return l;
    return NULL;
}

static const char *ith_view(const void *arg, int i)
{
    return listings[i].view;
}

const char *listing_nearest(const char *word)
{
    return nearest_word(word, ith_view, NULL);
}

/* ---- asking ---- */

static void put_request(struct buf *b, const struct listing *l, const struct listing_query *q, int64_t from)
{
    struct codec_writer w;
    buf_clear(b);
    cw_init(&w, b);
    cw_map(&w, l->pages ? 12 : 10);
    cw_kstr(&w, "view", l->view);
    cw_kstr(&w, "sweep", q->sweep ? q->sweep : "");
    cw_kint(&w, "cursor", q->cursor);
    cw_kstr(&w, "filter", q->filter ? q->filter : "");
    cw_kstr(&w, "sort", q->sort ? q->sort : "");
    cw_kbool(&w, "list", true);
    cw_kstr(&w, "x", q->x ? q->x : "");
    cw_kstr(&w, "y", q->y ? q->y : "");
    cw_kstr(&w, "layer", q->layer ? q->layer : "");
    cw_kstr(&w, "by", q->by ? q->by : "");
    if (l->pages) {
        cw_kint(&w, "from", from);
        cw_kint(&w, "rows", PAGE);
    }
}

/* Calls row for each part in order; returns how many there were. */
static int each_part(struct span body, void (*row)(void *arg, struct span value), void *arg)
{
    struct span parts = cmap_value(body, "parts");
    struct codec_reader r;
    int n = 0;

    if (!parts.n)
        return 0;
    cr_init(&r, parts.p, parts.n);
    for (size_t left = cr_array(&r); left > 0 && cr_array(&r) == 2; left--, n++) {
        cr_skip(&r);
        struct span value = cr_value(&r);
        if (!cr_ok(&r))
            break;
        row(arg, value);
    }
    return n;
}

/* A view that has too little to show says so. */
static void note_why(struct buf *out, struct span head)
{
    struct span why = head.n ? cmap_str(head, "why") : (struct span){NULL, 0};
    buf_clear(out);
    if (why.n)
        safe_text_buf(out, why.p, why.n, -1);
}

int listing_rows(struct client *c, const struct listing *l, const struct listing_query *q,
                 void (*row)(void *arg, struct span value), void *arg, char **cause)
{
    struct buf request = {0}, frame = {0};
    struct message m;
    int64_t from = 0, count = 0;
    int rc;

    do {
        put_request(&request, l, q, from);
        rc = client_ask(c, MSG_VIEW, (struct span){(char *)request.data, request.len}, ASK_TIMEOUT, &frame,
                        &m, cause);
        if (rc != 0)
            break;
        int got = each_part(m.body, row, arg);
        count = cmap_int(m.body, "count", got);
        from += got;
        if (q->why && count == 0)
            note_why(q->why, cmap_value(m.body, "head"));
        if (got == 0 || !l->pages)
            break;
    } while (from < count);
    buf_release(&request);
    buf_release(&frame);
    return rc;
}

/* ---- printing ---- */

struct printing {
    struct buf *out;
    struct row_table *table; /* NULL: JSON */
};

static void print_row(void *arg, struct span row)
{
    struct printing *p = arg;
    if (p->table)
        row_table_add(p->table, row);
    else
        row_json(p->out, row);
}

int listing_print(struct client *c, const struct listing *l, const struct listing_query *q, bool as_json,
                  int width, struct buf *out, char **cause)
{
    struct printing p = {.out = out, .table = as_json ? NULL : row_table_new(l->columns)};
    if (p.table)
        row_table_remark(p.table, "warning");
    struct buf why = {0};
    struct listing_query asked = *q;
    asked.why = &why;
    int rc = listing_rows(c, l, &asked, print_row, &p, cause);
    if (p.table && rc == 0)
        row_table_print(p.table, out, width);
    if (p.table && rc == 0 && why.len)
        buf_printf(out, "%s\n", buf_cstr(&why));
    buf_release(&why);
    row_table_free(p.table);
    return rc;
}
