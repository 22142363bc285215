/* tiny_models: one model for each thing that sets models apart, and a batch for them.
 * A header alone, because `real` is a float in one program and a double in another. */
#ifndef TESTS_UNIT_TINY_MODELS_H
#define TESTS_UNIT_TINY_MODELS_H

#include "base/philox.h"
#include "trainer/model/model.h"

enum { TINY_SEQUENCES = 2, TINY_POSITIONS = 7, TINY_VOCAB = 13, TINY_MODELS = 8 };

static const struct model_config tiny_models[TINY_MODELS] = {
    { FAMILY_GPT2, 2, 6, 3, 3, 9, TINY_VOCAB, 40, 1e-5, 0, .tied_head = true },
    { FAMILY_LLAMA, 2, 8, 2, 2, 9, TINY_VOCAB, 40, 1e-5, 10000, .tied_head = true },
    { FAMILY_LLAMA, 2, 8, 4, 2, 9, TINY_VOCAB, 40, 1e-5, 10000,
      .tied_head = false }, /* grouped queries */
    { FAMILY_LLAMA, 1, 12, 3, 1, 9, TINY_VOCAB, 40, 1e-5, 10000,
      .tied_head = false }, /* one head of keys */
    /* a head of its own */
    { FAMILY_GPT2, 1, 6, 3, 3, 9, TINY_VOCAB, 40, 1e-5, 0, .tied_head = false },
    { FAMILY_LLAMA, 2, 8, 4, 2, 9, TINY_VOCAB, 40, 1e-5, 10000, .attention_bias = true,
      .rope_scaling = { ROPE_LINEAR, .factor = 3 } },
    { FAMILY_LLAMA, 2, 8, 2, 2, 9, TINY_VOCAB, 40, 1e-5, 10000, .tied_head = true, .mlp_bias = true,
      .head_dim = 6 }, /* more queries than the width */
    { FAMILY_LLAMA, 2, 12, 4, 2, 9, TINY_VOCAB, 40, 1e-5, 100, .attention_bias = true,
      .mlp_bias = true, .head_dim = 2, /* fewer */
      .rope_scaling = { ROPE_LLAMA3, 2, 1, 4, 16 } },
};

static inline double test_normal(uint64_t stream, uint64_t index)
{
    return philox_normal(philox_key(7, RANDOM_TEST), stream, index);
}

/* Weights far from the small initial ones: every part of the formulas bears on the loss. */
static inline void make_tiny_model(struct model *model, const struct model_config *config)
{
    model_init(model, config);
    for (int64_t i = 0; i < model->table.element_count; i++)
        model->parameters[i] = (real)(0.3 * test_normal(1, (uint64_t)i));
    for (int64_t t = 0; t < model->table.tensor_count; t++) {
        const struct tensor *tensor = &model->table.tensors[t];
        for (int64_t i = 0; tensor->init == INIT_ONE && i < tensor->count; i++)
            model->parameters[tensor->offset + i] += 1;
    }
}

/* Some targets are masked. */
static inline struct batch tiny_batch(int32_t *tokens, int32_t *targets)
{
    for (int i = 0; i < TINY_SEQUENCES * TINY_POSITIONS; i++) {
        tokens[i] = (i * 7 + 3) % TINY_VOCAB;
        targets[i] = i % 5 == 2 ? -1 : (i * 11 + 1) % TINY_VOCAB;
    }
    return (struct batch){ .sequences = TINY_SEQUENCES,
                           .positions = TINY_POSITIONS,
                           .tokens = tokens,
                           .targets = targets };
}

#endif
