#include "trainer/commands/kernel_options.h"

#include "trainer/commands/command.h"

enum status kernel_options_prepare(const void *settings)
{
    const struct kernel_options *options = settings;
    return kernels_prepare_blas(options->kernels, command_line_arguments());
}

enum status kernel_options_open(const struct kernel_options *options, struct kernels *kernels)
{
    return kernels_open(kernels, options->kernels, (int)options->threads);
}
