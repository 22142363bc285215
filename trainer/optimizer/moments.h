/* moments: the optimizer's state of this rank's slice of the parameters.
 *
 * Every element has a first moment (AdamW's mean gradient, Muon's momentum);
 * a second one (AdamW's mean square) has only what AdamW updates. The stretches of a
 * tensor that lie in the slice are one piece of each, and tensors are adjacent,
 * in the table's order:
 *
 *   parameters   | norm | matrix   :   ...   :   | bias | matrix   :   ...      ... another rank's
 *   first        | norm | matrix             | bias | matrix   |
 *   second       | norm | bias |                                    where Muon updates the matrices
 */
#ifndef TRAINER_OPTIMIZER_MOMENTS_H
#define TRAINER_OPTIMIZER_MOMENTS_H

#include "base/memory.h"
#include "comm/slice.h"
#include "trainer/model/model.h"

/* What a rank holds of a tensor. */
struct tensor_share {
    struct slice *ranges; /* [range_count] elements of the tensor, ascending */
    int64_t range_count;
    float *first, *second; /* of the ranges, one behind the other; second NULL: it has none */
};

struct moments {
    const struct tensor_table *table;
    struct slicing slicing;
    int rank;
    struct tensor_share *shares; /* [tensor_count] */
    struct slice *ranges;        /* of all shares */
    struct arena arena;          /* of both moments */
};

/* Of the slice of `rank`; zeroed. `has_second` says which tensors have a second moment. */
void moments_init(struct moments *moments, const struct tensor_table *table,
                  const struct slicing *slicing, int rank,
                  bool (*has_second)(const struct tensor *tensor));
void moments_release(struct moments *moments);
/* What they take. */
size_t moments_bytes(const struct tensor_table *table, const struct slicing *slicing, int rank,
                     bool (*has_second)(const struct tensor *tensor));

/* Of element `at` of the flat vector, which lies in the slice and in tensor number `index`, and
 * of those that follow it in the slice and the tensor; the second is NULL where it has none. */
float *moments_first(const struct moments *moments, int64_t index, int64_t at);
float *moments_second(const struct moments *moments, int64_t index, int64_t at);

#endif
