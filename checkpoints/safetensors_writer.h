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

#include "checkpoints/checked_file.h"
#include "checkpoints/checkpoint.h"

/* Writes the parts, none of them empty, into a file of its own. `step` is
 * recorded in the file, so that files of two checkpoints cannot be mixed. */
enum status safetensors_write(struct checked_file *file, int64_t step,
                              const struct tensor_part *parts, int64_t count);
/* The same of parts whose data are not in memory: `fill` is asked for a block after the other. */
enum status safetensors_write_filled(struct checked_file *file, int64_t step,
                                     const struct tensor_part *parts, int64_t count,
                                     tensor_fill_function *fill, void *context);

#endif
