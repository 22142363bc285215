#include "shards/tokenizer/pair_map.h"

#include "base/memory.h"
#include "base/status.h"

static void allocate(struct pair_map *map, int bits)
{
    int64_t slots = (int64_t)1 << bits;
    map->bits = bits;
    map->slots = memory_alloc_zeroed((size_t)slots, sizeof *map->slots);
    for (int64_t i = 0; i < slots; i++)
        map->slots[i].value = -1;
}

void pair_map_init(struct pair_map *map)
{
    map->count = 0;
    allocate(map, 8);
}

void pair_map_release(struct pair_map *map)
{
    memory_free(map->slots);
    map->slots = NULL;
}

static void grow(struct pair_map *map)
{
    struct pair_slot *old = map->slots;
    int64_t slots = (int64_t)1 << map->bits;
    allocate(map, map->bits + 1);
    for (int64_t i = 0; i < slots; i++)
        if (old[i].value >= 0)
            *pair_map_slot(map, old[i].left, old[i].right) = old[i];
    memory_free(old);
}

int32_t pair_map_add(struct pair_map *map, int32_t left, int32_t right, int32_t value)
{
    CHECK(value >= 0, "a pair's value is %d", value);
    struct pair_slot *slot = pair_map_slot(map, left, right);
    if (slot->value >= 0)
        return slot->value;
    *slot = (struct pair_slot){ left, right, value };
    map->count++;
    if (map->count > ((int64_t)1 << map->bits) / 2)
        grow(map);
    return value;
}
