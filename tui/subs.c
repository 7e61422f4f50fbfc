#include "tui/subs.h"

#include <string.h>

void subs_arrived(struct subs *f)
{
    for (int i = 0; i < SUB_COUNT; i++)
        if (f->sub[i].view && f->sub[i].view->loaded)
            f->sub[i].have_from = f->sub[i].from;
}

void subs_begin(struct subs *f)
{
    for (int i = 0; i < SUB_COUNT; i++)
        f->sub[i].wanted = false;
}

struct codec_writer sub_want(struct subs *f, enum sub_id id, const char *view, int pairs)
{
    struct sub *d = &f->sub[id];
    struct codec_writer w;
    buf_clear(&d->request);
    cw_init(&w, &d->request);
    cw_map(&w, 3 + (size_t)pairs);
    cw_kstr(&w, "view", view);
    cw_kstr(&w, "sweep", f->sweep ? f->sweep : "");
    cw_kint(&w, "cursor", id == SUB_EVENTS || id == SUB_SWEEPS ? -1 : f->cursor);
    return w;
}

void sub_commit(struct subs *f, enum sub_id id, int64_t from, int hz)
{
    struct sub *d = &f->sub[id];
    struct span request = {(const char *)d->request.data, d->request.len};
    d->wanted = true;
    d->from = from;
    if (d->view)
        client_resub(f->client, d->view, request, hz);
    else
        d->view = client_sub(f->client, request, hz);
    if (d->view && d->view->loaded)
        d->have_from = from;
}

void subs_end(struct subs *f)
{
    for (int i = 0; i < SUB_COUNT; i++) {
        struct sub *d = &f->sub[i];
        if (d->wanted || !d->view)
            continue;
        client_unsub(f->client, d->view);
        d->view = NULL;
    }
}

void subs_close(struct subs *f)
{
    subs_begin(f);
    subs_end(f);
    for (int i = 0; i < SUB_COUNT; i++)
        buf_release(&f->sub[i].request);
}

bool sub_loaded(const struct subs *f, enum sub_id id)
{
    const struct view *v = f->sub[id].view;
    return v && v->loaded;
}

bool sub_any(const struct subs *f, enum sub_id id)
{
    const struct view *v = f->sub[id].view;
    return v && v->version > 0;
}

bool subs_waiting(const struct subs *f)
{
    for (int i = 0; i < SUB_COUNT; i++)
        if (f->sub[i].view && !f->sub[i].view->loaded)
            return true;
    return false;
}

const char *sub_error(const struct subs *f, enum sub_id id)
{
    const struct view *v = f->sub[id].view;
    return v ? v->error : NULL;
}

struct span sub_head(const struct subs *f, enum sub_id id)
{
    const struct view *v = f->sub[id].view;
    return v ? v->head : (struct span){NULL, 0};
}

int sub_rows(const struct subs *f, enum sub_id id)
{
    const struct view *v = f->sub[id].view;
    return v ? v->n_parts : 0;
}

int64_t sub_total(const struct subs *f, enum sub_id id)
{
    const struct view *v = f->sub[id].view;
    return v ? v->count : 0;
}

struct span sub_row(const struct subs *f, enum sub_id id, int i)
{
    const struct view *v = f->sub[id].view;
    if (!v || i < 0 || i >= v->n_parts)
        return (struct span){NULL, 0};
    return v->parts[i].value;
}

uint64_t sub_version(const struct subs *f, enum sub_id id)
{
    const struct view *v = f->sub[id].view;
    return v ? v->version : 0;
}

uint64_t subs_version(const struct subs *f)
{
    uint64_t sum = 0;
    for (int i = 0; i < SUB_COUNT; i++)
        sum = sum * 1000003 + sub_version(f, (enum sub_id)i);
    return sum;
}
