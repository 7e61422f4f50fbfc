/* cmd_serve: a hub that only shows recordings: on an endpoint of its own, without agents, for one console. It
 * ends with its parent, or on SIGTERM. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "hub/cmd.h"
#include "hub/hub.h"

static int usage(const char *why, const char *word)
{
    fprintf(stderr,
            "hypertop-hub serve: %s%s; usage: hypertop-hub serve --replay FILE... -L NAME [--parent PID]\n",
            why, word);
    return 2;
}

int cmd_serve(int argc, char **argv)
{
    struct hub_options o = {.readonly = true};
    char **files = mem_zero((size_t)argc + 1, sizeof *files), *cause = NULL;
    int n = 0, rc = 0;
    bool replay = false;
    int64_t pid;
    for (int i = 1; i < argc && rc == 0; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--replay") == 0) {
            replay = true;
        } else if (strcmp(argv[i], "--parent") == 0 && more) {
            if (!text_int(argv[++i], &pid) || pid < 1 || pid > INT32_MAX)
                rc = usage("not a process id: ", argv[i]);
            o.parent = (int)pid;
        } else if (strcmp(argv[i], "-L") == 0 && more) {
            o.name = argv[++i];
        } else if (argv[i][0] == '-') {
            rc = usage("unknown option ", argv[i]);
        } else {
            files[n++] = argv[i];
        }
    }
    if (rc == 0 && (!replay || n == 0))
        rc = usage("which recording?", "");
    if (rc == 0 && !o.name)
        rc = usage("which name? (-L)", "");
    if (rc == 0) {
        o.replay = files;
        struct hub *h = hub_open(&o, &cause);
        if (h)
            hub_run(h);
        else
            fprintf(stderr, "hypertop-hub serve: %s\n", cause);
        rc = h ? 0 : 1;
        hub_close(h);
    }
    free(cause);
    free(files);
    return rc;
}
