/* cmd_table: every subcommand of `hypertop` and its options. Help, completion and the manual's drift test are
 * printed from these rows; a command that is not here does not exist. Columns: see tui/cmd.h and tui/opt.h.
 */
#include <string.h>

#include "tui/cmd_list.h"
#include "tui/nearest.h"

const struct opt cmd_global_options[] = {
    {OPT_TEXT, 'L', "hub", "NAME", 0, 0,
     "the hub: a name, ipc://PATH or tcp://HOST:PORT (default: $HYPERTOP_HUB, else default)"},
    {OPT_FLAG, 0, "readonly", NULL, 0, 0, "look, never steer: the hub refuses everything else"},
    {OPT_CHOICE, 0, "color", "auto|never|16|256", 0, 0, "colours of the console (NO_COLOR counts as never)"},
    {OPT_FLAG, 0, "plain", NULL, 0, 0,
     "lines instead of screens, for screen readers, dumb terminals and pipes"},
    {OPT_FLAG, 0, "ascii", NULL, 0, 0, "draw with ASCII characters only"},
    {OPT_FLAG, 0, "slow", NULL, 0, 0, "for slow lines: one frame of data a second"},
    {OPT_FLAG, 0, "reset-tty", NULL, 0, 0, "put right a terminal that a killed console left behind"},
    {OPT_FLAG, 'V', "version", NULL, 0, 0, "print the version"},
    {OPT_FLAG, 'h', "help", NULL, 0, 0, "print help; behind a command, its help"},
    {.type = OPT_END},
};

#define EXEC_OPTION                                                                                                     \
    {OPT_TEXT, 0, "exec", "COMMAND", 0, 0, "run this by the shell at each alert; HYPERTOP_ALERT_TEXT and so on say which"}

static const struct opt attach_options[] = {
    {OPT_TEXT, 0, "sweep", "NAME", 0, 0, "the sweep to show (default: the newest)"},
    EXEC_OPTION,
    {.type = OPT_END},
};

static const struct opt run_options[] = {
    {OPT_INT, 'j', "jobs", "N", 1, 4096,
     "run at most N trials at once (default: the file's, else the number of processors)"},
    {OPT_FLAG, 0, "dry-run", NULL, 0, 0, "print what the file means as one JSON object and start nothing"},
    {OPT_TEXT, 0, "tuner", "NAME", 0, 0, "use this tuner instead of the file's"},
    {OPT_INT, 0, "seed", "S", 0, 9007199254740992.0, "seed of the tuner: same seed and results, same trials"},
    {OPT_INT, 0, "budget", "N", 1, 1e9, "end after N trials"},
    {OPT_CHOICE, 0, "launcher", "local", 0, 0, "where runs are executed"},
    {OPT_FILE, 0, "warm-start", "FILE", 0, 0, "learn from the trials of this recording or CSV file first (may be repeated)"},
    {OPT_TEXT, 0, "name", "NAME", 0, 0, "name of the sweep (default: the file's)"},
    {OPT_FLAG, 0, "detach", NULL, 0, 0, "start it and return at once"},
    {OPT_FLAG, 0, "headless", NULL, 0, 0, "progress lines and a summary instead of the console"},
    EXEC_OPTION,
    {.type = OPT_END},
};

static const struct opt ls_options[] = {
    {OPT_TEXT, 0, "sweep", "S", 0, 0, "a sweep's name, or the path of a recording (default: the newest)"},
    {OPT_TEXT, 0, "filter", "EXPR", 0, 0, "only rows for which this holds, such as 'state=running lr<1e-3'"},
    {OPT_TEXT, 0, "sort", "KEY", 0, 0, "by a column or parameter; a minus in front reverses"},
    {OPT_TEXT, 0, "as-of", "T", 0, 0,
     "as it was at this time: RFC 3339, seconds since 1970, or N% of its length"},
    {OPT_TEXT, 0, "x", "P", 0, 0, "of landscape: the parameter along x (default, with y: the first two that vary)"},
    {OPT_TEXT, 0, "y", "P", 0, 0, "of landscape: the parameter along y (none: a slice along x)"},
    {OPT_CHOICE, 0, "layer", "mean|deviation|acquisition|observed|partial", 0, 0,
     "of landscape: what the values are (default: mean)"},
    {OPT_TEXT, 0, "by", "WHAT", 0, 0,
     "of edf: a row for each tuner (the default), origin, space_version or value of a parameter"},
    {OPT_FLAG, 0, "json", NULL, 0, 0, "one JSON object a line"},
    {.type = OPT_END},
};

