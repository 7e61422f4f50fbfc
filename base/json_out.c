#include "base/json_out.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"

void jw_open(struct json_out *j, struct buf *b)
{
    *j = (struct json_out){.b = b};
}

static void sep(struct json_out *j)
{
    if (j->comma)
        buf_putc(j->b, ',');
    j->comma = true;
}

static void open_with(struct json_out *j, int c)
{
    sep(j);
    buf_putc(j->b, c);
    j->comma = false;
}

static void close_with(struct json_out *j, int c)
{
    buf_putc(j->b, c);
    j->comma = true;
}

void jw_object(struct json_out *j)
{
    open_with(j, '{');
}

void jw_object_end(struct json_out *j)
{
    close_with(j, '}');
}

void jw_array(struct json_out *j)
{
    open_with(j, '[');
}

void jw_array_end(struct json_out *j)
{
    close_with(j, ']');
}

/* What a terminal would act on although it is no C0 control: C1, and marks that turn the text around. JSON may stand on
 * a screen as well as in a pipe, and an escape means the same to every reader. */
static bool terminal_control(uint32_t cp)
{
    return cp < 0xa0 || (cp >= 0x200e && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
           (cp >= 0x2066 && cp <= 0x2069) || cp == 0x061c || cp == 0xfeff;
}

static void quoted(struct buf *b, const char *s, size_t n)
{
    buf_putc(b, '"');
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x80) {
            uint32_t cp;
            size_t len = utf8_decode(s + i, n - i, &cp);
            if (len == 0) {
                buf_puts(b, "\xef\xbf\xbd");
                i++;
            } else if (terminal_control(cp)) {
                buf_printf(b, "\\u%04x", cp);
                i += len;
            } else {
                buf_put(b, s + i, len);
                i += len;
            }
            continue;
        }
        if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (c == '\n')
            buf_puts(b, "\\n");
        else if (c == '\t')
            buf_puts(b, "\\t");
        else if (c == '\r')
            buf_puts(b, "\\r");
        else if (c < 0x20 || c == 0x7f)
            buf_printf(b, "\\u%04x", c);
        else
            buf_putc(b, c);
        i++;
    }
    buf_putc(b, '"');
}

void jw_keyn(struct json_out *j, const char *key, size_t n)
{
    sep(j);
    quoted(j->b, key, n);
    buf_putc(j->b, ':');
    j->comma = false;
}

void jw_key(struct json_out *j, const char *key)
{
    jw_keyn(j, key, strlen(key));
}

void jw_strn(struct json_out *j, const char *s, size_t n)
{
    sep(j);
    quoted(j->b, s, n);
}

void jw_str(struct json_out *j, const char *s)
{
    if (s)
        jw_strn(j, s, strlen(s));
    else
        jw_null(j);
}

void jw_int(struct json_out *j, int64_t v)
{
    sep(j);
    buf_printf(j->b, "%" PRId64, v);
}

void jw_uint(struct json_out *j, uint64_t v)
{
    sep(j);
    buf_printf(j->b, "%" PRIu64, v);
}

void jw_double(struct json_out *j, double v)
{
    if (!isfinite(v)) {
        jw_null(j);
        return;
    }
    char text[TEXT_NUM];
    sep(j);
    buf_put(j->b, text, text_fmt_double(text, v));
}

void jw_bool(struct json_out *j, bool v)
{
    sep(j);
    buf_puts(j->b, v ? "true" : "false");
}

void jw_null(struct json_out *j)
{
    sep(j);
    buf_puts(j->b, "null");
}
