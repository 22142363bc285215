#include "trainer/kernels/multiply/multiply.h"

#include <immintrin.h>

/* GCC does not know that _tile_loadd reads memory: what was written is to be there before. */
#define TILE_LOAD(tile, from, row_bytes)                                                           \
    do {                                                                                           \
        __asm__ volatile("" ::: "memory");                                                         \
        _tile_loadd(tile, from, row_bytes);                                                        \
    } while (0)
/* The operands of products, which a walk reads in a stream: they do not displace each other. */
#define TILE_STREAM(tile, from, row_bytes)                                                         \
    do {                                                                                           \
        __asm__ volatile("" ::: "memory");                                                         \
        _tile_stream_loadd(tile, from, row_bytes);                                                 \
    } while (0)
#define TILE_STORE(tile, to, row_bytes) _tile_stored(tile, to, row_bytes)
#define TILE_ZERO(tile)                 _tile_zero(tile)
#define TILE_PRODUCT(sums, left, right) _tile_dpbf16ps(sums, left, right)
#include "trainer/kernels/multiply/amx_walk.h"

/* LDTILECFG's operand: Intel SDM, volume 1, "Programming with Intel AMX". */
struct tile_shapes {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

/* Shapes are a thread's own, and all tiles have the same: they are set at a thread's first product
 * and stay, as nothing else in the process uses AMX. To set them for each product would drain the
 * pipeline and clear all tiles each time, and some products of attention take a microsecond. Not
 * releasing them costs 8 KiB more in the context switches of threads that compute, which are rare.
 */
static void set_shapes(void)
{
    static const struct tile_shapes shapes = { .palette = 1,
                                               .row_bytes = { 64, 64, 64, 64, 64, 64, 64, 64 },
                                               .rows = { 16, 16, 16, 16, 16, 16, 16, 16 } };
    static _Thread_local bool are_set;
    if (are_set)
        return;
    _tile_loadconfig(&shapes);
    are_set = true;
}

void multiply_bf16_amx(const struct tile_product *product)
{
    set_shapes();
    multiply_walk(product);
}

int64_t ceiling_bf16_amx(int64_t rounds)
{
    set_shapes();
    return step_ceiling(rounds);
}
