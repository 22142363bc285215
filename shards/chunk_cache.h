/* chunk_cache: decoded chunks of tokens, the least recently used given up first.
 *
 * The batch schedule stays within a window of the corpus for a while, so that a
 * chunk is wanted several times soon or not at all. Memory: CHUNK_CACHE_BYTES
 * of tokens, and a quarter of it for where documents begin, taken as it is needed.
 */
#ifndef SHARDS_CHUNK_CACHE_H
#define SHARDS_CHUNK_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#define CHUNK_CACHE_BYTES ((int64_t)32 << 20)

struct cached_chunk {
    int64_t shard, chunk; /* shard -1: holds nothing */
    int64_t last_use;
    int64_t count; /* tokens, set by whoever fills it */
    int32_t *tokens;
    bool *begins; /* [count] a document begins at this token; NULL, or by whoever needs it */
};

struct chunk_cache {
    struct cached_chunk *entries;
    int64_t entry_count, used_count;
    int64_t chunk_tokens; /* room of each entry */
    int64_t clock;
};

/* For chunks of at most `chunk_tokens` tokens. */
void chunk_cache_init(struct chunk_cache *cache, int64_t chunk_tokens);
void chunk_cache_release(struct chunk_cache *cache);

/* The entry of a chunk. *found says whether it holds the chunk already; otherwise the caller
 * fills `tokens` and `count`, or calls chunk_cache_forget. Valid until the next call. */
struct cached_chunk *chunk_cache_get(struct chunk_cache *cache, int64_t shard, int64_t chunk,
                                     bool *found);
void chunk_cache_forget(struct cached_chunk *entry);

#endif
