#include "comm/groups.h"

#include "comm/subworld.h"

struct leaf_range groups_of_rank(int64_t groups, int rank, int size)
{
    struct leaf_range range = leaf_range_of_rank(groups, rank, size);
    if (range.end == range.first)
        range.end++;
    return range;
}

int groups_first_rank(int64_t groups, int64_t group, int size)
{
    if (size < groups) /* the one that owns its leaf */
        return (int)(((group + 1) * size + groups - 1) / groups) - 1;
    return (int)((group * size + groups - 1) / groups);
}

void groups_join(const struct world *world, int64_t groups, int64_t group, struct world *joined)
{
    const bool is_alone = world->size < groups;
    const struct subworld_plan plan = {
        .is_alone = is_alone,
        .color = (int)group,
        .node_color = (int)group,
        .first_rank = is_alone ? world->rank : groups_first_rank(groups, group, world->size),
    };
    subworld_open(world, &plan, joined);
}
