/* cmd: the subcommands of hypertop-hub: the daemon and the tools that need its data. One file each: cmd_NAME.c. */
#ifndef HUB_CMD_H
#define HUB_CMD_H

/* CMD(name, "usage", "sentence"): int cmd_NAME(int argc, char **argv), argv[0] is the subcommand; returns the exit status */
#define HUB_CMDS(CMD)                                                                                                  \
    CMD(hub, "start|stop|status|run [-L NAME] [--json] [--sync always|interval[:MS]|none]",                            \
        "the daemon: start it, stop it, ask how it is, run it in the foreground")                                      \
    CMD(serve, "--replay FILE... -L NAME [--parent PID]", "show recordings to a console; ends with its parent")        \
    CMD(dry_run, "SWEEP.yaml", "print what a sweep file means as one JSON object and start nothing")                    \
    CMD(tune, "--space SPACE.yaml [--tuner NAME] [--stopper NAME] [--seed S] [--budget N]",                             \
        "ask and tell a tuner over JSON lines")                                                                        \
    CMD(ls, "[sweeps|trials|runs|arms|workers|interventions|metrics|importance|seeds|landscape|edf|pareto|surfaces] --sweep FILE [--filter EXPR] [--sort KEY] [--as-of T] [--x P] [--y P] [--layer L] [--by WHAT] [--json]", \
        "list what a recording holds, without a hub")                                                                  \
    CMD(export, "FILE --to csv|jsonl|optuna|tfevents|wandb-sweep -o PATH [-f]", "write a recording for other tools")                \
    CMD(import, "PATH... [--from FORMAT] [--metric NAME] [--goal minimize|maximize] [--study NAME] [--name NAME] [--json] [-f] -o FILE", \
        "make a recording of other tools' files; import --formats lists them")                                         \
    CMD(dump, "FILE [--records] [--json]", "print a recording's events, or every record of the file")                   \
    CMD(rules, "--dry-run FILE [--rule RULE]... [--json]", "say which alerts a recording would have given")             \
    CMD(certify, "FILE [--better-than V] [--fdr Q] [--at STEP] [--json]",                                               \
        "pick stopped trials that would have won, with a bound on wrong picks")                                        \
    CMD(average, "CKPT... -o OUT [-f]", "write the element-wise mean of safetensors or npy checkpoints")                \
    CMD(fsck, "FILE [--repair OUT] [--json]", "check a recording; write a whole one from everything readable")

#define CMD_DECLARE(name, usage, text) int cmd_##name(int argc, char **argv);
HUB_CMDS(CMD_DECLARE)
#undef CMD_DECLARE

#endif
