#include "checkpoints/half_floats.h"

#include <string.h>

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void half_floats_from_bf16(float *out, const uint16_t *halves, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = float_of_bits((uint32_t)halves[i] << 16);
}

static float float_of_fp16(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    const uint32_t exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
    if (exponent == 0x1f) /* infinity or NaN */
        return float_of_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent > 0) /* the biases are 15 and 127 */
        return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    const float magnitude =
        (float)fraction * 0x1p-24f; /* zero or denormal, which float32 has not */
    return sign ? -magnitude : magnitude;
}

void half_floats_from_fp16(float *out, const uint16_t *halves, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = float_of_fp16(halves[i]);
}
