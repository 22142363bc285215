#include "trainer/training/train_leaf.h"

void train_leaf(struct trainer *trainer, struct train_group *group, const struct leaf_tokens *read,
                float *gradient, double *values)
{
    struct model *model = group->model;
    const struct train_config *config = trainer->config;
    const struct batch whole = {
        .sequences = config->leaf_sequences,
        .positions = config->seq_len,
        .tokens = read->tokens,
        .targets = read->targets,
        .document_starts = read->document_starts,
    };

    int64_t flops_before = trainer->kernels.flops;
    for (int64_t first = 0; first < config->leaf_sequences; first += config->micro_batch) {
        const struct batch batch = batch_part(&whole, first, config->micro_batch);
        overlap_follow_backward(&group->overlap,
                                first + config->micro_batch == config->leaf_sequences);
        model_forward(model, &trainer->kernels, &batch, trainer->activations);
        struct loss loss = model_loss(model, &trainer->kernels, &batch, trainer->activations,
                                      config->z_loss, gradient, first == 0);
        model_backward(model, &trainer->kernels, &batch, trainer->activations, gradient,
                       first == 0);
        values[LEAF_LOSS] += loss.sum;
        values[LEAF_TARGETS] += (double)loss.targets;
    }
    values[LEAF_FLOPS] = (double)(trainer->kernels.flops - flops_before);
}
