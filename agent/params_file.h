/* params_file: the parameters of a run as a file for programs that read their settings from one: JSON, or YAML when the name ends in
 * .yaml or .yml. Written whole under another name and then renamed. */
#ifndef AGENT_PARAMS_FILE_H
#define AGENT_PARAMS_FILE_H

#include "base/buf.h"
#include "proto/codec.h"

/* The contents; params is a MessagePack map. */
void params_json(struct span params, struct buf *out);
void params_yaml(struct span params, struct buf *out);
/* 0, or -1 and a cause. An ending that is neither is an error. */
int params_file_write(const char *path, struct span params, char **cause);
int params_file_check(const char *path, char **cause);

#endif
