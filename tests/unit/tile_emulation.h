/* tile_emulation: the tile instructions that amx_walk.h needs, in C, bit for bit as the Intel SDM
 * has them (volume 2, TILELOADD, TILESTORED, TILEZERO, TDPBF16PS): on a CPU without AMX the walk
 * is tested on these. All eight tiles have 16 rows of 64 bytes. */
#ifndef TESTS_UNIT_TILE_EMULATION_H
#define TESTS_UNIT_TILE_EMULATION_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static uint32_t emulated_tiles[8][16][16];

/* Denormals are zero, as operands and as results, whatever MXCSR says. */
static inline float flushed(float x)
{
    return fabsf(x) < FLT_MIN ? copysignf(0, x) : x;
}

static inline float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return flushed(value);
}

static inline void emulated_load(int tile, const void *from, int64_t row_bytes)
{
    for (int r = 0; r < 16; r++)
        memcpy(emulated_tiles[tile][r], (const char *)from + r * row_bytes, 64);
}

static inline void emulated_store(int tile, void *to, int64_t row_bytes)
{
    for (int r = 0; r < 16; r++)
        memcpy((char *)to + r * row_bytes, emulated_tiles[tile][r], 64);
}

/* An element's even and odd products are summed apart from zero, in the order of k; then
 * sums += even + odd. Each operation is rounded to nearest, even on ties. */
static inline void emulated_product(int sums, int left, int right)
{
    for (int m = 0; m < 16; m++)
        for (int n = 0; n < 16; n++) {
            float even = 0, odd = 0;
            for (int k = 0; k < 16; k++) {
                const uint32_t a = emulated_tiles[left][m][k], b = emulated_tiles[right][k][n];
                even = flushed(fmaf(float_of_bits(a << 16), float_of_bits(b << 16), even));
                odd = flushed(
                    fmaf(float_of_bits(a & 0xffff0000u), float_of_bits(b & 0xffff0000u), odd));
            }
            uint32_t *element = &emulated_tiles[sums][m][n];
            const float sum = flushed(float_of_bits(*element) + flushed(even + odd));
            memcpy(element, &sum, sizeof sum);
        }
}

#define TILE_LOAD(tile, from, row_bytes)   emulated_load(tile, from, row_bytes)
#define TILE_STREAM(tile, from, row_bytes) emulated_load(tile, from, row_bytes)
#define TILE_STORE(tile, to, row_bytes)    emulated_store(tile, to, row_bytes)
#define TILE_ZERO(tile)                    memset(emulated_tiles[tile], 0, sizeof *emulated_tiles)
#define TILE_PRODUCT(sums, left, right)    emulated_product(sums, left, right)

#endif
