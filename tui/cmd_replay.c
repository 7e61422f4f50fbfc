/* cmd_replay: `hypertop replay FILE`: the console on a private hub that holds a recording and ends with us.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "tui/cmd_list.h"

/* Where the cursor may start: HH:MM[:SS], RFC 3339, seconds, or N%. */
static bool good_time(const char *at)
{
    int64_t ns;
    double d;
    size_t n = strlen(at);
    char percent[16];
    int h, m, s, used = 0;

    if (n > 1 && n < sizeof percent && at[n - 1] == '%') {
        memcpy(percent, at, n - 1);
        percent[n - 1] = '\0';
        return text_double(percent, &d) && d >= 0 && d <= 100;
    }
    if (clock_parse(at, &ns))
        return true;
    if (sscanf(at, "%2d:%2d%n", &h, &m, &used) == 2 && h >= 0 && h < 24 && m >= 0 && m < 60) {
        if (!at[used])
            return true;
        at += used;
        return sscanf(at, ":%2d%n", &s, &used) == 1 && !at[used] && s >= 0 && s < 61;
    }
    return false;
}

int cmd_replay(struct cmd_call *call)
{
    const char *at = opt_text(&call->set, "at");

    if (at && !good_time(at))
        return cmd_error(
            call, EXIT_USAGE,
            "--at '%s': HH:MM:SS, a time like 2026-01-31T14:21:07Z, or a share like 40%% is needed", at);
    int rc = cmd_connect(call, call->set.words[0], false);
    if (rc != EXIT_DONE)
        return rc;
    return cmd_show(call, NULL, at, opt_real(&call->set, "speed", 0), true);
}
