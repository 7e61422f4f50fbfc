#include "tui/own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/text.h"
#include "tui/config.h"
#include "tui/screen.h"

#define SPLIT_MAX 200

static const char *const charsets[] = {"auto", "braille", "blocks", "ascii"};

const char *own_charset_name(enum charset s)
{
    return charsets[s];
}

int own_set_charset(struct console *c, const char *name, char **cause)
{
    for (int i = 0; i < 4; i++) {
        if (strcmp(charsets[i], name) != 0)
            continue;
        if (c->own.ascii_only && i != CHARSET_ASCII && i != CHARSET_AUTO)
            return cause_set(cause, "this locale has only ASCII; start with LC_ALL=C.UTF-8");
        c->own.charset = (enum charset)i;
        return 0;
    }
    return cause_set(cause, "charset is auto, braille, blocks or ascii");
}

void own_charset_apply(const struct console *c, struct canvas *out)
{
    out->ascii = c->own.ascii_only || c->own.charset == CHARSET_ASCII;
    out->blocks = c->own.charset == CHARSET_BLOCKS;
}

void own_complain(struct console *c)
{
    struct config *k = c->own.config;
    if (!k || k->n_errors == 0)
        return;
    const char *text = buf_cstr(&k->errors), *end = strchr(text, '\n'), *from = text;
    for (const char *p = text; p < end; p++) /* the file's name is enough here */
        if (*p == '/' && strncmp(p, "/hypertop.conf", 14) == 0)
            from = p + 1;
    int n = (int)(end ? end - from : (long)strlen(from));
    if (k->n_errors > 1)
        console_toast(c, ST_ERROR, "%.*s (%d more: hypertop doctor --config)", n, from, k->n_errors - 1);
    else
        console_toast(c, ST_ERROR, "%.*s", n, from);
}

static void take_settings(struct console *c)
{
    struct config *k = c->own.config;
    if (k && strcmp(k->charset, "auto") != 0)
        own_set_charset(c, k->charset, NULL);
}

void own_init(struct console *c, bool ascii_only)
{
    c->own = (struct own){.config = c->opt.config, .ascii_only = ascii_only, .search_at = -1};
    take_settings(c);
}

void own_reload(struct console *c)
{
    struct config *k = c->own.config;
    if (!k) {
        console_toast(c, ST_WARN, "this console reads no configuration");
        return;
    }
    config_release(k);
    config_init(k);
    config_load(k);
    take_settings(c);
    c->redraw = true;
    if (k->n_errors)
        own_complain(c);
    else
        console_toast(c, ST_LIVE, "%s", k->path[0] ? "configuration read again" : "there is no configuration file");
}

/* ---- pane sizes ---- */

bool own_resize(struct console *c, enum action a)
{
    int *w = &c->own.split[c->screen][0], *h = &c->own.split[c->screen][1];
    switch (a) {
    case ACT_WIDER: *w += *w < SPLIT_MAX ? 2 : 0; return true;
    case ACT_NARROWER: *w -= *w > -SPLIT_MAX ? 2 : 0; return true;
    case ACT_TALLER: *h += *h < SPLIT_MAX; return true;
    case ACT_SHORTER: *h -= *h > -SPLIT_MAX; return true;
    default: return false;
    }
}

/* ---- the arrangement ---- */

static const char *brief(int screen, char out[32])
{
    snprintf(out, 32, "%s", screens[screen]->name);
    return out;
}

void own_layout_text(const struct console *c, struct buf *out)
{
    const struct table *t = &c->table;
    char name[32];
    buf_clear(out);
    if (strcmp(t->sort, "value") != 0 || t->reverse)
        buf_printf(out, "sort %s%s\n", t->reverse ? "-" : "", t->sort);
    if (t->group[0])
        buf_printf(out, "group %s\n", t->group);
    if (t->cols.own)
        buf_puts(out, "columns own\n");
    for (int i = 0; i < t->cols.n; i++)
        buf_printf(out, "column %s\n", t->cols.name[i]);
    for (int i = 0; i < SCREEN_COUNT; i++)
        if (c->own.split[i][0] || c->own.split[i][1])
            buf_printf(out, "split %s %d %d\n", brief(i, name), c->own.split[i][0], c->own.split[i][1]);
}

static void apply_split(struct console *c, const char *rest)
{
    char name[32], at[32];
    int w, h;
    if (sscanf(rest, "%31s %d %d", name, &w, &h) != 3 || abs(w) > SPLIT_MAX || abs(h) > SPLIT_MAX)
        return;
    for (int i = 0; i < SCREEN_COUNT; i++)
        if (strcmp(brief(i, at), name) == 0) {
            c->own.split[i][0] = w;
            c->own.split[i][1] = h;
        }
}

static void apply_line(struct console *c, const char *line)
{
    struct table *t = &c->table;
    if (text_has_prefix(line, "sort ") && line[5]) {
        t->reverse = line[5] == '-';
        row_format(t->sort, sizeof t->sort, "%s", line + 5 + t->reverse);
    } else if (text_has_prefix(line, "group ")) {
        table_group_by(t, line + 6);
    } else if (strcmp(line, "columns own") == 0) {
        t->cols.own = true;
    } else if (text_has_prefix(line, "column ") && t->cols.own && line[7] &&
               columns_find(&t->cols, line + 7) < 0) {
        columns_toggle(&t->cols, line + 7);
    } else if (text_has_prefix(line, "split ")) {
        apply_split(c, line + 6);
    }
}

void own_layout_apply(struct console *c, const char *text, size_t n)
{
    for (const char *p = text, *end = text + n; p < end;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t len = stop ? (size_t)(stop - p) : (size_t)(end - p);
        char line[200];
        if (len < sizeof line) {
            memcpy(line, p, len);
            line[len] = '\0';
            apply_line(c, line);
        }
        p += len + 1;
    }
}
