/* piece_cache: the ids of short pieces that were merged before.
 *
 * Text repeats its words, so most pieces need no merging. A piece of up to 15
 * bytes whose ids are at most 3 has one slot that it can be in, by its hash;
 * a newer piece takes the place of an older one. Memory is fixed.
 *
 *   slot    | bytes, zeros, length | ids | count |       32 bytes
 *             two words to compare
 */
#ifndef SHARDS_PIECE_CACHE_H
#define SHARDS_PIECE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PIECE_CACHE_BYTES 15 /* of a piece */
#define PIECE_CACHE_IDS   3
#define PIECE_CACHE_BITS  16

struct piece_key {
    uint64_t words[2]; /* the last byte is the length: none is all zero */
};

struct cached_piece {
    struct piece_key key;
    int32_t ids[PIECE_CACHE_IDS];
    int32_t count;
};

struct piece_cache {
    struct cached_piece *slots; /* [1 << PIECE_CACHE_BITS] */
};

void piece_cache_init(struct piece_cache *cache);
void piece_cache_release(struct piece_cache *cache);

/* The key of a piece of 1 to PIECE_CACHE_BYTES bytes, of which `readable` may be read. */
static inline struct piece_key piece_key_of(const char *piece, size_t length, size_t readable)
{
    /* The mask of `length` bytes begins at PIECE_CACHE_BYTES + 1 - length. */
    static const unsigned char ones_then_zeros[2 * (PIECE_CACHE_BYTES + 1)] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    };
    struct piece_key key = { { 0, 0 } };
    if (readable >= sizeof key) {
        uint64_t mask[2];
        memcpy(mask, ones_then_zeros + sizeof key - length, sizeof mask);
        memcpy(&key, piece, sizeof key);
        key.words[0] &= mask[0];
        key.words[1] &= mask[1];
    } else {
        memcpy(&key, piece, length);
    }
    ((unsigned char *)&key)[PIECE_CACHE_BYTES] = (unsigned char)length;
    return key;
}

/* The slot where the piece is, or would be. */
static inline struct cached_piece *piece_cache_slot(const struct piece_cache *cache,
                                                    struct piece_key key)
{
    uint64_t hash = key.words[0] * 0x9e3779b97f4a7c15u ^ key.words[1] * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ hash >> 32) * 0x94d049bb133111ebu;
    return &cache->slots[hash >> (64 - PIECE_CACHE_BITS)];
}

static inline bool piece_cache_has(const struct cached_piece *slot, struct piece_key key)
{
    return slot->key.words[0] == key.words[0] && slot->key.words[1] == key.words[1];
}

#endif
