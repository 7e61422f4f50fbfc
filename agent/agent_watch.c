/* agent_watch: the command line of watch. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent_cmd.h"
#include "agent/watch.h"
#include "read/formats.h"

#define USAGE "usage: hypertop watch PATH... [--from FORMAT] [--metric NAME] [--goal minimize|maximize] [--name NAME] [--once] [--steer]"

static int parse_goal(const char *s, enum read_goal *out)
{
    *out = strcmp(s, "minimize") == 0 ? READ_MINIMIZE : strcmp(s, "maximize") == 0 ? READ_MAXIMIZE : READ_GOAL_UNSAID;
    return *out != READ_GOAL_UNSAID ? 0 : agent_fail(2, "watch: --goal must be minimize or maximize, not '%.40s'", s);
}

static int check(const struct watch_options *o)
{
    struct stat sb;
    if (!o->n_paths)
        return agent_fail(2, "watch: what is to be watched? " USAGE);
    if (o->from && !read_format_named(o->from))
        return agent_fail(2, "watch: --from does not take '%.40s'; `hypertop import --formats` lists what it takes", o->from);
    if (o->steer && (o->n_paths != 1 || stat(o->paths[0], &sb) != 0 || !S_ISREG(sb.st_mode)))
        return agent_fail(2, "watch: --steer needs exactly one path, that of an Optuna journal file");
    return 0;
}

int agent_watch(int argc, char **argv)
{
    struct watch_options o = {0};
    char **paths = calloc((size_t)argc + 1, sizeof *paths), *cause = NULL;
    int rc = paths ? 0 : agent_fail(1, "watch: no memory");
    const char *hub = NULL, *from = NULL, *name = NULL, *metric = NULL;
    for (int i = 1; i < argc && rc == 0; i++) {
        const char **text = strcmp(argv[i], "--from") == 0     ? &from
                            : strcmp(argv[i], "--name") == 0   ? &name
                            : strcmp(argv[i], "--metric") == 0 ? &metric
                            : strcmp(argv[i], "-L") == 0       ? &hub
                                                               : NULL;
        if (text && i + 1 < argc)
            *text = argv[++i];
        else if (strcmp(argv[i], "--goal") == 0 && i + 1 < argc)
            rc = parse_goal(argv[++i], &o.goal);
        else if (strcmp(argv[i], "--once") == 0)
            o.once = true;
        else if (strcmp(argv[i], "--steer") == 0)
            o.steer = true;
        else if (argv[i][0] == '-')
            rc = agent_fail(2, "watch: '%.40s' is not an option of it, or lacks its value; " USAGE, argv[i]);
        else
            paths[o.n_paths++] = argv[i];
    }
    o.paths = paths;
    o.hub = hub;
    o.from = from && strcmp(from, "auto") == 0 ? NULL : from;
    o.name = name;
    o.metric = metric;
    if (rc == 0)
        rc = check(&o);
    if (rc == 0 && (rc = watch(&o, &cause)) != 0)
        agent_fail(rc, "watch: %s", cause ? cause : "");
    free(cause);
    free(paths);
    return rc;
}
