/* bench_frame: what a frame costs at 200x50: a full repaint, and one new point on the focused curve. Time is
 * from the state to the last byte handed to the terminal; bytes are what came out of the other side of a
 * pseudo-terminal, which holds a whole frame unread. The baseline beside it is ncurses alone, told the same
 * cells. */
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "tests/unit/tui/fake_client.h"
#include "tui/console_state.h"
#include "tui/term.h"

#define COLS   200
#define ROWS   50
#define FRAMES 140

static int master = -1;

/* Reads what the terminal was sent until nothing more comes; returns how much it was. */
static long drain(void)
{
    static char b[65536];
    struct pollfd p = {master, POLLIN, 0};
    long n = 0;
    while (poll(&p, 1, 10) > 0) {
        ssize_t k = read(master, b, sizeof b);
        if (k <= 0)
            break;
        n += k;
    }
    return n;
}

static int open_terminal(void)
{
    master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
        return -1;
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    struct winsize w = {ROWS, COLS, 0, 0};
    if (slave < 0 || ioctl(slave, TIOCSWINSZ, &w) < 0)
        return -1;
    dup2(slave, STDIN_FILENO);
    dup2(slave, STDOUT_FILENO);
    close(slave);
    return 0;
}

static struct console con;
static struct canvas canvas;

struct sample {
    double us[FRAMES], bytes[FRAMES];
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *v, double q)
{
    qsort(v, FRAMES, sizeof *v, by_value);
    return v[(int)(q * (FRAMES - 1))];
}

enum what { FULL, POINT, NCURSES };

static void run(enum what what, struct sample *s)
{
    for (int i = 0; i < FRAMES; i++) {
        if (what == POINT) {
            fake.step = i % 140 + 1; /* within the axis */
            fake_refresh();
        }
        int64_t t0 = clock_mono_ns();
        if (what != POINT)
            term_redraw();
        if (what != NCURSES) {
            console_prepare(&con, t0, FAKE_NOW, COLS, ROWS);
            console_frame(&con, &canvas);
        }
        term_show(&canvas);
        s->us[i] = (double)(clock_mono_ns() - t0) / 1e3;
        s->bytes[i] = (double)drain();
    }
}

int main(void)
{
    struct console_options o = {.user = "bench"};
    struct term_options to = {.color = "256"};
    struct sample full, point, bare;
    char *cause = NULL;
    int out = dup(STDOUT_FILENO);
    setenv("TERM", "xterm-256color", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    if (open_terminal() < 0)
        return fprintf(stderr, "bench_frame: no pseudo-terminal\n"), 1;
    if (term_open(&to, &cause) < 0)
        return fprintf(stderr, "bench_frame: %s\n", cause), 1;
    console_init(&con, fake_client, &o, false);
    canvas_init(&canvas, false);
    run(POINT, &point); /* the first frames paint everything */
    run(FULL, &full);
    run(NCURSES, &bare);
    run(POINT, &point);
    term_close();
    FILE *f = fdopen(out, "w");
    if (!f)
        return 1;
    fprintf(f,
            "{\"bench\":\"frame\",\"unit\":\"us\",\"median\":%.1f,\"p99\":%.1f,\"bytes\":%.0f,\"baseline\":"
            "\"ncurses alone, same cells\","
            "\"baseline_us\":%.1f,\"point_us\":%.1f,\"point_us_p99\":%.1f,\"point_bytes\":%.0f,\"point_bytes_"
            "p99\":%.0f,"
            "\"point_bytes_target\":200}\n",
            quantile(full.us, .5), quantile(full.us, .99), quantile(full.bytes, .5), quantile(bare.us, .5),
            quantile(point.us, .5), quantile(point.us, .99), quantile(point.bytes, .5),
            quantile(point.bytes, .99));
    fclose(f);
    console_release(&con);
    canvas_release(&canvas);
    return 0;
}
