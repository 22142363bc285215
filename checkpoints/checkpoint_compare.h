/* checkpoint_compare: which tensors of two checkpoints differ, and by how much.
 *
 * However they are cut into files: values are compared by name and element.
 */
#ifndef CHECKPOINTS_CHECKPOINT_COMPARE_H
#define CHECKPOINTS_CHECKPOINT_COMPARE_H

#include <stdint.h>

#include "checkpoints/checkpoint.h"

enum tensor_verdict {
    TENSOR_SAME,     /* bit for bit */
    TENSOR_DIFFERS,  /* in values */
    TENSOR_RESHAPED, /* in its shape: its values are not compared */
    TENSOR_OF_FIRST, /* the other has none of this name */
    TENSOR_OF_SECOND,
    TENSOR_VERDICT_COUNT
};
extern const char *const tensor_verdict_names[TENSOR_VERDICT_COUNT];

struct tensor_comparison {
    const char *name;
    enum tensor_verdict verdict;
    int64_t rows, cols, elements; /* of the first that has it; cols == 0: a vector */
    /* Where it differs in values: */
    int64_t different;  /* elements whose bits do */
    int64_t not_finite; /* of these: one of the two is NaN or infinite; not part of what follows */
    double largest;     /* |first - second| */
    double distance;    /* root of the mean over all elements of (first - second)^2 */
    double root_mean_square; /* of the first's elements */
};

typedef void tensor_comparison_function(void *context, const struct tensor_comparison *found);

/* Local. Tells all tensors of either, in the bytewise order of their names. */
enum status checkpoint_compare(struct checkpoint *first, struct checkpoint *second,
                               tensor_comparison_function *tell, void *context);

#endif
