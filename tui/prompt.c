#include "tui/prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "tui/keymap.h"

void prompt_open(struct prompt *p, enum prompt_kind kind, const char *text)
{
    p->kind = kind;
    p->error[0] = '\0';
    p->recall = 0;
    prompt_set(p, text ? text : "");
}

void prompt_close(struct prompt *p)
{
    p->kind = PROMPT_NONE;
    p->error[0] = '\0';
    prompt_set(p, "");
}

void prompt_release(struct prompt *p)
{
    for (int i = 0; i < p->n_history; i++)
        free(p->history[i]);
    *p = (struct prompt){0};
}

void prompt_set(struct prompt *p, const char *text)
{
    snprintf(p->text, sizeof p->text, "%s", text);
    p->len = p->at = strlen(p->text);
    p->pick = 0;
}

static bool continues(char b)
{
    return (b & 0xc0) == 0x80;
}

static size_t before(const struct prompt *p, size_t at)
{
    if (at > 0)
        at--;
    while (at > 0 && continues(p->text[at]))
        at--;
    return at;
}

static size_t after(const struct prompt *p, size_t at)
{
    if (at < p->len)
        at++;
    while (at < p->len && continues(p->text[at]))
        at++;
    return at;
}

static void cut(struct prompt *p, size_t from, size_t to)
{
    memmove(p->text + from, p->text + to, p->len - to + 1);
    p->len -= to - from;
    p->at = from;
}

static void add(struct prompt *p, const char *b, size_t n)
{
    if (p->len + n >= sizeof p->text)
        return;
    memmove(p->text + p->at + n, p->text + p->at, p->len - p->at + 1);
    memcpy(p->text + p->at, b, n);
    p->len += n;
    p->at += n;
}

void prompt_insert(struct prompt *p, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t used = utf8_decode(s + i, n - i, &cp);
        if (used == 0 || cp < 0x20 || cp == 0x7f || (cp >= 0x80 && cp < 0xa0))
            add(p, " ", 1);
        else
            add(p, s + i, used);
        i += used ? used : 1;
    }
    p->pick = 0;
}

static void recall(struct prompt *p, int by)
{
    int to = p->recall + by;
    if (p->kind != PROMPT_COMMAND || to < 0 || to > p->n_history)
        return;
    if (p->recall == 0)
        memcpy(p->draft, p->text, sizeof p->draft);
    p->recall = to;
    char line[PROMPT_CAP];
    snprintf(line, sizeof line, "%s", to == 0 ? p->draft : p->history[p->n_history - to]);
    prompt_set(p, line);
}

void prompt_remember(struct prompt *p, const char *line)
{
    if (!*line || (p->n_history && strcmp(p->history[p->n_history - 1], line) == 0))
        return;
    if (p->n_history == PROMPT_HISTORY) {
        free(p->history[0]);
        memmove(p->history, p->history + 1, (PROMPT_HISTORY - 1) * sizeof *p->history);
        p->n_history--;
    }
    p->history[p->n_history++] = mem_str(line);
}

static void cut_word(struct prompt *p)
{
    size_t from = p->at;
    while (from > 0 && p->text[from - 1] == ' ')
        from--;
    while (from > 0 && p->text[from - 1] != ' ')
        from--;
    cut(p, from, p->at);
}

static bool edit_key(struct prompt *p, int key)
{
    switch (key) {
    case KX_LEFT:
        p->at = before(p, p->at);
        return true;
    case KX_RIGHT:
        p->at = after(p, p->at);
        return true;
    case KX_HOME:
    case KEY_CTRL('a'):
        p->at = 0;
        return true;
    case KX_END:
    case KEY_CTRL('e'):
        p->at = p->len;
        return true;
    case KX_BACKSPACE:
    case KEY_CTRL('h'):
        cut(p, before(p, p->at), p->at);
        return true;
    case KX_DEL:
        cut(p, p->at, after(p, p->at));
        return true;
    case KEY_CTRL('u'):
        cut(p, 0, p->at);
        return true;
    case KEY_CTRL('k'):
        cut(p, p->at, p->len);
        return true;
    case KEY_CTRL('w'):
        cut_word(p);
        return true;
    default:
        return false;
    }
}

enum prompt_result prompt_key(struct prompt *p, int key)
{
    if (key == KX_ESC || key == KEY_CTRL('c'))
        return PROMPT_CANCELLED;
    if (key == KX_ENTER)
        return PROMPT_ENTERED;
    if (key == KX_TAB)
        return PROMPT_TAB;
    if (key == KX_BACKTAB)
        return PROMPT_TAB_BACK;
    if (key == KX_UP || key == KX_DOWN) {
        if (p->kind != PROMPT_COMMAND)
            return PROMPT_PLAIN;
        recall(p, key == KX_UP ? 1 : -1);
        return PROMPT_GOES_ON;
    }
    if (edit_key(p, key)) {
        p->pick = 0;
        p->error[0] = '\0';
        return PROMPT_GOES_ON;
    }
    if (key < 0x20 || (key >= 0x7f && key < 0xa0) || key >= KX_FIRST)
        return PROMPT_PLAIN;
    char b[4];
    add(p, b, utf8_encode(b, (uint32_t)key));
    p->pick = 0;
    p->error[0] = '\0';
    return PROMPT_GOES_ON;
}

size_t prompt_word(const char *text, int *nth)
{
    size_t start = 0;
    *nth = 0;
    for (size_t i = 0; text[i]; i++)
        if (text[i] == ' ') {
            if (i > start || i == 0)
                ++*nth;
            start = i + 1;
        }
    return start;
}