static const struct opt send_options[] = {
    {OPT_WORD, 0, "reason", "TEXT", 0, 0, "why: recorded with the intervention"},
    {OPT_WORD, 0, "for", "N", 0, 0, "of ban, pin, boost: for the next N pulls"},
    {OPT_WORD, 0, "bandit", "NAME", 0, 0, "of verbs on arms: which bandit's"},
    {OPT_TEXT, 0, "sweep", "S", 0, 0, "the sweep (default: the newest)"},
    {OPT_FLAG, 0, "no-wait", NULL, 0, 0, "return when the hub has accepted, not when it took effect"},
    {OPT_REAL, 0, "timeout", "SECONDS", 0.001, 86400,
     "wait at most so long for it to take effect (default: 30)"},
    {OPT_FLAG, 0, "json", NULL, 0, 0, "one JSON object a target"},
    {.type = OPT_END},
};

static const struct opt replay_options[] = {
    {OPT_REAL, 0, "speed", "X", 0.01, 1e6, "seconds of the recording a second (default: 1)"},
    {OPT_TEXT, 0, "at", "T|N%", 0, 0, "start here: HH:MM:SS, RFC 3339, or a share of the whole"},
    {.type = OPT_END},
};

static const struct opt doctor_options[] = {
    {OPT_FLAG, 0, "config", NULL, 0, 0, "check hypertop.conf only: one line an error, FILE:LINE:COLUMN"},
    {.type = OPT_END},
};

static const struct opt watch_options[] = {
    {OPT_TEXT, 0, "from", "FORMAT", 0, 0, "read only files of this format (default: the most telling one that is there)"},
    {OPT_TEXT, 0, "metric", "NAME", 0, 0, "the objective (default: what the files say)"},
    {OPT_CHOICE, 0, "goal", "minimize|maximize", 0, 0, "its goal (default: what the files say, else minimize)"},
    {OPT_TEXT, 0, "name", "NAME", 0, 0, "name of the sweep (default: that of the first path)"},
    {OPT_FLAG, 0, "once", NULL, 0, 0, "deliver what is there and end"},
    {OPT_FLAG, 0, "steer", NULL, 0, 0, "write kill, stop and enqueue into the Optuna journal that is watched"},
    {.type = OPT_END},
};

#define VIEWS_LIST "sweeps|trials|runs|arms|workers|interventions|metrics|importance|seeds|landscape|edf|pareto|surfaces"

