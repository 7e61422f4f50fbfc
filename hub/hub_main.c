/* hypertop-hub: the daemon and the tools that need its data. Finds the subcommand in the table of cmd.h and
 * runs it. */
#include <stdio.h>
#include <string.h>

#include "hub/cmd.h"

static const struct {
    const char *name, *usage, *text;
    int (*run)(int argc, char **argv);
} cmds[] = {
#define CMD_ROW(name, usage, text) {#name, usage, text, cmd_##name},
    HUB_CMDS(CMD_ROW)
#undef CMD_ROW
};
#define N_CMDS (sizeof cmds / sizeof *cmds)

static int help(FILE *to)
{
    fprintf(to, "usage: hypertop-hub COMMAND ...\n\n");
    for (size_t i = 0; i < N_CMDS; i++)
        fprintf(to, "  %s %s\n      %s\n", cmds[i].name, cmds[i].usage, cmds[i].text);
    return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr);
    for (size_t i = 0; i < N_CMDS; i++)
        if (strcmp(argv[1], cmds[i].name) == 0)
            return cmds[i].run(argc - 1, argv + 1);
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(stdout);
    if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0) {
        printf("hypertop-hub %s\n", HYPERTOP_VERSION);
        return 0;
    }
    fprintf(stderr, "hypertop-hub: no command '%s'; `hypertop-hub help` lists them\n", argv[1]);
    return 2;
}
