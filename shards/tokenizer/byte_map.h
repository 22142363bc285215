/* byte_map: distinct byte strings, numbered from 0 in the order of their arrival.
 *
 *   bytes    | first | second | third | ...       one growing block
 *   offset   [0, ...]                             string i: offset[i] to offset[i+1]
 *   slots    string's number + 1 by hash, 0: free
 */
#ifndef SHARDS_BYTE_MAP_H
#define SHARDS_BYTE_MAP_H

#include <stdint.h>

#include "base/strbuf.h"

struct byte_map {
    struct strbuf bytes;
    size_t *offset; /* [capacity + 1] */
    int64_t count, capacity;
    uint32_t *slots; /* [1 << bits] */
    int bits;
};

void byte_map_init(struct byte_map *map);
void byte_map_release(struct byte_map *map);

/* The string's number, or -1. */
int64_t byte_map_find(const struct byte_map *map, const void *bytes, size_t length);
/* Its number; a new one (map->count before the call) if it was not there. At most 2^31 strings. */
int64_t byte_map_add(struct byte_map *map, const void *bytes, size_t length);
/* Adds a string that byte_map_find will not find, even if an equal one is there. */
int64_t byte_map_add_hidden(struct byte_map *map, const void *bytes, size_t length);

static inline const char *byte_map_bytes(const struct byte_map *map, int64_t i, size_t *length)
{
    *length = map->offset[i + 1] - map->offset[i];
    return map->bytes.bytes + map->offset[i];
}

#endif
