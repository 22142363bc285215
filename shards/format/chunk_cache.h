/* chunk_cache: decoded chunks of tokens, the least recently used given up first.
 *
 * The batch schedule stays within a window of the corpus for a while, so that a
 * chunk is wanted several times soon or not at all. Memory: CHUNK_CACHE_BYTES
 * of tokens, and at most a sixteenth of it for where documents begin, taken as it is needed.
 */
#ifndef SHARDS_CHUNK_CACHE_H
#define SHARDS_CHUNK_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNK_CACHE_BYTES ((size_t)32 << 20)
/* The chunks added last that stay, whatever their size. */
enum { CHUNK_CACHE_TOGETHER = 16, CHUNK_CACHE_ENTRIES = 4096 };

struct cached_chunk {
    int64_t shard, chunk;
    int64_t count;      /* tokens */
    size_t bytes;       /* of `tokens` */
    void *tokens;       /* as the file has them, uint16_t or uint32_t; NULL: a free entry */
    int32_t next_token; /* the first of the chunk behind it; -1: not known */
    uint64_t *begins;   /* bit i: a document begins at token i; NULL, or by whoever needs it */
    struct cached_chunk *next_in_bucket;
    struct cached_chunk *older, *newer; /* by their use */
};

struct chunk_cache {
    struct cached_chunk *entries, **buckets; /* NULL until the first is added */
    struct cached_chunk *oldest, *newest, *free;
    size_t bytes;
};

/* Starts from a zeroed struct. */
void chunk_cache_release(struct chunk_cache *cache);

/* The chunk, which is then the one that was used last; or NULL. */
struct cached_chunk *chunk_cache_find(struct chunk_cache *cache, int64_t shard, int64_t chunk);
/* An entry for a chunk that is not there, with room for `bytes` of tokens, which the caller fills,
 * or calls chunk_cache_forget. Those found or added last, CHUNK_CACHE_TOGETHER of them, stay. */
struct cached_chunk *chunk_cache_add(struct chunk_cache *cache, int64_t shard, int64_t chunk,
                                     size_t bytes);
void chunk_cache_forget(struct chunk_cache *cache, struct cached_chunk *entry);

#endif
