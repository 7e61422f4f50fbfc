/* recover: what a hub finds when it starts: sweeps that have not ended are folded again and go on exactly
 * where they were; the newest that have ended are shown. A replaying hub folds the files it was given and
 * nothing else. */
#ifndef HUB_RECOVER_H
#define HUB_RECOVER_H

#include "hub/hub.h"

/* Every recording in the data directory that a hub of this name began. A file that cannot be read is reported
 * on stderr and left alone. Always 0 unless the directory cannot be read. */
int recover_all(struct hub *h, char **cause);
int recover_replay(struct hub *h, char *const *files, char **cause);

#endif
