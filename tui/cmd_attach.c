/* cmd_attach: `hypertop` and `hypertop attach [HUB]`: the console on a hub. */
#include "tui/cmd_list.h"

int cmd_attach(struct cmd_call *call)
{
    if (call->set.n_words)
        call->hub = call->set.words[0];
    int rc = cmd_connect(call, NULL, true);
    if (rc != EXIT_DONE)
        return rc;
    return cmd_show(call, opt_text(&call->set, "sweep"), NULL, 0, false);
}
