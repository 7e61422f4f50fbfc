/* orphans: rings and spill files that their process left behind: found and handed to relays of their own. */
#ifndef AGENT_ORPHANS_H
#define AGENT_ORPHANS_H

/* Starts a relay for every ring without a living owner and every spill file that nobody holds, whose hub
 * is there. Cheap when there are none. Called by workers when they start and now and then. */
void orphans_adopt(void);
/* Ends what is left of a process group whose worker died: its members are leaderless and would keep their
 * GPU. */
struct ring;
void orphans_end_group(struct ring *r);

#endif
