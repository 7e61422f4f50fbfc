/* agent_cmd: the subcommands of hypertop-agent. One file each: usage, help and the manual are printed from
 * this table. */
#ifndef AGENT_AGENT_CMD_H
#define AGENT_AGENT_CMD_H

/* CMD(function, "name", "arguments", "sentence"): int agent_NAME(int argc, char **argv), argv[0] is the
 * subcommand; returns the exit status: 0 done, 1 the work failed, 2 wrong usage, 3 no hub. */
#define AGENT_CMDS(CMD)                                                                                                 \
    CMD(worker, "worker", "[HUB] [-j N] [--token T]", "take runs from a hub and execute N at a time")                  \
    CMD(exec, "exec", "[--name NAME] [-L HUB] [--parse RULE]... [--param NAME=VALUE]... [--watch PATH]... [--wandb] [OPTION]... -- COMMAND...", "run an unmodified program as a run")                    \
    CMD(watch, "watch", "PATH... [--from FORMAT] [--metric NAME] [--goal minimize|maximize] [--name NAME] [-L HUB] [--once] [--steer]", \
        "follow other tools' files while they are written, and stream them to a hub")                                  \
    CMD(relay, "relay", "--ring FILE | --spill FILE [--foreground]", "deliver what a program wrote (started by libhypertop)") \
    CMD(deliver, "deliver", "", "deliver what earlier programs left behind while no hub was there")

#define AGENT_CMD_DECLARE(fn, name, args, text) int agent_##fn(int argc, char **argv);
AGENT_CMDS(AGENT_CMD_DECLARE)
#undef AGENT_CMD_DECLARE

/* One line on stderr; returns the status, so that a command can end with it. */
int agent_fail(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
