#include "trainer/kernels/multiply/multiply.h"

#define TILE_STEP(sum, a, b) _mm512_dpbf16_ps(sum, (__m512bh)(a), (__m512bh)(b))
#include "trainer/kernels/multiply/avx512_walk.h"

void multiply_bf16_avx512_dot(const struct tile_product *product)
{
    multiply_walk(product);
}

int64_t ceiling_bf16_avx512_dot(int64_t rounds)
{
    return step_ceiling(rounds, 2);
}
