#include "trainer/model/activations.h"

#include "trainer/kernels/loss_head.h"
#include "trainer/model/layer_plan.h"
#include "trainer/model/memory_layout.h"

const char *const recompute_names[] = { "none", "attention", "block", NULL };

/* The parts of a step in which a piece of scratch is alive. */
enum {
    IN_ATTENTION = 1, /* with its projection */
    IN_FEED_FORWARD = 2,
    IN_LOSS = 4,
    IN_FEED_FORWARD_BACK = 8, /* with what a whole layer computes once more before */
    IN_ATTENTION_BACK = 16,
    IN_FORWARD = IN_ATTENTION | IN_FEED_FORWARD,
    IN_BACKWARD = IN_FEED_FORWARD_BACK | IN_ATTENTION_BACK,
    IN_STEP = IN_FORWARD | IN_LOSS | IN_BACKWARD,
    FOR_GOOD = 0
};

struct shape {
    const struct model_config *config;
    const struct activations_plan *plan;
    int64_t rows, C;
};

static real *reals(struct layout *layout, unsigned alive, int64_t count)
{
    return layout_take(layout, alive, (size_t)count * sizeof(real));
}

static struct rows rows_of(struct layout *layout, enum element element, unsigned alive,
                           int64_t count)
{
    const size_t bytes = (size_t)(count * element_bytes(element));
    return (struct rows){ layout_take(layout, alive, bytes), element };
}

/* A product's operand, [BT,width]. */
static struct rows operand(struct layout *layout, const struct shape *shape, unsigned alive,
                           int64_t width)
{
    return rows_of(layout, shape->plan->element, alive, shape->rows * width);
}

static struct norm_stats stats_for_good(struct layout *layout, int64_t rows)
{
    return (struct norm_stats){ reals(layout, FOR_GOOD, rows), reals(layout, FOR_GOOD, rows) };
}

static void place_attention(struct layout *layout, const struct shape *shape, unsigned alive,
                            struct layer_activations *layer)
{
    layer->qkv = operand(layout, shape, alive, qkv_width_of(shape->config));
    layer->attended = operand(layout, shape, alive, queries_width_of(shape->config));
    layer->logsumexp = reals(layout, alive, shape->rows * shape->config->heads);
}

static bool keeps_attention(const struct activations_plan *plan)
{
    return plan->for_training && plan->recompute == RECOMPUTE_NONE;
}

static bool keeps_feed_forward(const struct activations_plan *plan)
{
    return plan->for_training && plan->recompute != RECOMPUTE_BLOCK;
}

static void place_kept(struct layout *layout, const struct shape *shape, struct activations *a)
{
    struct layer_activations layer = { 0 };
    for (int64_t l = 0; l < shape->config->layers; l++) {
        if (l == 0 || shape->plan->for_training) {
            layer.input = reals(layout, FOR_GOOD, shape->rows * shape->C);
            layer.attention_norm = stats_for_good(layout, shape->rows);
            layer.ffn_norm = stats_for_good(layout, shape->rows);
        }
        if (keeps_attention(shape->plan))
            place_attention(layout, shape, FOR_GOOD, &layer);
        if (keeps_feed_forward(shape->plan)) {
            layer.middle = reals(layout, FOR_GOOD, shape->rows * shape->C);
            layer.expanded = operand(layout, shape, FOR_GOOD, expanded_width_of(shape->config));
        }
        if (a->layers)
            a->layers[l] = layer;
    }
    a->output = reals(layout, FOR_GOOD, shape->rows * shape->C);
    a->final_norm = stats_for_good(layout, shape->rows);
}

