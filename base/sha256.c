#include "base/sha256.h"

#include <stdbool.h>
#include <stdatomic.h>
#include <string.h>

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

/* FIPS 180-4, section 4.2.2: the first 32 bits of the fractional parts of the
 * cube roots of the first 64 primes. */
static const uint32_t round_constant[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate_right(uint32_t x, int bits)
{
    return x >> bits | x << (32 - bits);
}

static uint32_t load_big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Section 6.2.2, with the standard's names. */
static void add_block_plainly(uint32_t state[8], const unsigned char block[64])
{
    uint32_t w[64];
    for (int t = 0; t < 16; t++)
        w[t] = load_big_endian(block + 4 * t);
    for (int t = 16; t < 64; t++) {
        uint32_t x = w[t - 15], y = w[t - 2];
        uint32_t sigma0 = rotate_right(x, 7) ^ rotate_right(x, 18) ^ x >> 3;
        uint32_t sigma1 = rotate_right(y, 17) ^ rotate_right(y, 19) ^ y >> 10;
        w[t] = sigma1 + w[t - 7] + sigma0 + w[t - 16];
    }

    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int t = 0; t < 64; t++) {
        uint32_t sum1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
        uint32_t t1 = h + sum1 + ((e & f) ^ (~e & g)) + round_constant[t] + w[t];
        uint32_t sum0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
        uint32_t t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

#ifdef __x86_64__
static bool has_sha_instructions(void)
{
    enum { UNKNOWN, ABSENT, PRESENT };
    static _Atomic int known = UNKNOWN;
    if (known == UNKNOWN) {
        unsigned a, b = 0, c, d;
        bool present = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
        known = present && __builtin_cpu_supports("sse4.1") ? PRESENT : ABSENT;
    }
    return known == PRESENT;
}

/* Four rounds at a time (Intel SDM, SHA256RNDS2, SHA256MSG1, SHA256MSG2). The instructions want
 * the state as (a, b, e, f) and (c, d, g, h), the first in the highest place. */
__attribute__((target("sha,sse4.1"))) static void add_block_by_instructions(
    uint32_t state[8], const unsigned char block[64])
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i abef = _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
    __m128i cdgh = _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4]; /* the last 16 words of the schedule, in turn */

    for (int group = 0; group < 16; group++) {
        __m128i *now = &w[group % 4];
        if (group < 4) {
            *now = _mm_loadu_si128((const __m128i *)(block + 16 * group));
            *now = _mm_shuffle_epi8(*now, big_endian);
        } else {
            const __m128i *last = &w[(group + 3) % 4];
            __m128i sum = _mm_sha256msg1_epu32(*now, w[(group + 1) % 4]);
            sum = _mm_add_epi32(sum, _mm_alignr_epi8(*last, w[(group + 2) % 4], 4));
            *now = _mm_sha256msg2_epu32(sum, *last);
        }
        __m128i with_constant =
            _mm_add_epi32(*now, _mm_loadu_si128((const __m128i *)(round_constant + 4 * group)));
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, with_constant);
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(with_constant, 0x0e));
    }

    uint32_t feba[4], hgdc[4]; /* as they lie in memory */
    _mm_storeu_si128((__m128i *)feba, _mm_add_epi32(abef, abef_before));
    _mm_storeu_si128((__m128i *)hgdc, _mm_add_epi32(cdgh, cdgh_before));
    state[0] = feba[3], state[1] = feba[2], state[4] = feba[1], state[5] = feba[0];
    state[2] = hgdc[3], state[3] = hgdc[2], state[6] = hgdc[1], state[7] = hgdc[0];
}
#endif

static void add_block(uint32_t state[8], const unsigned char block[64])
{
#ifdef __x86_64__
    if (has_sha_instructions()) {
        add_block_by_instructions(state, block);
        return;
    }
#endif
    add_block_plainly(state, block);
}

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
        add_block(hash->state, hash->block);
        from += 64 - held;
        length -= 64 - held;
        held = 0;
    }
    if (!held)
        for (; length >= 64; from += 64, length -= 64)
            add_block(hash->state, from);
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
