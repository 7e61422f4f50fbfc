/* hypertop-agent: what runs on compute nodes. Finds the subcommand in the table and calls it. */
#include <stdio.h>
#include <string.h>

#include "agent/agent_cmd.h"

static const struct {
    const char *name, *args, *text;
    int (*run)(int argc, char **argv);
} commands[] = {
#define AGENT_CMD_ROW(fn, name, args, text) {name, args, text, agent_##fn},
    AGENT_CMDS(AGENT_CMD_ROW)
#undef AGENT_CMD_ROW
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void usage(FILE *to)
{
    fprintf(to, "usage: hypertop-agent COMMAND [ARGUMENTS]\n\n");
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %s %s\n      %s\n", commands[i].name, commands[i].args, commands[i].text);
    fprintf(to, "  version\n      print the version\n  help\n      print this\n");
}

static int is(const char *s, const char *name, const char *option, const char *letter)
{
    return strcmp(s, name) == 0 || strcmp(s, option) == 0 || strcmp(s, letter) == 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return agent_fail(2, "no command given; try: hypertop-agent help");
    for (int i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        if (argc > 2 && is(argv[2], "--help", "--help", "-h")) {
            printf("usage: hypertop-agent %s %s\n%s\n", commands[i].name, commands[i].args, commands[i].text);
            return 0;
        }
        return commands[i].run(argc - 1, argv + 1);
    }
    if (is(argv[1], "help", "--help", "-h")) {
        usage(stdout);
        return 0;
    }
    if (is(argv[1], "version", "--version", "-V")) {
        printf("hypertop-agent %s\n", HYPERTOP_VERSION);
        return 0;
    }
    return agent_fail(2, "unknown command '%.40s'; try: hypertop-agent help", argv[1]);
}
