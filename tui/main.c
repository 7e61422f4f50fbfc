/* main: `hypertop`. Everything is in cmd.c; here is only what belongs to the process: the locale for wide
 * characters, a SIGPIPE that is an error code, and output that was written or is an error. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tui/cmd.h"

int main(int argc, char **argv)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGPIPE, &ignore, NULL);
    setlocale(LC_CTYPE, "");
    int rc = cmd_main(argc, argv);
    if (fflush(stdout) != 0 && rc == EXIT_DONE)
        rc = EXIT_FAILED;
    return rc;
}
