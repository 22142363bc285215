/* golden_case: one model's outputs as PyTorch computed them (make_golden.py).
 *
 * Inputs and weights are not in the file: both sides compute them by the same
 * closed formula. Values are handed out as doubles, whatever the file's type.
 */
#ifndef TESTS_GOLDEN_GOLDEN_CASE_H
#define TESTS_GOLDEN_GOLDEN_CASE_H

#include <stdint.h>

#include "checkpoints/safetensors_reader.h"
#include "trainer/model/model.h"

struct golden_case {
    struct safetensors_reader file;
    struct json *settings;
    struct model_config config;
    int64_t sequences, positions, steps;
    double clip_norm, beta1, beta2, epsilon, weight_decay;
};

/* tests/golden/NAME.safetensors, below $EON_SOURCE or the current folder. Trouble is fatal. */
void golden_case_open(struct golden_case *golden, const char *name);
void golden_case_close(struct golden_case *golden);

/* The tensor NAME.PRECISION ("double" or "single", NULL: as it is), which must have `count`
 * elements; the caller frees it with memory_free. */
double *golden_case_values(const struct golden_case *golden, const char *name,
                           const char *precision, int64_t count);

/* Element `index` of the parameter `tensor`: exact in float32. */
double golden_weight(const struct tensor *tensor, int64_t index);

/* The batch of a step; the arrays hold [B,T], and -1 where a target bears no loss. */
void golden_batch(const struct golden_case *golden, int64_t step, int32_t *tokens,
                  int32_t *targets);

/* max |a - b| / max |b|: relative to the tensor's scale. */
double golden_distance(const double *a, const double *b, int64_t count);

#endif
