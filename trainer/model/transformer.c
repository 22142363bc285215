/* The whole model on a micro-batch: input, layers, head and loss, and back. */
#include <string.h>

#include "trainer/kernels/loss_head.h"
#include "trainer/model/layer.h"

struct batch batch_part(const struct batch *batch, int64_t first, int64_t count)
{
    const int64_t skipped = first * batch->positions;
    struct batch part = *batch;
    part.sequences = count;
    part.tokens += skipped;
    part.targets += skipped;
    if (part.document_starts)
        part.document_starts += skipped;
    return part;
}

static struct layer_run run_of(const struct model_config *config, const struct batch *batch,
                               struct activations *a, int64_t l)
{
    return (struct layer_run){
        .B = a->plan.B,
        .T = a->plan.T,
        .recompute = a->plan.recompute,
        .kept = &a->layers[l],
        .scratch = &a->scratch,
        .rope = &a->rope,
        .document_starts = batch->document_starts,
        .output = l + 1 < config->layers ? a->layers[l + 1].input : a->output,
    };
}

static struct embedding embedding_of(const struct pass *pass, const struct batch *batch)
{
    const struct model_views *views = pass->views;
    return (struct embedding){
        .tokens = batch->tokens,
        .table = pass->parameters + views->token_table,
        .positions =
            views->position_table == NO_TENSOR ? NULL : pass->parameters + views->position_table,
        .vocab_size = pass->config->vocab_size,
        .C = pass->config->width,
        .T = batch->positions,
    };
}

static void check_shape(const struct model_config *config, const struct batch *batch,
                        const struct activations *a)
{
    const struct activations_plan *plan = &a->plan;
    CHECK(batch->sequences == plan->B && batch->positions == plan->T,
          "a batch of %lld x %lld does not fit activations of %lld x %lld",
          (long long)batch->sequences, (long long)batch->positions, (long long)plan->B,
          (long long)plan->T);
    CHECK(config->family == FAMILY_LLAMA || plan->T <= config->max_positions,
          "%lld positions are beyond the model's table of %lld", (long long)plan->T,
          (long long)config->max_positions);
}

void model_forward(struct model *model, struct kernels *kernels, const struct batch *batch,
                   struct activations *activations)
{
    struct activations *a = activations;
    const struct pass pass = pass_of(model, kernels, NULL, false);
    const int64_t rows = a->plan.B * a->plan.T;
    check_shape(pass.config, batch, a);

    const struct embedding embedding = embedding_of(&pass, batch);
    pass_needs(&pass, pass.views->layers[0].attention_norm.gain);
    embedding_forward(kernels, &embedding, a->layers[0].input, rows);
    for (int64_t l = 0; l < pass.config->layers; l++) {
        struct layer_run run = run_of(pass.config, batch, a, l);
        layer_forward(&pass, &pass.views->layers[l], &run);
    }
    pass_needs(&pass, model->table.element_count);
    const struct norm norm = norm_of(&pass, pass.views->final_norm);
    norm_forward(kernels, &norm, a->output, rows_of_reals(a->hidden), a->final_norm.mean,
                 a->final_norm.rstd, rows);
}

struct loss model_loss(struct model *model, struct kernels *kernels, const struct batch *batch,
                       struct activations *activations, double z_loss, real *gradient,
                       bool is_first)
{
    struct activations *a = activations;
    const struct model_config *config = &model->config;
    struct loss_head head = {
        .hidden = a->hidden,
        .weight = model->parameters + model->views->head,
        .targets = batch->targets,
        .rows = a->plan.B * a->plan.T,
        .C = config->width,
        .V = config->vocab_size,
        .logits = a->logits,
        .row_losses = a->row_losses,
        .z_loss = z_loss,
    };
    CHECK(!gradient || a->plan.for_training,
          "activations made without training have no backward pass");
    if (gradient) {
        head.dhidden = a->scratch.dnormed;
        head.dweight = gradient + model->views->head;
        head.is_first = is_first;
    }
    struct loss loss;
    loss.sum = loss_head_run(kernels, &head, &loss.targets);
    return loss;
}

void model_backward(struct model *model, struct kernels *kernels, const struct batch *batch,
                    struct activations *activations, real *gradient, bool is_first)
{
    struct activations *a = activations;
    const struct pass pass = pass_of(model, kernels, gradient, is_first);
    const struct model_views *views = pass.views;
    const int64_t rows = a->plan.B * a->plan.T;
    CHECK(a->plan.for_training, "activations made without training have no backward pass");

    if (views->head > views->final_norm.gain) /* not tied: model_loss was through with it */
        pass_has_final(&pass, views->head);
    real *doutput = a->scratch.doutput; /* of the layers, one after the other, in place */
    memset(doutput, 0, (size_t)(rows * pass.config->width) * sizeof(real));
    norm_plan_backward(&pass, views->final_norm, a->output, &a->final_norm, &a->scratch, rows);
    for (int64_t l = pass.config->layers - 1; l >= 0; l--) {
        struct layer_run run = run_of(pass.config, batch, a, l);
        gradient_loans_make(&a->loans, pass.config->layers - 1 - l, a->arena.base, gradient);
        layer_backward(&pass, &views->layers[l], &run);
    }
    const struct embedding embedding = embedding_of(&pass, batch);
    if (views->token_table != views->head)
        pass_begin_sums(&pass, views->token_table, embedding.vocab_size * embedding.C);
    if (embedding.positions)
        pass_begin_sums(&pass, views->position_table, pass.config->max_positions * embedding.C);
    embedding_backward(kernels, &embedding, doutput, gradient + views->token_table,
                       embedding.positions ? gradient + views->position_table : NULL, rows);
}

void model_logits(struct model *model, struct kernels *kernels, struct activations *activations,
                  int64_t sequence, int64_t position, real *logits)
{
    const struct pass pass = pass_of(model, kernels, NULL, false);
    const int64_t row = sequence * activations->plan.T + position;
    head_logits(&pass, activations->hidden + row * model->config.width, logits);
}
