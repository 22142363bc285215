/* tier_promotion: a checkpoint that nodes hold in parts becomes one of the run.
 *
 *   node 0   model  optimizer-1  optimizer-2                optimizer-4'
 *   node 1   gone
 *   node 2   model               optimizer-2'  optimizer-3  optimizer-4
 *   run      model  optimizer-1  optimizer-2   optimizer-3  optimizer-4   and the manifest
 *
 * (': a copy that came from the node before, partner_files.h.)
 *
 * Of each file the lowest rank whose node has it copies it, and compares what it reads with the
 * manifest; where that is damaged, another node's is taken. What is then in the run's folder is
 * what the save would have made there.
 */
#ifndef CHECKPOINTS_TIER_PROMOTION_H
#define CHECKPOINTS_TIER_PROMOTION_H

#include <stdbool.h>

#include "checkpoints/tier_parts.h"

/* Collective. `local`: this node's folder. Where the parts make no whole, *is_torn. Any other error
 * is of the run's folder, and the nodes keep what they have. */
enum status tier_promote(const struct world *world, const char *local, const char *run_folder,
                         const struct tier_part *part, bool *is_torn);

#endif
