/* Generation: the keys and values of all positions so far are kept, and each call
 * runs only the new tokens through the layers, in blocks of at most DECODER_BLOCK.
 *
 *   arena   | cache of layer 0 | ... | cache of layer L-1 | rope's tables |
 *           | [max_positions, 2 KV HD]                    | [max_positions, HD/2] x 2
 */
#include "base/memory.h"
#include "trainer/model/layer.h"

enum { DECODER_BLOCK = 128 };

struct decoder {
    struct model *model;
    int64_t max_positions, position;
    struct arena arena;
    real **caches;             /* [L] */
    struct rope rope;          /* for all positions */
    struct activations *block; /* [1,DECODER_BLOCK]: what one layer writes */
};

struct decoder *decoder_create(struct model *model, int64_t max_positions)
{
    const struct model_config *config = &model->config;
    struct decoder *decoder = memory_alloc_zeroed(1, sizeof *decoder);
    decoder->model = model;
    decoder->max_positions = max_positions;
    if (config->family == FAMILY_GPT2 && config->max_positions < max_positions)
        decoder->max_positions = config->max_positions;

    const int64_t cache_width = 2 * config->kv_heads * head_dim_of(config);
    const size_t cache_bytes = (size_t)(decoder->max_positions * cache_width) * sizeof(real);
    arena_init(&decoder->arena, (size_t)config->layers * arena_rounded(cache_bytes) +
                                    rope_bytes(config, decoder->max_positions));
    decoder->caches = memory_alloc_zeroed((size_t)config->layers, sizeof *decoder->caches);
    for (int64_t l = 0; l < config->layers; l++)
        decoder->caches[l] = arena_take(&decoder->arena, cache_bytes);
    rope_init(&decoder->rope, &decoder->arena, config, decoder->max_positions);
    decoder->block =
        activations_create(config, &(struct activations_plan){ .B = 1, .T = DECODER_BLOCK });
    return decoder;
}

void decoder_free(struct decoder *decoder)
{
    if (!decoder)
        return;
    activations_free(decoder->block);
    arena_release(&decoder->arena);
    memory_free(decoder->caches);
    memory_free(decoder);
}

int64_t decoder_position(const struct decoder *decoder)
{
    return decoder->position;
}

/* Runs `count` <= DECODER_BLOCK tokens through the layers; block->output holds [count,C]. */
static void append_block(struct decoder *decoder, const struct pass *pass, const int32_t *tokens,
                         int64_t count)
{
    struct activations *block = decoder->block;
    const struct model_views *views = pass->views;
    const struct embedding embedding = {
        .tokens = tokens,
        .table = pass->parameters + views->token_table,
        .positions =
            views->position_table == NO_TENSOR ? NULL : pass->parameters + views->position_table,
        .vocab_size = pass->config->vocab_size,
        .C = pass->config->width,
        .T = count,
        .past = decoder->position,
    };
    embedding_forward(pass->kernels, &embedding, block->layers[0].input, count);
    for (int64_t l = 0; l < pass->config->layers; l++) {
        struct key_value_cache cache = { decoder->caches[l], decoder->position };
        const bool is_last = l + 1 == pass->config->layers;
        struct layer_run run = {
            .B = 1,
            .T = count,
            .kept = &block->layers[l],
            .scratch = &block->scratch,
            .rope = &decoder->rope,
            .cache = &cache,
            .output = is_last ? block->output : block->layers[l + 1].input,
        };
        layer_forward(pass, &views->layers[l], &run);
    }
    decoder->position += count;
}

/* The logits [V] of the block's last row. */
static void last_logits(const struct decoder *decoder, const struct pass *pass, int64_t row,
                        real *logits)
{
    struct activations *block = decoder->block;
    const struct norm norm = norm_of(pass, pass->views->final_norm);
    const int64_t C = pass->config->width;
    norm_forward(pass->kernels, &norm, block->output + row * C, rows_of_reals(block->hidden),
                 block->final_norm.mean, block->final_norm.rstd, 1);
    head_logits(pass, block->hidden, logits);
}

static enum status check_tokens(const struct decoder *decoder, const int32_t *tokens, int64_t count)
{
    const int64_t V = decoder->model->config.vocab_size;
    if (count < 1)
        return bad_input("cannot decode: no tokens");
    if (count > decoder->max_positions - decoder->position)
        return bad_input("cannot decode %lld tokens after %lld: the model has %lld positions",
                         (long long)count, (long long)decoder->position,
                         (long long)decoder->max_positions);
    for (int64_t i = 0; i < count; i++)
        if (tokens[i] < 0 || tokens[i] >= V)
            return bad_input("cannot decode token %d: the model's vocabulary is %lld", tokens[i],
                             (long long)V);
    return STATUS_OK;
}

enum status decoder_append(struct decoder *decoder, struct kernels *kernels, const int32_t *tokens,
                           int64_t count, real *logits)
{
    TRY(check_tokens(decoder, tokens, count));
    const struct pass pass = pass_of(decoder->model, kernels, NULL, false);
    int64_t in_block = 0;
    for (int64_t first = 0; first < count; first += in_block) {
        in_block = count - first < DECODER_BLOCK ? count - first : DECODER_BLOCK;
        append_block(decoder, &pass, tokens + first, in_block);
    }
    last_logits(decoder, &pass, in_block - 1, logits);
    return STATUS_OK;
}
