#include "base/sha256_blocks.h"

#include <stdbool.h>
#include <stdatomic.h>

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

/* ---- by plain words ---- */

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

void sha256_add_blocks_plainly(uint32_t state[8], const unsigned char *bytes, size_t blocks)
{
    for (size_t i = 0; i < blocks; i++)
        add_block_plainly(state, bytes + i * SHA256_BLOCK_BYTES);
}

/* ---- by the instructions of x86 ---- */

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

#define BY_INSTRUCTIONS __attribute__((target("sha,sse4.1"), always_inline)) static inline

/* The state as the instructions want it: (a, b, e, f) and (c, d, g, h), the first in the highest
 * place; and the last 16 words of the schedule, in turn. */
struct lane {
    __m128i abef, cdgh, w[4];
};

BY_INSTRUCTIONS void load_state(struct lane *lane, const uint32_t state[8])
{
    lane->abef = _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
    lane->cdgh = _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);
}

BY_INSTRUCTIONS void store_state(const struct lane *lane, uint32_t state[8])
{
    uint32_t feba[4], hgdc[4]; /* as they lie in memory */
    _mm_storeu_si128((__m128i *)feba, lane->abef);
    _mm_storeu_si128((__m128i *)hgdc, lane->cdgh);
    state[0] = feba[3], state[1] = feba[2], state[4] = feba[1], state[5] = feba[0];
    state[2] = hgdc[3], state[3] = hgdc[2], state[6] = hgdc[1], state[7] = hgdc[0];
}

/* Four rounds (Intel SDM, SHA256RNDS2, SHA256MSG1, SHA256MSG2). */
BY_INSTRUCTIONS void add_group(struct lane *lane, const unsigned char *block, int group)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i *now = &lane->w[group % 4];
    if (group < 4) {
        *now = _mm_loadu_si128((const __m128i *)(block + 16 * group));
        *now = _mm_shuffle_epi8(*now, big_endian);
    } else {
        const __m128i *last = &lane->w[(group + 3) % 4];
        __m128i sum = _mm_sha256msg1_epu32(*now, lane->w[(group + 1) % 4]);
        sum = _mm_add_epi32(sum, _mm_alignr_epi8(*last, lane->w[(group + 2) % 4], 4));
        *now = _mm_sha256msg2_epu32(sum, *last);
    }
    __m128i with_constant =
        _mm_add_epi32(*now, _mm_loadu_si128((const __m128i *)(round_constant + 4 * group)));
    lane->cdgh = _mm_sha256rnds2_epu32(lane->cdgh, lane->abef, with_constant);
    lane->abef =
        _mm_sha256rnds2_epu32(lane->abef, lane->cdgh, _mm_shuffle_epi32(with_constant, 0x0e));
}

/* `count` lanes, a constant: their instructions fill each other's waiting. */
BY_INSTRUCTIONS void add_lanes(int count, uint32_t *const states[], const unsigned char *bytes[],
                               size_t blocks)
{
    struct lane lanes[2];
    for (int i = 0; i < count; i++)
        load_state(&lanes[i], states[i]);
    for (; blocks > 0; blocks--) {
        struct lane before[2];
        for (int i = 0; i < count; i++)
            before[i] = lanes[i];
#pragma GCC unroll 16
        for (int group = 0; group < 16; group++)
            for (int i = 0; i < count; i++)
                add_group(&lanes[i], bytes[i], group);
        for (int i = 0; i < count; i++) {
            lanes[i].abef = _mm_add_epi32(lanes[i].abef, before[i].abef);
            lanes[i].cdgh = _mm_add_epi32(lanes[i].cdgh, before[i].cdgh);
            bytes[i] += SHA256_BLOCK_BYTES;
        }
    }
    for (int i = 0; i < count; i++)
        store_state(&lanes[i], states[i]);
}

__attribute__((target("sha,sse4.1"))) static void add_by_instructions(uint32_t state[8],
                                                                      const unsigned char *bytes,
                                                                      size_t blocks)
{
    uint32_t *const states[] = { state };
    add_lanes(1, states, &bytes, blocks);
}

__attribute__((target("sha,sse4.1"))) static void add_two_by_instructions(
    uint32_t *const states[2], const unsigned char *const bytes[2], size_t blocks)
{
    const unsigned char *at[2] = { bytes[0], bytes[1] };
    add_lanes(2, states, at, blocks);
}
#endif

/* ---- by what this machine has ---- */

void sha256_add_blocks(uint32_t state[8], const unsigned char *bytes, size_t blocks)
{
#ifdef __x86_64__
    if (has_sha_instructions()) {
        add_by_instructions(state, bytes, blocks);
        return;
    }
#endif
    sha256_add_blocks_plainly(state, bytes, blocks);
}

void sha256_add_blocks_to_two(uint32_t *const states[2], const unsigned char *const bytes[2],
                              size_t blocks)
{
#ifdef __x86_64__
    if (has_sha_instructions()) {
        add_two_by_instructions(states, bytes, blocks);
        return;
    }
#endif
    for (int i = 0; i < 2; i++)
        sha256_add_blocks_plainly(states[i], bytes[i], blocks);
}
