/* tier_parts: which local checkpoints there are, over all nodes.
 *
 * Those of one step need not be one: a node that was away when the step was taken again has another
 * part than the rest. So it is the manifest's checksum that says which parts belong together.
 */
#ifndef CHECKPOINTS_TIER_PARTS_H
#define CHECKPOINTS_TIER_PARTS_H

#include "base/sha256.h"
#include "checkpoints/checkpoint_folder.h"
#include "checkpoints/manifest.h"
#include "comm/world.h"

/* One local checkpoint; the same on all ranks. */
struct tier_part {
    int64_t step, file_count;
    int32_t leader;   /* the lowest rank whose node holds a part of it */
    char created[32]; /* UTC */
    char checksum[SHA256_HEX];
};

struct tier_parts {
    struct tier_part *parts; /* the newest first; of one step, the one that was made last */
    int64_t count;
};

/* Collective. */
void tier_parts_find(const struct world *world, const char *local, struct tier_parts *found);
void tier_parts_release(struct tier_parts *parts);

/* Local. The folder of this node's part and its manifest, which the caller releases; NULL: it has
 * none. */
char *tier_part_folder(const struct tier_part *part, const char *local, struct manifest *manifest);

#endif
