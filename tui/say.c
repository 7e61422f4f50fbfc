/* say: the one way out for text from elsewhere. Invariant: what leaves here holds no byte that a terminal
 * would act on except the newlines that our own code put there. */
#include "tui/say.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "proto/safe_text.h"

#define NUMBER_DIGITS 5

void say_put(struct buf *b, struct span s)
{
    if (s.p && s.n)
        safe_text_buf(b, s.p, s.n, -1);
}

void say_puts(struct buf *b, const char *s)
{
    if (s)
        say_put(b, (struct span){s, strlen(s)});
}

static void put_number(struct buf *b, double v)
{
    char text[TEXT_NUM];
    text_fmt_short(text, v, NUMBER_DIGITS);
    buf_puts(b, isnan(v) ? "nan" : text);
}

/* depth bounds what one value may draw; deeper things are left to --json. */
static void put_value(struct buf *b, struct codec_reader *r, int depth)
{
    size_t n;

    switch (cr_peek(r)) {
    case CT_STR: say_put(b, cr_str(r)); break;
    case CT_BOOL: buf_puts(b, cr_bool(r) ? "yes" : "no"); break;
    case CT_INT:
    case CT_UINT: buf_printf(b, "%lld", (long long)cr_int(r)); break;
    case CT_DOUBLE: put_number(b, cr_double(r)); break;
    case CT_ARRAY:
        n = cr_array(r);
        for (size_t i = 0; i < n && cr_ok(r) && depth > 0; i++) {
            buf_puts(b, i ? "," : "");
            put_value(b, r, depth - 1);
        }
        break;
    case CT_MAP:
        n = cr_map(r);
        for (size_t i = 0; i < n && cr_ok(r) && depth > 0; i++) {
            buf_puts(b, i ? " " : "");
            put_value(b, r, 0);
            buf_putc(b, '=');
            put_value(b, r, depth - 1);
        }
        break;
    default: cr_skip(r); buf_putc(b, '-');
    }
}

void say_value(struct buf *b, struct span value)
{
    struct codec_reader r;
    if (!value.n) {
        buf_putc(b, '-');
        return;
    }
    cr_init(&r, value.p, value.n);
    put_value(b, &r, 3);
}

bool say_flush(struct buf *b, int fd)
{
    size_t done = 0;
    while (done < b->len) {
        ssize_t n = write(fd, b->data + done, b->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    bool whole = done == b->len;
    buf_clear(b);
    return whole;
}
