/* safetensors_writer: one file of named float32 tensors, as transformers loads it.
 * Format: https://github.com/huggingface/safetensors#format
 *
 *   0        8                       8 + N, a multiple of 64
 *   | N (le) | JSON header, spaces   | data of the 1st tensor | 2nd | ...
 *
 * The data follow in the order of writing, without holes. A whole tensor is
 * plain; a part of one is a vector under the tensor's name, and __metadata__
 * says "range.NAME": "BEGIN END BEGIN END ... ROWS COLS".
 */
#ifndef CHECKPOINTS_SAFETENSORS_WRITER_H
#define CHECKPOINTS_SAFETENSORS_WRITER_H

#include "base/strbuf.h"
#include "checkpoints/checkpoint.h"

/* Length and header of a file of these parts, none of them empty, padded so that the data that
 * follow are aligned. `step` is recorded, so that files of two checkpoints cannot be mixed. */
void safetensors_print_header(int64_t step, const struct tensor_part *parts, int64_t count,
                              struct strbuf *out);
/* Elements of a part: of all its ranges. */
int64_t tensor_part_count(const struct tensor_part *part);

#endif
