#include "trainer/kernels/profile.h"

const char *const kernel_names[KERNELS] = {
    [KERNEL_OTHER] = "other kernels",
    [KERNEL_PRODUCT_FORWARD] = "forward products",
    [KERNEL_PRODUCT_INPUT_GRADIENT] = "input gradients",
    [KERNEL_PRODUCT_WEIGHT_GRADIENT] = "weight gradients",
    [KERNEL_PRODUCT_HEAD] = "head products",
    [KERNEL_PRODUCT_OPTIMIZER] = "optimizer products",
    [KERNEL_PACKING] = "packing",
    [KERNEL_ATTENTION_FORWARD] = "attention forward",
    [KERNEL_ATTENTION_BACKWARD] = "attention backward",
    [KERNEL_NORM_FORWARD] = "norm forward",
    [KERNEL_NORM_BACKWARD] = "norm backward",
    [KERNEL_NORM_PARAMETERS] = "norm parameters",
    [KERNEL_ACTIVATION_FORWARD] = "activation forward",
    [KERNEL_ACTIVATION_BACKWARD] = "activation backward",
    [KERNEL_ROTATION] = "rotation",
    [KERNEL_EMBEDDING_FORWARD] = "embedding forward",
    [KERNEL_EMBEDDING_BACKWARD] = "embedding backward",
    [KERNEL_LOSS] = "loss",
    [KERNEL_COLUMN_SUMS] = "column sums",
    [KERNEL_GRADIENT_NORM] = "gradient norm",
    [KERNEL_OPTIMIZER] = "optimizer",
};

void profile_since(struct kernel_profile now[KERNELS], const struct kernel_profile before[KERNELS])
{
    for (int i = 0; i < KERNELS; i++) {
        now[i].seconds -= before[i].seconds;
        now[i].calls -= before[i].calls;
        now[i].flops -= before[i].flops;
        now[i].bytes -= before[i].bytes;
    }
}
