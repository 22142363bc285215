#include "shards/tokenizer/piece_cache.h"

void piece_cache_init(struct piece_cache *cache)
{
    const size_t bytes = sizeof *cache->sets << PIECE_CACHE_BITS;
    arena_init(&cache->arena, bytes);
    cache->sets = arena_take(&cache->arena, bytes);
}

void piece_cache_release(struct piece_cache *cache)
{
    arena_release(&cache->arena);
    cache->sets = NULL;
}

void piece_set_add(struct piece_set *set, struct piece_key key, const int32_t *ids, int64_t count)
{
    struct cached_piece *place = &set->places[set->places[0].length > 0];
    *place = (struct cached_piece){
        .words = { key.words[0], key.words[1] },
        .length = key.length,
        .count = (uint16_t)count,
    };
    memcpy(place->ids, ids, (size_t)count * sizeof *ids);
}
