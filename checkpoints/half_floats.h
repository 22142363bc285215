/* half_floats: the two 16-bit formats that weights are published in, widened to float32.
 *
 *   bf16   1 sign, 8 exponent, 7 fraction     the upper half of a float32
 *   fp16   1 sign, 5 exponent, 10 fraction    IEEE 754's binary16
 *
 * Every value of both, infinities and denormals included, is one of float32: nothing is rounded.
 */
#ifndef CHECKPOINTS_HALF_FLOATS_H
#define CHECKPOINTS_HALF_FLOATS_H

#include <stdint.h>

void half_floats_from_bf16(float *out, const uint16_t *halves, int64_t count);
void half_floats_from_fp16(float *out, const uint16_t *halves, int64_t count);

#endif
