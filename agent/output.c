#include "agent/output.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/outlet.h"
#include "base/clock.h"
#include "read/scrape.h"

enum { READ_BYTES = 64 << 10 };

void output_init(struct output *o, int fd, const char *stream, int through)
{
    *o = (struct output){.fd = fd,
                         .through = through,
                         .stream = stream,
                         .lines = OUTPUT_BURST,
                         .bytes = 4.0 * OUTPUT_BYTES_S,
                         .filled = clock_mono_ns()};
}

static void top_up(struct output *o)
{
    int64_t now = clock_mono_ns();
    double s = (double)(now - o->filled) / 1e9;
    o->filled = now;
    o->lines = o->lines + s * OUTPUT_LINES_S < OUTPUT_BURST ? o->lines + s * OUTPUT_LINES_S : OUTPUT_BURST;
    o->bytes = o->bytes + s * OUTPUT_BYTES_S < 4.0 * OUTPUT_BYTES_S ? o->bytes + s * OUTPUT_BYTES_S
                                                                    : 4.0 * OUTPUT_BYTES_S;
}

static void say_dropped(struct output *o, struct outlet *ol)
{
    char text[128];
    if (!o->dropped)
        return;
    int n = snprintf(text, sizeof text, "[%llu lines left out: more than %d lines or %d KiB a second]",
                     (unsigned long long)o->dropped, OUTPUT_LINES_S, OUTPUT_BYTES_S >> 10);
    o->dropped = 0;
    outlet_text(ol, o->stream, clock_wall_ns(), text, (size_t)n);
}

static void line_done(struct output *o, struct outlet *ol)
{
    if (o->scrape && o->line.len)
        scrape_line(o->scrape, (const char *)o->line.data, o->line.len);
    if (o->lines < 1 || o->bytes < (double)o->line.len) {
        o->dropped++;
    } else {
        say_dropped(o, ol);
        o->lines--;
        o->bytes -= (double)o->line.len;
        outlet_text(ol, o->stream, clock_wall_ns(), o->line.data ? (const void *)o->line.data : "",
                    o->line.len);
    }
    buf_clear(&o->line);
}

static void take_bytes(struct output *o, struct outlet *ol, const char *p, size_t n)
{
    while (n) {
        if (o->after_cr && *p == '\n') { /* \r\n is one end of a line */
            o->after_cr = false;
            p++;
            n--;
            continue;
        }
        o->after_cr = false;
        size_t room = RING_TEXT - o->line.len, look = n < room ? n : room, len = 0;
        while (len < look && p[len] != '\n' && p[len] != '\r')
            len++;
        buf_put(&o->line, p, len);
        p += len;
        n -= len;
        if (len < look) {
            o->after_cr = *p == '\r';
            p++;
            n--;
            line_done(o, ol);
        } else if (o->line.len == RING_TEXT) {
            line_done(o, ol);
        }
    }
}

/* A blocking terminal blocks us, as it would have blocked the program itself. */
static void pass_through(struct output *o, const char *p, size_t n)
{
    while (n && o->through >= 0) {
        ssize_t done = write(o->through, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = o->through, .events = POLLOUT};
            poll(&wait, 1, -1);
            continue;
        }
        if (done <= 0) {
            o->through = -1; /* nobody reads any more; the program goes on */
            return;
        }
        p += done;
        n -= (size_t)done;
    }
}

bool output_read(struct output *o, struct outlet *ol)
{
    static char bytes[READ_BYTES];
    ssize_t n = read(o->fd, bytes, sizeof bytes);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    top_up(o);
    pass_through(o, bytes, (size_t)n);
    take_bytes(o, ol, bytes, (size_t)n);
    return true;
}

void output_finish(struct output *o, struct outlet *ol)
{
    if (o->line.len)
        line_done(o, ol);
    say_dropped(o, ol);
}

void output_release(struct output *o)
{
    if (o->fd >= 0)
        close(o->fd);
    o->fd = -1;
    buf_release(&o->line);
}
