/* local_tier: the folder in which each node keeps checkpoints of a run, beside the run's own.
 *
 *   LOCAL/eon-0123456789abcdef/checkpoints/step-00001010      memory or a disk of the node
 *   RUN/checkpoints/step-00001000                             a file system that all nodes share
 *
 * The digits stand for the run: a hash of its folder's real path and of RUN/local_id, which is made
 * once. A run that was removed and begun anew in the same place is another one, and does not find
 * what the first has left on the nodes.
 */
#ifndef CHECKPOINTS_LOCAL_TIER_H
#define CHECKPOINTS_LOCAL_TIER_H

#include <stdint.h>

#include "base/status.h"
#include "comm/world.h"

/* Collective. Makes this node's folder and sees that it is no other node's. "%h" in `local` becomes
 * the host's name. *folder is freed by the caller with memory_free; NULL after an error. */
enum status local_tier_open(const struct world *world, const char *local, const char *run_folder,
                            char **folder);

/* Collective. The newest step of which any node holds a part; -1: none. */
int64_t local_tier_newest(const struct world *world, const char *folder);

/* Collective. Looks for the newest local checkpoint beyond those of the run that open, or where
 * step >= 0 for that of this step, unless the run has it; and puts it into the run. Parts that make
 * no whole are named in a warning and passed over; bad input where there is nothing else. Fails
 * where the run's folder cannot be written: the nodes keep what they have. */
enum status local_tier_restore(const struct world *world, const char *folder,
                               const char *run_folder, int64_t step);

#endif
