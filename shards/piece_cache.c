#include "shards/piece_cache.h"

#include "base/memory.h"

void piece_cache_init(struct piece_cache *cache)
{
    cache->slots = memory_alloc_zeroed((size_t)1 << PIECE_CACHE_BITS, sizeof *cache->slots);
}

void piece_cache_release(struct piece_cache *cache)
{
    memory_free(cache->slots);
    cache->slots = NULL;
}
