/* gguf_types: the types of a tensor's elements that eon writes and reads in GGUF files, and how
 * float32 becomes them. Numbers and layouts: ggml, include/ggml.h and src/ggml-common.h.
 *
 *   type    element                                            largest    relative error
 *   f32     IEEE single, as it is                              3.4e38     0
 *   f16     IEEE half                                          65504      2^-11, from 6.1e-5 up
 *   bf16    the upper half of an IEEE single                   3.39e38    2^-8
 *   q8_0    blocks of 32 of a row: an IEEE half d, 32 signed   8.3e6      1/254 of the block's
 *           bytes q; an element is d * q                                  largest, and half d's
 *
 * All round to the nearest; halves to the even neighbour, q8_0's bytes away from zero, as ggml
 * does.
 */
#ifndef CHECKPOINTS_GGUF_TYPES_H
#define CHECKPOINTS_GGUF_TYPES_H

#include <stdbool.h>
#include <stdint.h>

enum gguf_type { GGUF_F32 = 0, GGUF_F16 = 1, GGUF_Q8_0 = 8, GGUF_BF16 = 30 };

struct gguf_type_info {
    enum gguf_type type;
    const char *name;
    int64_t block_elements; /* a row is a whole number of blocks */
    int64_t block_bytes;
    uint32_t file_type; /* general.file_type of a file whose matrices are of this type */
};

/* NULL: none that eon knows. */
const struct gguf_type_info *gguf_type_find(uint32_t number);

/* Whether a row of so many elements is a whole number of blocks. */
bool gguf_type_fits(enum gguf_type type, int64_t row_elements);

/* Bytes of `elements` in whole rows. */
int64_t gguf_type_bytes(enum gguf_type type, int64_t elements);

/* Converts whole rows. False where an element of `out` is not finite: because the value was not, or
 * is beyond the type's largest. */
bool gguf_type_convert(enum gguf_type type, const float *values, int64_t count, void *out);

/* The bits of the nearest half, and of the nearest bfloat16; a tie goes to the even one, what is
 * beyond the largest to infinity, and a NaN stays one. */
uint16_t gguf_float_to_f16(float value);
uint16_t gguf_float_to_bf16(float value);

#endif
