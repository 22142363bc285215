/* kernel_options: how a command that computes does so: --threads and --kernels.
 *
 * A struct kernel_options stands first in the command's settings, KERNEL_OPTIONS in its table.
 */
#ifndef TRAINER_COMMANDS_KERNEL_OPTIONS_H
#define TRAINER_COMMANDS_KERNEL_OPTIONS_H

#include <stdint.h>

#include "base/options.h"
#include "trainer/kernels/kernels.h"

struct kernel_options {
    int64_t threads;
    char *kernels;
};

/* clang-format off */
#define KERNEL_OPTIONS(default_threads)                                                            \
    { .key = "threads", .type = OPTION_INTEGER,                                                    \
      .offset = offsetof(struct kernel_options, threads), .default_text = default_threads,         \
      .min = 1, .max = 1024, .help = "of each process" },                                          \
    { .key = "kernels", .type = OPTION_TEXT,                                                       \
      .offset = offsetof(struct kernel_options, kernels), .default_text = "auto",                  \
      .help = "kernel set; auto: the best that this CPU runs" }
/* clang-format on */

/* Local. The caller closes the kernels. */
enum status kernel_options_open(const struct kernel_options *options, struct kernels *kernels);

#endif
