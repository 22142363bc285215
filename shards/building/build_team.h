/* build_team: the ranks that build a corpus together.
 *
 * shards/ knows no MPI: whoever does (comm, by way of the command) hands in the
 * few collective functions that a build needs. Alone, none is called.
 */
#ifndef SHARDS_BUILD_TEAM_H
#define SHARDS_BUILD_TEAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct build_team {
    int rank, size;
    const void *context;
    /* Collective; as world_agree and world_gather_all. */
    enum status (*agree)(const void *context, enum status mine);
    void (*gather_all)(const void *context, const void *mine, size_t bytes_each, void *all);
};

static inline enum status team_agree(const struct build_team *team, enum status mine)
{
    return team->size > 1 ? team->agree(team->context, mine) : mine;
}

/* Collective. Every rank's `bits` become the union of all ranks'. */
void team_join_bits(const struct build_team *team, unsigned char *bits, int64_t bytes);

#endif
