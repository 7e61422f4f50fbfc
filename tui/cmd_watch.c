/* cmd_watch: sees to it that a hub is there, then lets hypertop-agent do it: following files is an agent's work. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tui/cmd_list.h"
#include "tui/program.h"

static bool is_global(const struct opt *o)
{
    for (const struct opt *g = cmd_global_options; g->type != OPT_END; g++)
        if (g == o)
            return true;
    return false;
}

int cmd_watch(struct cmd_call *call)
{
    const struct opt_set *s = &call->set;
    int status = cmd_connect(call, NULL, true);
    char *cause = NULL;
    if (status != EXIT_DONE)
        return status;
    char **argv = mem_zero((size_t)s->n_given * 2 + (size_t)s->n_words + 8, sizeof *argv);
    int n = 0;
    n++; /* argv[0] is the program's own */
    argv[n++] = mem_str("watch");
    if (call->hub) {
        argv[n++] = mem_str("-L");
        argv[n++] = mem_str(call->hub);
    }
    for (int i = 0; i < s->n_given; i++) {
        const struct opt *o = s->given[i].opt;
        if (is_global(o))
            continue;
        struct buf b = {0};
        buf_printf(&b, "--%s", o->name);
        argv[n++] = buf_take(&b);
        if (o->type != OPT_FLAG)
            argv[n++] = mem_str(s->given[i].value);
    }
    for (int i = 0; i < s->n_words; i++)
        argv[n++] = mem_str(s->words[i]);
    program_exec("hypertop-agent", argv, &cause);
    for (int i = 1; i < n; i++)
        free(argv[i]);
    free(argv);
    return cmd_cause(call, EXIT_FAILED, cause);
}
