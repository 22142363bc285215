#include "shards/format/chunk_cache.h"

#include "base/memory.h"

enum { BUCKETS = 8192 };

static struct cached_chunk **bucket_of(const struct chunk_cache *cache, int64_t shard,
                                       int64_t chunk)
{
    /* Neighbours lie apart, shards too: by the golden ratio (Knuth, TAOCP vol. 3, 6.4). */
    uint64_t mixed =
        ((uint64_t)shard * 0x9e3779b97f4a7c15u + (uint64_t)chunk) * 0x9e3779b97f4a7c15u;
    return &cache->buckets[mixed >> 51];
}

static void prepare(struct chunk_cache *cache)
{
    cache->entries = memory_alloc_zeroed(CHUNK_CACHE_ENTRIES, sizeof *cache->entries);
    cache->buckets = memory_alloc_zeroed(BUCKETS, sizeof *cache->buckets);
    for (int i = 0; i < CHUNK_CACHE_ENTRIES; i++) {
        cache->entries[i].newer = cache->free;
        cache->free = &cache->entries[i];
    }
}

/* ---- The chain from the oldest use to the newest ------------------------------------------------
 */

static void unlink_use(struct chunk_cache *cache, struct cached_chunk *entry)
{
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
}

static void link_newest(struct chunk_cache *cache, struct cached_chunk *entry)
{
    entry->older = cache->newest;
    entry->newer = NULL;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

/* ---- What others call ---------------------------------------------------------------------------
 */

struct cached_chunk *chunk_cache_find(struct chunk_cache *cache, int64_t shard, int64_t chunk)
{
    if (cache->entries == NULL)
        return NULL;
    struct cached_chunk *entry = *bucket_of(cache, shard, chunk);
    while (entry != NULL && (entry->shard != shard || entry->chunk != chunk))
        entry = entry->next_in_bucket;
    if (entry != NULL && entry != cache->newest) {
        unlink_use(cache, entry);
        link_newest(cache, entry);
    }
    return entry;
}

struct cached_chunk *chunk_cache_add(struct chunk_cache *cache, int64_t shard, int64_t chunk,
                                     size_t bytes)
{
    if (cache->entries == NULL)
        prepare(cache);
    while (cache->oldest != NULL &&
           (cache->free == NULL || cache->bytes + bytes > CHUNK_CACHE_BYTES))
        chunk_cache_forget(cache, cache->oldest);

    struct cached_chunk *entry = cache->free, **bucket = bucket_of(cache, shard, chunk);
    cache->free = entry->newer;
    *entry = (struct cached_chunk){
        .shard = shard,
        .chunk = chunk,
        .bytes = bytes,
        .tokens = memory_alloc(bytes),
        .next_in_bucket = *bucket,
    };
    *bucket = entry;
    link_newest(cache, entry);
    cache->bytes += bytes;
    return entry;
}

void chunk_cache_forget(struct chunk_cache *cache, struct cached_chunk *entry)
{
    struct cached_chunk **at = bucket_of(cache, entry->shard, entry->chunk);
    while (*at != entry)
        at = &(*at)->next_in_bucket;
    *at = entry->next_in_bucket;
    unlink_use(cache, entry);
    cache->bytes -= entry->bytes;
    memory_free(entry->tokens);
    memory_free(entry->begins);
    *entry = (struct cached_chunk){ .newer = cache->free };
    cache->free = entry;
}

void chunk_cache_release(struct chunk_cache *cache)
{
    while (cache->oldest != NULL)
        chunk_cache_forget(cache, cache->oldest);
    memory_free(cache->entries);
    memory_free(cache->buckets);
    *cache = (struct chunk_cache){ 0 };
}
