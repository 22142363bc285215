/* bench_options: the model and the shapes that `eon bench step` and `eon bench kernels` measure. */
#ifndef TRAINER_COMMANDS_BENCH_OPTIONS_H
#define TRAINER_COMMANDS_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "trainer/commands/kernel_options.h"
#include "trainer/model/model.h"

struct bench_options {
    struct kernel_options compute; /* first */
    int family;
    int64_t layers, width, heads, kv_heads, ffn_width, vocab_size;
    int precision, recompute;
    int64_t batch, seq_len, repeats;
    bool json;
};

extern const struct option_spec bench_option_table[];

/* Before MPI starts: OpenBLAS, the peer, runs what suits the kernel set. */
enum status bench_options_prepare(const void *settings);
/* Bad input where the numbers make no model. */
enum status bench_options_model(const struct bench_options *options, struct model_config *model);
/* Local. The kernels in the precision that is asked for; the caller closes them. */
enum status bench_options_open(const struct bench_options *options, struct kernels *kernels);

/* "gpt2, 12 layers of width 768, batch 4 x 256, 1 rank of 2 threads, kernels avx512 in fp32,
 * 5 rounds", on a line of its own. */
void bench_options_print(const struct bench_options *options, const struct kernels *kernels,
                         int ranks);
/* The same for programs, as members of `json`. */
void bench_options_put(const struct bench_options *options, const struct kernels *kernels,
                       int ranks, struct json *json);

#endif
