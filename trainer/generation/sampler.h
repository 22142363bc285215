/* sampler: the next token, drawn from the logits.
 *
 * The logits are divided by the temperature; only the top_k largest are kept,
 * then the smallest set of the most probable whose probabilities reach top_p
 * (nucleus sampling: Holtzman et al., arXiv 1904.09751). Equal logits are
 * ordered by id. The draw is a pure function of (seed, sample, position).
 */
#ifndef TRAINER_GENERATION_SAMPLER_H
#define TRAINER_GENERATION_SAMPLER_H

#include <stdint.h>

#include "trainer/kernels/real.h"

struct sampler_settings {
    double temperature; /* 0: the most probable token, always */
    int64_t top_k;      /* 0: all */
    double top_p;       /* 1: all */
    uint64_t seed;
};

struct sampler;

struct sampler *sampler_create(const struct sampler_settings *settings, int64_t vocab_size);
void sampler_free(struct sampler *sampler); /* NULL is allowed */
/* `logits` [vocab_size] are finite. */
int32_t sampler_draw(struct sampler *sampler, const real *logits, int64_t sample, int64_t position);

#endif
