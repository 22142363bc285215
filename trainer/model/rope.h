/* rope: the angles by which queries and keys are rotated for their positions. Su et al. 2021,
 * "RoFormer", section 3.4: pair i of a head's HD / 2 turns by position theta^(-2 i / HD).
 *
 * Private to trainer/model.
 */
#ifndef TRAINER_MODEL_ROPE_H
#define TRAINER_MODEL_ROPE_H

#include "base/memory.h"
#include "trainer/model/model.h"

/* The rotation's tables. */
struct rope {
    real *cosine, *sine; /* [positions, HD/2]; NULL for gpt2 */
};

/* By portable mathematics. Into the arena. */
void rope_init(struct rope *rope, struct arena *arena, const struct model_config *config,
               int64_t positions);
size_t rope_bytes(const struct model_config *config, int64_t positions);

/* Radians a position of pair i, scaled:
 *
 *   linear   all by 1 / factor. Chen et al. 2023, "Extending context window of large language
 *            models via positional interpolation"
 *   llama3   by 1 / factor for pairs that turn less than low_freq_factor times over the original
 *            positions, by 1 for those that turn more than high_freq_factor times, and between
 *            the two linearly in their turns. Meta's models/llama3/model.py, apply_scaling (Llama
 *            3.1); transformers' modeling_rope_utils.py, _compute_llama3_parameters
 */
double rope_frequency(const struct model_config *config, int64_t i);

/* Bad input, named: theta and the scaling's numbers. */
enum status rope_check(const struct model_config *config);

#endif
