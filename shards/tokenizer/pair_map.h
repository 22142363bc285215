/* pair_map: from a pair of token ids to a number. Open addressing with linear
 * probing; pairs are added and never removed.
 *
 *   slots   | pair, value | free | pair, value | pair, value | free | ...
 *                           a pair's search begins at its hash and ends at a free slot
 */
#ifndef SHARDS_PAIR_MAP_H
#define SHARDS_PAIR_MAP_H

#include <stdint.h>

struct pair_slot {
    int32_t left, right;
    int32_t value; /* -1: the slot is free */
};

struct pair_map {
    struct pair_slot *slots; /* [1 << bits] */
    int bits;
    int64_t count;
};

void pair_map_init(struct pair_map *map);
void pair_map_release(struct pair_map *map);

/* Where the search for the pair begins. */
static inline struct pair_slot *pair_map_home(const struct pair_map *map, int32_t left,
                                              int32_t right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    uint64_t at = (key * 0x9e3779b97f4a7c15u ^ key >> 29) * 0xbf58476d1ce4e5b9u >> (64 - map->bits);
    return &map->slots[at];
}

/* The slot of the pair, or the free slot where it would be. */
static inline struct pair_slot *pair_map_slot(const struct pair_map *map, int32_t left,
                                              int32_t right)
{
    uint64_t mask = ((uint64_t)1 << map->bits) - 1;
    uint64_t at = (uint64_t)(pair_map_home(map, left, right) - map->slots);
    while (map->slots[at].value >= 0 &&
           (map->slots[at].left != left || map->slots[at].right != right))
        at = (at + 1) & mask;
    return &map->slots[at];
}

/* -1 where the pair is not in the map. */
static inline int32_t pair_map_find(const struct pair_map *map, int32_t left, int32_t right)
{
    return pair_map_slot(map, left, right)->value;
}

/* Adds a pair with a value >= 0; returns the value that it has, the old one if it was there. */
int32_t pair_map_add(struct pair_map *map, int32_t left, int32_t right, int32_t value);

#endif
