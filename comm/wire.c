#include "comm/wire.h"

#include <stddef.h>
#include <string.h>

#include "comm/vector_add.h"

const char *const wire_names[] = { "fp32", "bf16", NULL };

FOR_WIDER_VECTORS
void wire_round(float *rounded, const float *values, int64_t count)
{
#pragma GCC ivdep
    for (int64_t i = 0; i < count; i++)
        rounded[i] = value_rounded(values[i]);
}

FOR_WIDER_VECTORS
void wire_pack_bf16(uint16_t *packed, const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        union {
            float value;
            uint32_t bits;
        } rounded = { value_rounded(values[i]) };
        packed[i] = (uint16_t)(rounded.bits >> 16);
    }
}

FOR_WIDER_VECTORS
void wire_unpack_bf16(float *values, const uint16_t *packed, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        union {
            uint32_t bits;
            float value;
        } wide = { (uint32_t)packed[i] << 16 };
        values[i] = wide.value;
    }
}

/* The stretch of `part` from `begin` on that is all of one kind. */
struct stretch {
    struct slice elements;
    bool is_bf16;
};

static struct stretch stretch_at(const struct wire_spans *spans, struct slice part, int64_t begin)
{
    int64_t low = 0, high = spans->count; /* the first span that ends after `begin` */
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (spans->list[middle].end <= begin)
            low = middle + 1;
        else
            high = middle;
    }
    struct stretch stretch = { { begin, part.end }, false };
    if (low == spans->count)
        return stretch;
    const struct slice *span = &spans->list[low];
    stretch.is_bf16 = span->begin <= begin;
    const int64_t end = stretch.is_bf16 ? span->end : span->begin;
    if (end < part.end)
        stretch.elements.end = end;
    return stretch;
}

static int64_t bytes_of(const struct stretch *stretch)
{
    const int64_t count = stretch->elements.end - stretch->elements.begin;
    return count * (int64_t)(stretch->is_bf16 ? sizeof(uint16_t) : sizeof(float));
}

int64_t wire_bytes_of(const struct wire_spans *spans, struct slice part)
{
    int64_t bytes = 0;
    for (int64_t at = part.begin; at < part.end;) {
        const struct stretch stretch = stretch_at(spans, part, at);
        bytes += bytes_of(&stretch);
        at = stretch.elements.end;
    }
    return bytes;
}

void wire_pack(const struct wire_spans *spans, struct slice part, const float *vector,
               unsigned char *message)
{
    for (int64_t at = part.begin; at < part.end;) {
        const struct stretch stretch = stretch_at(spans, part, at);
        const int64_t count = stretch.elements.end - at;
        if (stretch.is_bf16)
            wire_pack_bf16((uint16_t *)(void *)message, vector + at, count);
        else
            memcpy(message, vector + at, (size_t)count * sizeof *vector);
        message += bytes_of(&stretch);
        at = stretch.elements.end;
    }
}

void wire_unpack(const struct wire_spans *spans, struct slice part, float *vector,
                 const unsigned char *message)
{
    for (int64_t at = part.begin; at < part.end;) {
        const struct stretch stretch = stretch_at(spans, part, at);
        const int64_t count = stretch.elements.end - at;
        if (stretch.is_bf16)
            wire_unpack_bf16(vector + at, (const uint16_t *)(const void *)message, count);
        else
            memcpy(vector + at, message, (size_t)count * sizeof *vector);
        message += bytes_of(&stretch);
        at = stretch.elements.end;
    }
}
