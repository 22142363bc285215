/* multiply: the innermost products of the x86 sets, a file for each set of instructions.
 * See struct tile_product; the portable ones are in loops/tile_loops.c. */
#ifndef TRAINER_KERNELS_MULTIPLY_MULTIPLY_H
#define TRAINER_KERNELS_MULTIPLY_MULTIPLY_H

#include "trainer/kernels/tiles.h"

void multiply_real_avx2(const struct tile_product *product);
void multiply_bf16_avx2(const struct tile_product *product);
void multiply_real_avx512(const struct tile_product *product);
void multiply_bf16_avx512(const struct tile_product *product);     /* without the dot product */
void multiply_bf16_avx512_dot(const struct tile_product *product); /* AVX512_BF16 */
void multiply_bf16_amx(const struct tile_product *product);        /* AMX-BF16 */

/* Their ceilings, in registers: see struct tile_loops. A bf16 pair is two multiply-adds, but
 * for the dot product. */
int64_t ceiling_avx2(int64_t rounds);
int64_t ceiling_real_avx512(int64_t rounds);
int64_t ceiling_bf16_avx512(int64_t rounds);
int64_t ceiling_bf16_avx512_dot(int64_t rounds);
int64_t ceiling_bf16_amx(int64_t rounds);

#endif
