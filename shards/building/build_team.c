#include "shards/building/build_team.h"

#include "base/memory.h"

void team_join_bits(const struct build_team *team, unsigned char *bits, int64_t bytes)
{
    const int64_t piece_bytes = 1 << 20; /* memory: so much from each rank */
    if (team->size == 1)
        return;
    unsigned char *all = memory_alloc((size_t)piece_bytes * (size_t)team->size);
    for (int64_t at = 0; at < bytes; at += piece_bytes) {
        size_t length = (size_t)(bytes - at < piece_bytes ? bytes - at : piece_bytes);
        team->gather_all(team->context, bits + at, length, all);
        for (int rank = 0; rank < team->size; rank++)
            for (size_t i = 0; i < length; i++)
                bits[at + (int64_t)i] |= all[(size_t)rank * length + i];
    }
    memory_free(all);
}
