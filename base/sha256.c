#include "base/sha256.h"

#include <string.h>

#include "base/sha256_blocks.h"

void sha256_init(struct sha256 *hash)
{
    *hash = (struct sha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                        0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

void sha256_add(struct sha256 *hash, const void *bytes, size_t length)
{
    const unsigned char *from = bytes;
    size_t held = hash->length_bytes % 64;
    hash->length_bytes += length;

    if (held && length >= 64 - held) {
        memcpy(hash->block + held, from, 64 - held);
        sha256_add_blocks(hash->state, hash->block, 1);
        from += 64 - held;
        length -= 64 - held;
        held = 0;
    }
    if (!held) {
        sha256_add_blocks(hash->state, from, length / 64);
        from += length / 64 * 64;
        length %= 64;
    }
    if (length)
        memcpy(hash->block + held, from, length);
}

void sha256_finish(struct sha256 *hash, unsigned char out[SHA256_BYTES])
{
    static const unsigned char padding[64] = { 0x80 };
    uint64_t length_bits = hash->length_bytes * 8;
    size_t held = hash->length_bytes % 64;
    unsigned char length_field[8];
    for (int i = 0; i < 8; i++)
        length_field[i] = (unsigned char)(length_bits >> (56 - 8 * i));

    sha256_add(hash, padding, held < 56 ? 56 - held : 120 - held);
    sha256_add(hash, length_field, sizeof length_field);
    for (int i = 0; i < SHA256_BYTES; i++)
        out[i] = (unsigned char)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256_of_two(const void *const texts[2], const size_t lengths[2],
                   unsigned char out[2][SHA256_BYTES])
{
    struct sha256 hashes[2];
    uint32_t *const states[2] = { hashes[0].state, hashes[1].state };
    const unsigned char *const bytes[2] = { texts[0], texts[1] };
    const size_t blocks = (lengths[0] < lengths[1] ? lengths[0] : lengths[1]) / 64;
    for (int i = 0; i < 2; i++)
        sha256_init(&hashes[i]);
    sha256_add_blocks_to_two(states, bytes, blocks);
    for (int i = 0; i < 2; i++) {
        hashes[i].length_bytes = blocks * 64;
        sha256_add(&hashes[i], bytes[i] + blocks * 64, lengths[i] - blocks * 64);
        sha256_finish(&hashes[i], out[i]);
    }
}

void sha256_finish_hex(struct sha256 *hash, char out[SHA256_HEX])
{
    static const char digit[] = "0123456789abcdef";
    unsigned char bytes[SHA256_BYTES];
    sha256_finish(hash, bytes);
    for (int i = 0; i < SHA256_BYTES; i++) {
        out[2 * i] = digit[bytes[i] >> 4];
        out[2 * i + 1] = digit[bytes[i] & 15];
    }
    out[2 * SHA256_BYTES] = '\0';
}
