/* fake_console: the console on a sweep that is always the same, without a hub. For tests of the terminal and
 * for looking at screens.
 *
 *     fake_console [--ascii] [--color WHEN] [--replay] [--readonly] [--hostile] [--tick] [--trials N] [--reset-tty]
 *
 * --tick: every view is answered anew every quarter of a second, which is as often as a hub does however many points come. --hostile: names full of escape sequences. */
#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/unit/tui/fake_client.h"
#include "tui/console.h"

static int pipe_fds[2];
static int64_t next_tick = INT64_MAX;

int client_fd(struct client *c)
{
    return pipe_fds[0];
}

int64_t client_deadline(struct client *c)
{
    return next_tick;
}

void client_pump(struct client *c)
{
    int64_t now = clock_mono_ns();
    if (now < next_tick)
        return;
    next_tick = now + CLOCK_S / 4;
    fake.step++;
    fake_refresh();
}

/* So many trials in all. */
static int extra_trials(const char *text)
{
    int64_t n;
    return text_int(text, &n) && n > FAKE_TRIALS && n < 1000000 ? (int)n - FAKE_TRIALS : 0;
}

int main(int argc, char **argv)
{
    struct console_options o = {.user = "alice"};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--ascii") == 0)
            o.ascii = true;
        else if (strcmp(argv[i], "--color") == 0 && i + 1 < argc)
            o.color = argv[++i];
        else if (strcmp(argv[i], "--replay") == 0)
            o.replay = true;
        else if (strcmp(argv[i], "--readonly") == 0)
            fake.readonly = true;
        else if (strcmp(argv[i], "--hostile") == 0)
            fake.hostile = true;
        else if (strcmp(argv[i], "--tick") == 0)
            next_tick = 0;
        else if (strcmp(argv[i], "--trials") == 0 && i + 1 < argc)
            fake.extra = extra_trials(argv[++i]);
        else if (strcmp(argv[i], "--reset-tty") == 0)
            return console_reset_tty(), 0;
        else
            return fprintf(stderr, "fake_console: unknown option %s\n", argv[i]), 2;
    }
    if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return 1;
    return console_run(fake_client, &o);
}
