#include "shards/tokenizer/byte_map.h"

#include <string.h>

#include "base/memory.h"

void byte_map_init(struct byte_map *map)
{
    *map = (struct byte_map){ .capacity = 64, .bits = 8 };
    strbuf_init(&map->bytes);
    map->offset = memory_alloc_zeroed((size_t)map->capacity + 1, sizeof *map->offset);
    map->slots = memory_alloc_zeroed((size_t)1 << map->bits, sizeof *map->slots);
}

void byte_map_release(struct byte_map *map)
{
    strbuf_release(&map->bytes);
    memory_free(map->offset);
    memory_free(map->slots);
    *map = (struct byte_map){ 0 };
}

/* Eight bytes a round by multiplication and rotation; strings here are mostly short words. */
static uint64_t hash_bytes(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t hash = length * 0x9e3779b97f4a7c15u;
    while (length > 0) {
        uint64_t word = 0;
        size_t step = length < sizeof word ? length : sizeof word;
        memcpy(&word, at, step);
        hash = (hash ^ word) * 0xbf58476d1ce4e5b9u;
        hash ^= hash >> 31;
        at += step;
        length -= step;
    }
    return hash * 0x94d049bb133111ebu;
}

/* The slot that holds the string, or the free one where it would be. */
static uint32_t *find_slot(const struct byte_map *map, const void *bytes, size_t length)
{
    uint64_t mask = ((uint64_t)1 << map->bits) - 1;
    uint64_t at = hash_bytes(bytes, length) >> (64 - map->bits);
    for (; map->slots[at]; at = (at + 1) & mask) {
        size_t known_length;
        const char *known = byte_map_bytes(map, map->slots[at] - 1, &known_length);
        if (known_length == length && memcmp(known, bytes, length) == 0)
            break;
    }
    return &map->slots[at];
}

int64_t byte_map_find(const struct byte_map *map, const void *bytes, size_t length)
{
    return (int64_t)*find_slot(map, bytes, length) - 1;
}

static void grow_slots(struct byte_map *map)
{
    uint32_t *old = map->slots;
    size_t old_slots = (size_t)1 << map->bits;
    map->bits++;
    map->slots = memory_alloc_zeroed((size_t)1 << map->bits, sizeof *map->slots);
    for (size_t i = 0; i < old_slots; i++) {
        if (!old[i])
            continue;
        size_t length;
        const char *bytes = byte_map_bytes(map, old[i] - 1, &length);
        *find_slot(map, bytes, length) = old[i];
    }
    memory_free(old);
}

int64_t byte_map_add_hidden(struct byte_map *map, const void *bytes, size_t length)
{
    CHECK(map->count < INT32_MAX, "more than %d distinct strings", INT32_MAX);
    if (map->count == map->capacity) {
        map->capacity *= 2;
        map->offset =
            memory_realloc(map->offset, ((size_t)map->capacity + 1) * sizeof *map->offset);
    }
    strbuf_add(&map->bytes, bytes, length);
    map->offset[++map->count] = map->bytes.length;
    return map->count - 1;
}

int64_t byte_map_add(struct byte_map *map, const void *bytes, size_t length)
{
    uint32_t *slot = find_slot(map, bytes, length);
    if (*slot)
        return (int64_t)*slot - 1;
    int64_t number = byte_map_add_hidden(map, bytes, length);
    *slot = (uint32_t)number + 1;
    if ((uint64_t)map->count > ((uint64_t)1 << map->bits) / 2)
        grow_slots(map);
    return number;
}
