/* profile: where the time of the kernels went, always counted.
 *
 * kernels_run adds the wall time of each call, between two readings of the clock in the
 * calling thread, and the operations of the products that ran in it. Callers add the bytes
 * that a kernel must read and write at least once, where memory bounds it.
 */
#ifndef TRAINER_KERNELS_PROFILE_H
#define TRAINER_KERNELS_PROFILE_H

#include <stdint.h>

enum kernel_id {
    KERNEL_OTHER, /* of no training step: initial weights, a decoder's products */
    KERNEL_PRODUCT_FORWARD,
    KERNEL_PRODUCT_INPUT_GRADIENT,
    KERNEL_PRODUCT_WEIGHT_GRADIENT,
    KERNEL_PRODUCT_HEAD, /* the head's three */
    KERNEL_PRODUCT_OPTIMIZER,
    KERNEL_PACKING, /* of weights, once a step */
    KERNEL_ATTENTION_FORWARD,
    KERNEL_ATTENTION_BACKWARD,
    KERNEL_NORM_FORWARD, /* also what backward computes once more */
    KERNEL_NORM_BACKWARD,
    KERNEL_NORM_PARAMETERS,
    KERNEL_ACTIVATION_FORWARD,
    KERNEL_ACTIVATION_BACKWARD,
    KERNEL_ROTATION,
    KERNEL_EMBEDDING_FORWARD,
    KERNEL_EMBEDDING_BACKWARD,
    KERNEL_LOSS, /* the softmax of the logits, and their gradient */
    KERNEL_COLUMN_SUMS,
    KERNEL_GRADIENT_NORM,
    KERNEL_OPTIMIZER,
    KERNELS
};

/* "forward products", "attention backward", ... */
extern const char *const kernel_names[KERNELS];

struct kernel_profile {
    double seconds;
    int64_t calls;
    int64_t flops; /* executed in matrix products; a multiply-add is two */
    int64_t bytes; /* at least read and written; 0 where it is not told */
};

/* What was counted since `before`, a copy of the same array. */
void profile_since(struct kernel_profile now[KERNELS], const struct kernel_profile before[KERNELS]);

#endif
