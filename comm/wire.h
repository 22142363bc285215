/* wire: what floats are while they cross nodes.
 *
 *   WIRE_FP32   as they are
 *   WIRE_BF16   rounded to the nearest bf16, ties to even: half the bytes
 *
 * Of a vector some spans may travel as bf16, and the rest as it is:
 *
 *   spans            [    bf16    )        [ bf16 )
 *   a message    | fp32 | bf16    | fp32   | bf16    |      in the order of the elements
 *
 * Private to comm/, but for the name.
 */
#ifndef COMM_WIRE_H
#define COMM_WIRE_H

#include <stdint.h>

#include "comm/slice.h"

enum wire { WIRE_FP32, WIRE_BF16 };
extern const char *const wire_names[]; /* "fp32", "bf16", NULL */

/* Local, all. What is not a number becomes one and the same NaN, as in vector_sum. */
void wire_pack_bf16(uint16_t *packed, const float *values, int64_t count);
void wire_unpack_bf16(float *values, const uint16_t *packed, int64_t count);
/* values[i] rounded; `rounded` may be `values`. */
void wire_round(float *rounded, const float *values, int64_t count);

/* Spans of a vector, ascending and disjoint, that travel as bf16. */
struct wire_spans {
    const struct slice *list;
    int64_t count;
};

/* Bytes of elements `part` on their way. */
int64_t wire_bytes_of(const struct wire_spans *spans, struct slice part);
/* Between the vector's elements `part` and a message. */
void wire_pack(const struct wire_spans *spans, struct slice part, const float *vector,
               unsigned char *message);
void wire_unpack(const struct wire_spans *spans, struct slice part, float *vector,
                 const unsigned char *message);

#endif
