/* cmd_help: `hypertop help [TOPIC]` and `hypertop version`. On a terminal the manual page is shown when
 * man(1) has it; the table's own text otherwise, so that help never depends on what is installed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tui/cmd_list.h"
#include "tui/help.h"

/* Runs man -w (silent) or man PAGE; its exit status, 127 when there is no man. */
static int man(const char *page, bool look)
{
    pid_t pid = fork();
    int status = 127 << 8;

    if (pid == 0) {
        if (look && (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)))
            _exit(127);
        execlp("man", "man", look ? "-w" : page, look ? page : NULL, NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

static bool show_manual(const char *topic)
{
    char page[64];
    snprintf(page, sizeof page, "hypertop%s%s", *topic ? "-" : "", topic);
    if (!isatty(STDOUT_FILENO) || man(page, true) != 0)
        return false;
    return man(page, false) == 0;
}

int cmd_help(struct cmd_call *call)
{
    const char *topic = call->set.n_words ? call->set.words[0] : "";
    const struct cmd *c = cmd_find(topic);

    if (strcmp(topic, "verbs") == 0)
        return help_verbs();
    if (strcmp(topic, "config") == 0)
        return help_config();
    if (*topic && !c) {
        const char *near = cmd_nearest(topic);
        return cmd_error(call, EXIT_USAGE, "no help on '%s': %s%s%s", topic,
                         near ? "did you mean `hypertop help " : "`hypertop help", near ? near : "",
                         near ? "`?" : "` lists the topics");
    }
    if (show_manual(topic))
        return EXIT_DONE;
    return c ? help_command(c) : help_all();
}

int cmd_version(struct cmd_call *call)
{
    return help_version();
}
