/* secret: which environment variables never go into a recording. A recording is passed around; what it holds is read by
 * everybody who gets it. The hub hands these to runs from memory; after a restart they come from its own environment. */
#ifndef HUB_SECRET_H
#define HUB_SECRET_H

#include <stdbool.h>

#include "base/buf.h"
#include "proto/codec.h"

/* Whether a variable's name says that its value is a secret: it holds KEY, TOKEN, SECRET, PASSW, PASSPHRASE, CREDENTIAL,
 * AUTH or COOKIE, in any case. */
bool secret_name(struct span name);
/* Appends the map of strings env to out without its secrets; returns how many were left out. */
int secret_strip(struct span env, struct buf *out);

#endif
