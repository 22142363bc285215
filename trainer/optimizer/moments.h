/* moments: the optimizer's state of this rank's slice of the parameters.
 *
 * Every element has a first moment (AdamW's mean gradient, Muon's momentum);
 * a second one (AdamW's mean square) has only what AdamW updates. Tensors are
 * adjacent in both, in the table's order:
 *
 *   parameters   | norm | matrix        | bias | matrix   |   of the slice
 *   first        | norm | matrix        | bias | matrix   |
 *   second       | norm | bias |                              where Muon updates the matrices
 */
#ifndef TRAINER_OPTIMIZER_MOMENTS_H
#define TRAINER_OPTIMIZER_MOMENTS_H

#include "base/memory.h"
#include "comm/slice.h"
#include "trainer/model/model.h"

struct moments {
    const struct tensor_table *table;
    struct slice slice;
    struct arena arena; /* of both */
    float *first, *second;
    int64_t *second_begins; /* [tensor_count]: of the tensor's part, in `second`; -1: it has none */
};

/* Zeroed. `has_second` says which tensors have a second moment. */
void moments_init(struct moments *moments, const struct tensor_table *table, struct slice slice,
                  bool (*has_second)(const struct tensor *tensor));
void moments_release(struct moments *moments);
/* What the moments of a slice take. */
size_t moments_bytes(const struct tensor_table *table, struct slice slice,
                     bool (*has_second)(const struct tensor *tensor));

/* The elements of `tensor` that lie in the slice, counted within the tensor; begin == end: none. */
struct slice moments_part(const struct moments *moments, const struct tensor *tensor);

/* Of element `at` of the flat vector, which lies in the slice, and of those that follow it in
 * its tensor; the second is NULL where the tensor, number `index` of the table, has none. */
float *moments_first(const struct moments *moments, int64_t at);
float *moments_second(const struct moments *moments, int64_t index, int64_t at);

#endif
