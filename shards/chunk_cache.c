#include "shards/chunk_cache.h"

#include "base/memory.h"

void chunk_cache_init(struct chunk_cache *cache, int64_t chunk_tokens)
{
    int64_t fit = CHUNK_CACHE_BYTES / (chunk_tokens * (int64_t)sizeof(int32_t));
    *cache = (struct chunk_cache){
        .entry_count = fit < 2 ? 2 : fit,
        .chunk_tokens = chunk_tokens,
    };
    cache->entries = memory_alloc_zeroed((size_t)cache->entry_count, sizeof *cache->entries);
}

void chunk_cache_release(struct chunk_cache *cache)
{
    for (int64_t i = 0; i < cache->used_count; i++) {
        memory_free(cache->entries[i].tokens);
        memory_free(cache->entries[i].begins);
    }
    memory_free(cache->entries);
    *cache = (struct chunk_cache){ 0 };
}

/* A free entry, or else the one whose last use is the longest ago. */
static struct cached_chunk *entry_to_fill(struct chunk_cache *cache)
{
    if (cache->used_count < cache->entry_count) {
        struct cached_chunk *entry = &cache->entries[cache->used_count++];
        entry->tokens = memory_alloc((size_t)cache->chunk_tokens * sizeof *entry->tokens);
        return entry;
    }
    struct cached_chunk *oldest = cache->entries;
    for (int64_t i = 1; i < cache->used_count; i++)
        if (cache->entries[i].last_use < oldest->last_use)
            oldest = &cache->entries[i];
    memory_free(oldest->begins);
    oldest->begins = NULL;
    return oldest;
}

struct cached_chunk *chunk_cache_get(struct chunk_cache *cache, int64_t shard, int64_t chunk,
                                     bool *found)
{
    /* A walk over some hundred entries costs less than the copy of one sample. */
    struct cached_chunk *entry = NULL;
    for (int64_t i = 0; i < cache->used_count && entry == NULL; i++)
        if (cache->entries[i].shard == shard && cache->entries[i].chunk == chunk)
            entry = &cache->entries[i];

    *found = entry != NULL;
    if (!*found)
        entry = entry_to_fill(cache);
    entry->shard = shard;
    entry->chunk = chunk;
    entry->last_use = ++cache->clock;
    return entry;
}

void chunk_cache_forget(struct cached_chunk *entry)
{
    entry->shard = -1;
    entry->last_use = 0;
}
