/* cmd_list: the functions behind the rows of cmd_table.c, one in each cmd_NAME.c. */
#ifndef TUI_CMD_LIST_H
#define TUI_CMD_LIST_H

#include "tui/cmd.h"

int cmd_attach(struct cmd_call *call);
int cmd_completion(struct cmd_call *call);
int cmd_doctor(struct cmd_call *call);
int cmd_help(struct cmd_call *call);
int cmd_ls(struct cmd_call *call);
int cmd_replay(struct cmd_call *call);
int cmd_run(struct cmd_call *call);
int cmd_send(struct cmd_call *call);
int cmd_watch(struct cmd_call *call);
int cmd_version(struct cmd_call *call);

#endif
