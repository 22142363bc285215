/* tensor_index: where each tensor of a checkpoint lies, however it was cut.
 *
 *   optimizer-00001-of-00002                optimizer-00002-of-00002
 *   | ... | m.embed [0, 40) [80, 100) |     | m.embed [40, 80) | ... |
 *               0          2                      1
 *   tensor m.embed, 10 x 10: three segments, in the order of their elements
 *
 * After tensor_index_finish the segments of every tensor agree on its shape and
 * cover all of it exactly once.
 */
#ifndef CHECKPOINTS_TENSOR_INDEX_H
#define CHECKPOINTS_TENSOR_INDEX_H

#include <stdint.h>

#include "base/status.h"
#include "checkpoints/safetensors_reader.h"

struct tensor_segment {
    const char *name; /* borrowed from the reader */
    int64_t rows, cols;
    int64_t begin, end;   /* elements of the tensor */
    int64_t file;         /* the number that tensor_index_add was given */
    int64_t offset_bytes; /* of element `begin` in that file */
};

struct tensor_entry {
    const char *name;
    int64_t rows, cols, elements; /* cols == 0: a vector */
    const struct tensor_segment *segments;
    int64_t segment_count;
};

struct tensor_index {
    struct tensor_segment *segments;
    int64_t segment_count, segment_capacity;
    struct tensor_entry *tensors; /* in the bytewise order of their names */
    int64_t tensor_count;
};

void tensor_index_init(struct tensor_index *index);
void tensor_index_release(struct tensor_index *index);

/* Adds the tensors of a file; the reader must outlive the index. Refuses what is
 * no float32 tensor of a checkpoint of `step`. */
enum status tensor_index_add(struct tensor_index *index, const struct safetensors_reader *reader,
                             int64_t file, int64_t step);
/* `source` names the checkpoint in messages. */
enum status tensor_index_finish(struct tensor_index *index, const char *source);

const struct tensor_entry *tensor_index_find(const struct tensor_index *index,
                                             const char *name); /* or NULL */
/* The segment that holds the element, which is one of the tensor's. */
const struct tensor_segment *tensor_entry_segment(const struct tensor_entry *tensor,
                                                  int64_t element);

#endif
