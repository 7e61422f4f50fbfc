#include "base/json_out.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"

void json_open(struct json_out *j, struct buf *b)
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

void json_object(struct json_out *j)
{
    open_with(j, '{');
}

void json_object_end(struct json_out *j)
{
    close_with(j, '}');
}

void json_array(struct json_out *j)
{
    open_with(j, '[');
}

void json_array_end(struct json_out *j)
{
    close_with(j, ']');
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

void json_keyn(struct json_out *j, const char *key, size_t n)
{
    sep(j);
    quoted(j->b, key, n);
    buf_putc(j->b, ':');
    j->comma = false;
}

void json_key(struct json_out *j, const char *key)
{
    json_keyn(j, key, strlen(key));
}

void json_strn(struct json_out *j, const char *s, size_t n)
{
    sep(j);
    quoted(j->b, s, n);
}

void json_str(struct json_out *j, const char *s)
{
    if (s)
        json_strn(j, s, strlen(s));
    else
        json_null(j);
}

void json_int(struct json_out *j, int64_t v)
{
    sep(j);
    buf_printf(j->b, "%" PRId64, v);
}

void json_uint(struct json_out *j, uint64_t v)
{
    sep(j);
    buf_printf(j->b, "%" PRIu64, v);
}

void json_double(struct json_out *j, double v)
{
    if (!isfinite(v)) {
        json_null(j);
        return;
    }
    char text[TEXT_NUM];
    sep(j);
    buf_put(j->b, text, text_fmt_double(text, v));
}

void json_bool(struct json_out *j, bool v)
{
    sep(j);
    buf_puts(j->b, v ? "true" : "false");
}

void json_null(struct json_out *j)
{
    sep(j);
    buf_puts(j->b, "null");
}
