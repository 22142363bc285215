/* bf16 on a CPU that has AVX-512 without its dot product: two multiply-adds, the odd one first,
 * with the bits of VDPBF16PS. */
#include "trainer/kernels/multiply/multiply.h"

#include <immintrin.h>

static inline __m512 even_floats(__m512i pairs)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
}

static inline __m512 odd_floats(__m512i pairs)
{
    return _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32((int)0xffff0000u)));
}

#define TILE_STEP(sum, a, b)                                                                       \
    _mm512_fmadd_ps(even_floats(a), even_floats(b),                                                \
                    _mm512_fmadd_ps(odd_floats(a), odd_floats(b), sum))
#include "trainer/kernels/multiply/avx512_walk.h"

void multiply_bf16_avx512(const struct tile_product *product)
{
    multiply_walk(product);
}

int64_t ceiling_bf16_avx512(int64_t rounds)
{
    return step_ceiling(rounds, 2);
}
