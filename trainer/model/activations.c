#include "trainer/model/activations.h"

#include "base/portable_math.h"
#include "trainer/kernels/loss_head.h"
#include "trainer/model/layer_plan.h"

size_t rope_bytes(const struct model_config *config, int64_t positions)
{
    if (config->family != FAMILY_LLAMA)
        return 0;
    return 2 * arena_rounded((size_t)(positions * (head_dim_of(config) / 2)) * sizeof(real));
}

void rope_init(struct rope *rope, struct arena *arena, const struct model_config *config,
               int64_t positions)
{
    *rope = (struct rope){ 0 };
    if (config->family != FAMILY_LLAMA)
        return;
    const int64_t half = head_dim_of(config) / 2;
    rope->cosine = arena_take(arena, (size_t)(positions * half) * sizeof(real));
    rope->sine = arena_take(arena, (size_t)(positions * half) * sizeof(real));
    for (int64_t i = 0; i < half; i++) {
        double frequency = portable_pow(config->rope_theta, -(double)i / (double)half);
        for (int64_t t = 0; t < positions; t++) {
            double sine, cosine;
            portable_sincos((double)t * frequency, &sine, &cosine);
            rope->cosine[t * half + i] = (real)cosine;
            rope->sine[t * half + i] = (real)sine;
        }
    }
}

/* Hands out pieces of an arena, or with none only adds up what they will take. */
struct plan {
    struct arena *arena;
    size_t bytes;
};

static void *take(struct plan *plan, int64_t count, size_t bytes_each)
{
    size_t bytes = (size_t)count * bytes_each;
    plan->bytes += arena_rounded(bytes);
    return plan->arena ? arena_take(plan->arena, bytes) : NULL;
}

static real *take_reals(struct plan *plan, int64_t count)
{
    return take(plan, count, sizeof(real));
}

static struct norm_stats take_stats(struct plan *plan, int64_t rows)
{
    return (struct norm_stats){ .mean = take_reals(plan, rows), .rstd = take_reals(plan, rows) };
}

static struct layer_activations take_layer(struct plan *plan, const struct model_config *config,
                                           int64_t B, int64_t T)
{
    const int64_t rows = B * T, C = config->width;
    return (struct layer_activations){
        .input = take_reals(plan, rows * C),
        .qkv = take_reals(plan, rows * qkv_width_of(config)),
        .attended = take_reals(plan, rows * C),
        .logsumexp = take_reals(plan, rows * config->heads),
        .middle = take_reals(plan, rows * C),
        .expanded = take_reals(plan, rows * expanded_width_of(config)),
        .attention_norm = take_stats(plan, rows),
        .ffn_norm = take_stats(plan, rows),
    };
}

static void take_layers(struct plan *plan, const struct model_config *config, struct activations *a)
{
    struct layer_activations shared = { 0 };
    for (int64_t l = 0; l < config->layers; l++) {
        if (l == 0 || a->for_training)
            shared = take_layer(plan, config, a->B, a->T);
        if (a->layers)
            a->layers[l] = shared;
    }
}

static void take_all(struct plan *plan, const struct model_config *config, struct activations *a)
{
    const int64_t rows = a->B * a->T, C = config->width;
    const int64_t loss_rows = rows < LOSS_ROWS ? rows : LOSS_ROWS;
    take_layers(plan, config, a);
    a->output = take_reals(plan, rows * C);
    a->final_norm = take_stats(plan, rows);
    a->hidden = take_reals(plan, rows * C);
    a->normed = take_reals(plan, rows * C);
    a->activated = take_reals(plan, rows * expanded_width_of(config));
    a->logits = take_reals(plan, loss_rows * config->vocab_size);
    a->row_losses = take(plan, loss_rows, sizeof(double));
    if (a->for_training) {
        a->doutput = take_reals(plan, rows * C);
        a->dnormed = take_reals(plan, rows * C);
        a->dqkv = take_reals(plan, rows * qkv_width_of(config));
    }
}

size_t activations_bytes(const struct model_config *config, int64_t B, int64_t T, bool for_training)
{
    struct activations shape = { .B = B, .T = T, .for_training = for_training };
    struct plan plan = { 0 };
    take_all(&plan, config, &shape);
    return plan.bytes + rope_bytes(config, T);
}

struct activations *activations_create(const struct model_config *config, int64_t B, int64_t T,
                                       bool for_training)
{
    struct activations *a = memory_alloc_zeroed(1, sizeof *a);
    a->B = B;
    a->T = T;
    a->for_training = for_training;
    a->layers = memory_alloc_zeroed((size_t)config->layers, sizeof *a->layers);
    arena_init(&a->arena, activations_bytes(config, B, T, for_training));
    struct plan plan = { .arena = &a->arena };
    take_all(&plan, config, a);
    rope_init(&a->rope, &a->arena, config, T);
    return a;
}

void activations_free(struct activations *activations)
{
    if (!activations)
        return;
    arena_release(&activations->arena);
    memory_free(activations->layers);
    memory_free(activations);
}