const struct cmd cmd_table[] = {
    {"attach", "[HUB]", 0, 1, "show a hub's sweeps in the console (started if none runs)", NULL,
     attach_options, CMD_START, WORDS_HUB, NULL, cmd_attach},
    {"run", "SWEEP.yaml", 1, 1, "start a sweep and watch it",
     "The hub runs the sweep: leaving the console, closing the terminal or losing the\n"
     "connection changes nothing. Without a terminal, or with --headless, progress\n"
     "lines are printed until the sweep ends; Ctrl-C leaves it running.\n",
     run_options, CMD_START, WORDS_FILE, NULL, cmd_run},
    {"hub", "start|stop|status|run", 0, -1, "the daemon that owns the sweeps", NULL, NULL, CMD_EXEC,
     WORDS_LIST, "start|stop|status|run", NULL},
    {"ls", "[" VIEWS_LIST "]", 0, 1, "list what a hub or a recording holds", NULL, ls_options, 0, WORDS_LIST,
     VIEWS_LIST, cmd_ls},
    {"send", "VERB [WORD ...]", 1, -1, "tell the hub to do something: the verbs of the console's `:` line",
     "`hypertop help verbs` lists the verbs. The exit status is 0 only when every\n"
     "target accepted. Words behind -- are never taken for options.\n",
     send_options, CMD_PASS, WORDS_VERB, NULL, cmd_send},
    {"replay", "FILE.mcap", 1, 1, "play a recording in the console", NULL, replay_options, 0, WORDS_FILE,
     NULL, cmd_replay},
    {"tune", "--space SPACE.yaml --tuner NAME --seed S", 0, -1, "ask and tell a tuner over JSON lines", NULL,
     NULL, CMD_EXEC, WORDS_FILE, NULL, NULL},
    {"dump", "FILE [--records] [--json]", 0, -1, "print a recording's events or records", NULL, NULL,
     CMD_EXEC, WORDS_FILE, NULL, NULL},
    {"rules", "--dry-run FILE [--rule RULE]... [--json]", 0, -1,
     "say which alerts a recording would have given", NULL, NULL, CMD_EXEC, WORDS_FILE, NULL, NULL},
    {"fsck", "FILE [--repair OUT] [--json]", 0, -1, "check a recording, and save what is whole", NULL, NULL,
     CMD_EXEC, WORDS_FILE, NULL, NULL},
    {"certify", "FILE [--better-than V] [--fdr Q] [--at STEP] [--json]", 0, -1,
     "pick stopped trials that would have won, few of them wrongly", NULL, NULL, CMD_EXEC, WORDS_FILE, NULL, NULL},
    {"average", "CKPT... -o OUT [-f]", 0, -1, "write the element-wise mean of checkpoints", NULL, NULL, CMD_EXEC, WORDS_FILE,
     NULL, NULL},
    {"export", "FILE --to csv|jsonl|optuna|tfevents|wandb-sweep -o PATH", 0, -1, "write a recording for other tools", NULL, NULL,
     CMD_EXEC, WORDS_FILE, NULL, NULL},
    {"import", "PATH... [--from FORMAT] -o FILE.mcap", 0, -1, "make a recording of other tools' files", NULL, NULL,
     CMD_EXEC, WORDS_FILE, NULL, NULL},
    {"watch", "PATH...", 1, -1, "follow other tools' files while they are written",
     "TensorBoard, W&B, Optuna, MLflow, Ray Tune, Hugging Face, Lightning, DVCLive, CSV\n"
     "and JSON lines; `hypertop import --formats` lists them. Each trial becomes a run of\n"
     "the hub. The files are only read, except with --steer.\n",
     watch_options, CMD_START, WORDS_FILE, NULL, cmd_watch},
    {"doctor", "", 0, 0, "check terminal, directories, hub and programs, and say what to do", NULL, doctor_options, 0,
     WORDS_NONE, NULL, cmd_doctor},
    {"completion", "bash|zsh|fish", 1, 1, "print completion for a shell",
     "bash: eval \"$(hypertop completion bash)\" in ~/.bashrc\n"
     "zsh:  eval \"$(hypertop completion zsh)\" in ~/.zshrc, behind compinit\n"
     "fish: hypertop completion fish > ~/.config/fish/completions/hypertop.fish\n",
     NULL, 0, WORDS_SHELL, "bash|zsh|fish", cmd_completion},
    {"version", "", 0, 0, "print the version", NULL, NULL, 0, WORDS_NONE, NULL, cmd_version},
    {"help", "[TOPIC]", 0, 1, "the manual of a command, of `verbs`, or `config`: hypertop.conf as compiled in", NULL, NULL, 0, WORDS_TOPIC, NULL,
     cmd_help},
    {NULL, NULL, 0, 0, NULL, NULL, NULL, 0, WORDS_NONE, NULL, NULL},
};

const struct cmd *cmd_find(const char *name)
{
    for (const struct cmd *c = cmd_table; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static const char *ith_name(const void *arg, int i)
{
    return cmd_table[i].name;
}

const char *cmd_nearest(const char *name)
{
    return nearest_word(name, ith_name, NULL);
}
