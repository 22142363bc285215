#include "checkpoints/gguf_types.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/status.h"

/* On the bits alone: the processor's flags for denormals have no say. */
#define SIGN         0x80000000u
#define INFINITE     0x7f800000u
#define FRACTION     0x007fffffu
#define FRACTION_ONE 0x00800000u /* the bit before the point, which is not stored */
#define F16_INFINITE 0x7c00u
#define F16_QUIET    0x0200u
#define BF16_QUIET   0x0040u

enum { Q8_0_ELEMENTS = 32, Q8_0_BYTES = 2 + Q8_0_ELEMENTS };

static const struct gguf_type_info types[] = {
    { GGUF_F32, "f32", 1, 4, 0 },
    { GGUF_F16, "f16", 1, 2, 1 },
    { GGUF_Q8_0, "q8_0", Q8_0_ELEMENTS, Q8_0_BYTES, 7 },
    { GGUF_BF16, "bf16", 1, 2, 32 },
};

const struct gguf_type_info *gguf_type_find(uint32_t number)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if ((uint32_t)types[i].type == number)
            return &types[i];
    return NULL;
}

bool gguf_type_fits(enum gguf_type type, int64_t row_elements)
{
    return row_elements % gguf_type_find(type)->block_elements == 0;
}

int64_t gguf_type_bytes(enum gguf_type type, int64_t elements)
{
    const struct gguf_type_info *info = gguf_type_find(type);
    return elements / info->block_elements * info->block_bytes;
}

/* bits >> shift, rounded to the nearest, a tie to the even one. */
static uint32_t shift_to_nearest(uint32_t bits, int shift)
{
    const uint32_t half = (uint32_t)1 << (shift - 1);
    return (bits + half - 1 + (bits >> shift & 1)) >> shift;
}

uint16_t gguf_float_to_f16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint16_t sign = (uint16_t)((bits & SIGN) >> 16);
    bits &= ~SIGN;
    if (bits > INFINITE)
        return (uint16_t)(sign | F16_INFINITE | F16_QUIET | (bits & FRACTION) >> 13);
    /* A half's exponent is that of a single less 112. What rounds up runs on into the exponent. */
    const int exponent = (int)(bits >> 23) - 112;
    if (exponent > 30)
        return (uint16_t)(sign | F16_INFINITE);
    if (exponent > 0)
        return (uint16_t)(sign | shift_to_nearest(bits - (112u << 23), 13));
    if (exponent < -10) /* below half of the smallest denormal */
        return sign;
    return (uint16_t)(sign | shift_to_nearest((bits & FRACTION) | FRACTION_ONE, 14 - exponent));
}

uint16_t gguf_float_to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & ~SIGN) > INFINITE)
        return (uint16_t)(bits >> 16 | BF16_QUIET);
    return (uint16_t)shift_to_nearest(bits, 16);
}

static bool convert_f32(const float *values, int64_t count, unsigned char *out)
{
    bool finite = true;
    for (int64_t i = 0; i < count; i++)
        finite &= isfinite(values[i]);
    memcpy(out, values, (size_t)count * sizeof *values);
    return finite;
}

static bool convert_f16(const float *values, int64_t count, unsigned char *out)
{
    bool finite = true;
    for (int64_t i = 0; i < count; i++) {
        const uint16_t half = gguf_float_to_f16(values[i]);
        finite &= (half & F16_INFINITE) != F16_INFINITE;
        memcpy(out + 2 * i, &half, sizeof half);
    }
    return finite;
}

static bool convert_bf16(const float *values, int64_t count, unsigned char *out)
{
    bool finite = true;
    for (int64_t i = 0; i < count; i++) {
        const uint16_t upper = gguf_float_to_bf16(values[i]);
        finite &= (upper & INFINITE >> 16) != INFINITE >> 16;
        memcpy(out + 2 * i, &upper, sizeof upper);
    }
    return finite;
}

/* ggml multiplies by the inverse of the unrounded scale, so eon does too: the same bytes. Where the
 * inverse is not finite, the scale is far below the least half, and the block is zero anyhow. */
static bool convert_block(const float *values, unsigned char *out)
{
    float largest = 0;
    bool finite = true;
    for (int i = 0; i < Q8_0_ELEMENTS; i++) {
        finite &= isfinite(values[i]);
        largest = fmaxf(largest, fabsf(values[i]));
    }
    const float scale = finite ? largest / 127 : INFINITY;
    const float inverse = scale > 0 && isfinite(1 / scale) ? 1 / scale : 0;
    const uint16_t half = gguf_float_to_f16(scale);
    memcpy(out, &half, sizeof half);
    for (int i = 0; i < Q8_0_ELEMENTS; i++)
        out[2 + i] = (unsigned char)(signed char)(finite ? roundf(values[i] * inverse) : 0);
    return (half & F16_INFINITE) != F16_INFINITE;
}

static bool convert_q8_0(const float *values, int64_t count, unsigned char *out)
{
    bool finite = true;
    for (int64_t i = 0; i < count / Q8_0_ELEMENTS; i++)
        finite &= convert_block(values + i * Q8_0_ELEMENTS, out + i * Q8_0_BYTES);
    return finite;
}

bool gguf_type_convert(enum gguf_type type, const float *values, int64_t count, void *out)
{
    CHECK(gguf_type_fits(type, count), "%lld elements are no whole blocks", (long long)count);
    switch (type) {
    case GGUF_F32:
        return convert_f32(values, count, out);
    case GGUF_F16:
        return convert_f16(values, count, out);
    case GGUF_BF16:
        return convert_bf16(values, count, out);
    case GGUF_Q8_0:
        return convert_q8_0(values, count, out);
    }
    fatal("element type %d is none", (int)type);
}
