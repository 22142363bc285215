/* text_hash: 64-bit hashes of words and lines, the same on every machine. */
#ifndef SHARDS_TEXT_HASH_H
#define SHARDS_TEXT_HASH_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The finaliser of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014): every bit of the result depends on every bit of `x`. */
static inline uint64_t text_hash_mixed(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static inline uint64_t text_hash(const char *text, size_t length)
{
    uint64_t hash = length, part;
    for (; length > 8; text += 8, length -= 8) {
        memcpy(&part, text, sizeof part);
        hash = text_hash_mixed(hash ^ le64toh(part));
    }
    part = 0;
    memcpy(&part, text, length);
    return text_hash_mixed(hash ^ le64toh(part));
}

#endif