/* One set for all layers of what they do not keep. */
static void place_shared(struct layout *layout, const struct shape *shape, struct activations *a)
{
    const bool attention = !keeps_attention(shape->plan);
    const bool feed_forward = !keeps_feed_forward(shape->plan);
    struct layer_activations shared = { 0 };
    if (feed_forward) {
        shared.middle = reals(layout, IN_FORWARD | IN_FEED_FORWARD_BACK, shape->rows * shape->C);
        shared.expanded = operand(layout, shape, IN_FEED_FORWARD | IN_FEED_FORWARD_BACK,
                                  expanded_width_of(shape->config));
    }
    if (attention)
        place_attention(layout, shape,
                        IN_ATTENTION | (feed_forward ? IN_BACKWARD : IN_ATTENTION_BACK), &shared);
    for (int64_t l = 0; a->layers && l < shape->config->layers; l++) {
        struct layer_activations *layer = &a->layers[l];
        if (attention) {
            layer->qkv = shared.qkv;
            layer->attended = shared.attended;
            layer->logsumexp = shared.logsumexp;
        }
        if (feed_forward) {
            layer->middle = shared.middle;
            layer->expanded = shared.expanded;
        }
    }
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void place_gradients(struct layout *layout, const struct shape *shape,
                            struct layer_scratch *s)
{
    const int64_t room = activation_sums_room(shape->rows, expanded_width_of(shape->config));
    const int64_t dattended = shape->rows * queries_width_of(shape->config);
    const int64_t count = shape->rows * shape->C;
    s->doutput = reals(layout, IN_BACKWARD, count);
    s->doutput_sums = reals(layout, IN_BACKWARD, shape->C);
    s->dnormed = reals(layout, IN_LOSS | IN_BACKWARD, larger(count, larger(dattended, room)));
    s->dexpanded = operand(layout, shape, IN_FEED_FORWARD_BACK, expanded_width_of(shape->config));
    s->dqkv =
        rows_of(layout, ELEMENT_REAL, IN_ATTENTION_BACK, shape->rows * qkv_width_of(shape->config));
}

static void place_loss(struct layout *layout, const struct shape *shape, struct activations *a)
{
    const int64_t most = loss_head_rows(shape->plan->element);
    const int64_t rows = shape->rows < most ? shape->rows : most;
    a->hidden = shape->plan->for_training ? a->scratch.dnormed
                                          : reals(layout, IN_LOSS, shape->rows * shape->C);
    a->row_losses = layout_take(layout, IN_LOSS, (size_t)rows * sizeof(double));
    a->logits = rows_of(layout, shape->plan->element, IN_LOSS,
                        rows * loss_head_stride(shape->config->vocab_size))
                    .values;
}

/* Into `a`, whose layers may be missing: then all that comes of it is the layout's bytes. */
static struct layout place_all(unsigned char *base, const struct model_config *config,
                               const struct activations_plan *plan, struct activations *a)
{
    struct layout layout = { .base = base };
    const struct shape shape = { config, plan, plan->B * plan->T, config->width };
    place_kept(&layout, &shape, a);
    if (plan->for_training)
        place_gradients(&layout, &shape, &a->scratch);
    a->scratch.normed = operand(&layout, &shape, IN_FORWARD | IN_BACKWARD, shape.C);
    place_shared(&layout, &shape, a);
    a->scratch.activated = operand(&layout, &shape, IN_FEED_FORWARD, config->ffn_width);
    place_loss(&layout, &shape, a);
    return layout;
}

size_t activations_bytes(const struct model_config *config, const struct activations_plan *plan)
{
    struct activations none = { 0 };
    const struct layout layout = place_all(NULL, config, plan, &none);
    return layout_bytes(&layout, IN_STEP) + rope_bytes(config, plan->T);
}

static void plan_loans(struct gradient_loans *loans, const struct model_config *config,
                       const struct activations_plan *plan)
{
    struct activations none = { 0 };
    struct model_config no_layer = *config;
    no_layer.layers = 0;
    const size_t rope = rope_bytes(config, plan->T);
    const size_t output = place_all(NULL, &no_layer, plan, &none).kept_bytes;
    const struct layout layout = place_all(NULL, config, plan, &none);
    const struct loan_sources sources = {
        .scratch_begin = rope + layout_bytes(&layout, IN_BACKWARD),
        .scratch_end = rope + layout_bytes(&layout, IN_STEP),
        .kept_end = rope + layout.kept_bytes,
        .output_bytes = output,
        .layer_bytes = (layout.kept_bytes - output) / (size_t)config->layers,
    };
    *loans = (struct gradient_loans){ 0 };
    if (plan->lends)
        gradient_loans_plan(loans, config, &sources);
}

size_t activations_bytes_lent(const struct model_config *config,
                              const struct activations_plan *plan)
{
    struct gradient_loans loans;
    plan_loans(&loans, config, plan);
    const size_t bytes = loans.bytes;
    gradient_loans_release(&loans);
    return bytes;
}

struct activations *activations_create(const struct model_config *config,
                                       const struct activations_plan *plan)
{
    struct activations *a = memory_alloc_zeroed(1, sizeof *a);
    a->plan = *plan;
    a->layers = memory_alloc_zeroed((size_t)config->layers, sizeof *a->layers);
    arena_init(&a->arena, activations_bytes(config, plan));
    rope_init(&a->rope, &a->arena, config, plan->T);
    unsigned char *base = arena_take(&a->arena, a->arena.capacity - a->arena.used);
    place_all(base, config, plan, a);
    plan_loans(&a->loans, config, plan);
    return a;
}

void activations_take_back(struct activations *a, real *gradient)
{
    gradient_loans_end(&a->loans, a->arena.base, gradient);
}

void activations_free(struct activations *activations)
{
    if (!activations)
        return;
    gradient_loans_release(&activations->loans);
    arena_release(&activations->arena);
    memory_free(activations->layers);
    memory_free(activations);
}
