#include "trainer/kernels/multiply/multiply.h"

#define TILE_STEP(sum, a, b) _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum)
#include "trainer/kernels/multiply/avx512_walk.h"

void multiply_real_avx512(const struct tile_product *product)
{
    multiply_walk(product);
}

int64_t ceiling_real_avx512(int64_t rounds)
{
    return step_ceiling(rounds, 1);
}
