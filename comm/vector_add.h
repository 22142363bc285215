/* vector_add: the one addition of gradients. Private to comm/.
 *
 * The operands' order is the tree's. A sum that is not a number becomes one
 * and the same NaN: which operand's payload survives an addition depends on
 * the CPU, and on how the compiler orders operands in the body and in the tail
 * of a loop, so it would depend on where a block was cut. */
#ifndef COMM_VECTOR_ADD_H
#define COMM_VECTOR_ADD_H

#include <math.h>
#include <stdint.h>

#include "base/thread_pool.h"

/* The same code for wider vectors, chosen at start: the operation is exact to IEEE 754 in all. */
#if defined(__x86_64__) && defined(__gnu_linux__)
#define FOR_WIDER_VECTORS __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_WIDER_VECTORS
#endif

/* sum[i] = left[i] + right[i]; `sum` may be an operand. In the calling thread. */
void vector_sum(float *sum, const float *left, const float *right, int64_t count);
/* The same, past the caches, for a sum that is used much later and is no operand: a plain store
 * would first read the line that it writes. */
void vector_sum_past_caches(float *sum, const float *left, const float *right, int64_t count);
/* The rounded sum of the rounded operands, all to bf16. */
void vector_sum_rounded(float *sum, const float *left, const float *right, int64_t count);
/* With a NULL pool in the calling thread. */
void vector_clear(struct thread_pool *pool, float *vector, int64_t count);

/* The nearest bf16, ties to even. Adding half of what is cut off, less one where the last kept bit
 * is even, carries upwards where it must. */
static inline float value_rounded(float value)
{
    union {
        float value;
        uint32_t bits;
    } number = { value };
    number.bits = (number.bits + 0x7fffu + (number.bits >> 16 & 1u)) & 0xffff0000u;
    return value == value ? number.value : NAN;
}

static inline double value_add(double left, double right)
{
    double sum = left + right;
    return sum == sum ? sum : (double)NAN;
}

#endif
