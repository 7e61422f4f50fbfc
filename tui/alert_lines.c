#include "tui/alert_lines.h"

#include <stdio.h>

#include "base/clock.h"

void alert_lines_open(struct alert_lines *a, struct client *c, const char *sweep, const char *exec)
{
    *a = (struct alert_lines){.exec = exec, .sweep = sweep ? sweep : ""};
    config_init(&a->config);
    config_load(&a->config);
    alert_watch_open(&a->watch, c, sweep, a->config.rules, a->config.n_rules);
}

void alert_lines_pump(struct alert_lines *a, struct buf *out)
{
    struct alert_news n;
    while (alert_watch_next(&a->watch, &n)) {
        char hms[CLOCK_TEXT], trial[32] = "";
        const char *command = a->exec ? a->exec : a->config.exec;
        clock_hms(hms, n.time);
        snprintf(n.sweep, sizeof n.sweep, "%.120s", a->sweep);
        if (n.trial >= 0)
            snprintf(trial, sizeof trial, "t%lld ", (long long)n.trial);
        buf_printf(out, "%s alert %s%s\n", hms, trial, n.text);
        if (*command)
            alert_exec(command, &n);
    }
}

void alert_lines_close(struct alert_lines *a)
{
    alert_watch_close(&a->watch);
    config_release(&a->config);
}
