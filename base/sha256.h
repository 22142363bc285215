/* sha256: FIPS 180-4, for digests that name content (tokenizer, shard, model). */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32
#define SHA256_HEX   65 /* with the NUL */

struct sha256 {
    uint32_t state[8];
    uint64_t length_bytes;
    unsigned char block[64];
};

void sha256_init(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t length);
void sha256_finish(struct sha256 *hash, unsigned char out[SHA256_BYTES]);
void sha256_finish_hex(struct sha256 *hash, char out[SHA256_HEX]);

/* The digests of two whole texts, in less time than one after the other where they are of like
 * length. */
void sha256_of_two(const void *const texts[2], const size_t lengths[2],
                   unsigned char out[2][SHA256_BYTES]);

#endif
