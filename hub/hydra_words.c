#include "hub/hydra_words.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

static bool looks_like_another_type(const char *s)
{
    static const char *const words[] = {"null", "true", "false", "inf", "nan", "-inf", "+inf"};
    double x;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(s, words[i]) == 0)
            return true;
    return text_double(s, &x);
}

/* Hydra's grammar lets these stand without quotes (ID, / - \ + . $ % * @ ? |), and a colon inside a word. */
static bool needs_quotes(const char *s)
{
    if (!*s || looks_like_another_type(s))
        return true;
    for (const char *p = s; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_/-+.%*@?|:", *p))
            return true;
    return false;
}

static void quoted(struct buf *b, const char *s)
{
    buf_putc(b, '\'');
    for (const char *p = s; *p; p++) {
        if (*p == '\'')
            buf_putc(b, '\\');
        /* a backslash only means something in front of a quote */
        if (*p == '\\' && strspn(p, "\\") && (p[strspn(p, "\\")] == '\'' || !p[strspn(p, "\\")]))
            buf_putc(b, '\\');
        buf_putc(b, *p);
    }
    buf_putc(b, '\'');
}

static void put(struct buf *b, struct codec_reader *r)
{
    char number[TEXT_NUM], *text;
    size_t n;
    double x;
    switch (cr_peek(r)) {
    case CT_BOOL:
        buf_puts(b, cr_bool(r) ? "true" : "false");
        break;
    case CT_DOUBLE:
        x = cr_double(r);
        text_fmt_double(number, x);
        buf_puts(b, number);
        if (isfinite(x) && !strpbrk(number, ".e"))
            buf_puts(b, ".0");
        break;
    case CT_INT:
    case CT_UINT:
        buf_printf(b, "%lld", (long long)cr_int(r));
        break;
    case CT_STR:
        text = span_dup(cr_str(r));
        if (needs_quotes(text))
            quoted(b, text);
        else
            buf_puts(b, text);
        free(text);
        break;
    case CT_ARRAY:
        n = cr_array(r);
        buf_putc(b, '[');
        for (size_t i = 0; i < n && cr_ok(r); i++) {
            buf_puts(b, i ? "," : "");
            put(b, r);
        }
        buf_putc(b, ']');
        break;
    case CT_MAP:
        n = cr_map(r);
        buf_putc(b, '{');
        for (size_t i = 0; i < n && cr_ok(r); i++) {
            buf_puts(b, i ? "," : "");
            put(b, r);
            buf_putc(b, ':');
            put(b, r);
        }
        buf_putc(b, '}');
        break;
    default:
        cr_skip(r);
        buf_puts(b, "null");
    }
}

void hydra_value(struct buf *b, struct span value)
{
    struct codec_reader r;
    cr_init(&r, value.p, value.n);
    put(b, &r);
}
