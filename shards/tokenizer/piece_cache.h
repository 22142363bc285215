/* piece_cache: the ids of short pieces that were merged before.
 *
 * Text repeats its words, so most pieces need no merging. A piece of up to 16
 * bytes that has up to 3 ids is kept in the set of its hash, the one that was
 * used first and the newest one. Memory is fixed.
 *
 *   set      | place 0 | place 1 |                         64 bytes
 *   place    | bytes, then zeros | ids | length, count |   32 bytes
 *                two words to compare
 *
 * A piece comes into place 1, and changes places with the other one when it is
 * found there: so what occurs once never drives out what occurs often.
 */
#ifndef SHARDS_PIECE_CACHE_H
#define SHARDS_PIECE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

#define PIECE_CACHE_BYTES 16 /* of a piece */
#define PIECE_CACHE_IDS   3
#define PIECE_CACHE_BITS  15

struct piece_key {
    uint64_t words[2];
    uint16_t length; /* 1 to PIECE_CACHE_BYTES; 0: no piece is here */
};

struct cached_piece {
    uint64_t words[2];
    int32_t ids[PIECE_CACHE_IDS];
    uint16_t length, count;
};

struct piece_set {
    struct cached_piece places[2];
};

struct piece_cache {
    struct arena arena;     /* 2 MiB: one huge page, where the system has them */
    struct piece_set *sets; /* [1 << PIECE_CACHE_BITS] */
};

void piece_cache_init(struct piece_cache *cache);
void piece_cache_release(struct piece_cache *cache);

/* The key of a piece of 1 to PIECE_CACHE_BYTES bytes, of which `readable` may be read. */
static inline struct piece_key piece_key_of(const char *piece, size_t length, size_t readable)
{
    /* The mask of `length` bytes begins at PIECE_CACHE_BYTES - length. */
    static const unsigned char ones_then_zeros[2 * PIECE_CACHE_BYTES] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    };
    struct piece_key key = { { 0, 0 }, (uint16_t)length };
    if (readable < sizeof key.words) {
        memcpy(key.words, piece, length);
        return key;
    }
    uint64_t mask[2];
    memcpy(mask, ones_then_zeros + PIECE_CACHE_BYTES - length, sizeof mask);
    memcpy(key.words, piece, sizeof key.words);
    key.words[0] &= mask[0];
    key.words[1] &= mask[1];
    return key;
}

/* The set where the piece is, or would be. */
static inline struct piece_set *piece_cache_set(const struct piece_cache *cache,
                                                struct piece_key key)
{
    uint64_t hash = key.words[0] * 0x9e3779b97f4a7c15u ^ key.words[1] * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ hash >> 32) * 0x94d049bb133111ebu;
    return &cache->sets[hash >> (64 - PIECE_CACHE_BITS)];
}

static inline bool cached_piece_is(const struct cached_piece *place, struct piece_key key)
{
    return ((place->words[0] ^ key.words[0]) | (place->words[1] ^ key.words[1]) |
            (uint64_t)(place->length ^ key.length)) == 0;
}

/* The piece, or NULL. */
static inline const struct cached_piece *piece_set_find(struct piece_set *set, struct piece_key key)
{
    if (cached_piece_is(&set->places[0], key))
        return &set->places[0];
    if (!cached_piece_is(&set->places[1], key))
        return NULL;
    struct cached_piece found = set->places[1];
    set->places[1] = set->places[0];
    set->places[0] = found;
    return &set->places[0];
}

/* Keeps a piece of up to PIECE_CACHE_IDS ids that the set does not have. */
void piece_set_add(struct piece_set *set, struct piece_key key, const int32_t *ids, int64_t count);

#endif
