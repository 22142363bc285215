#include "trainer/commands/kernel_options.h"

enum status kernel_options_open(const struct kernel_options *options, struct kernels *kernels)
{
    return kernels_open(kernels, options->kernels, (int)options->threads);
}
