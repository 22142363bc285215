#include "trainer/model/model.h"

#include "base/memory.h"
#include "base/philox.h"
#include "trainer/model/layer_plan.h"
#include "trainer/model/rope.h"

const char *const model_family_names[] = { "gpt2", "llama", NULL };

/* Room for everything that is multiplied from these numbers to stay within an int64_t, and
 * sides of a product within the int of a BLAS that it is compared with. */
enum { LARGEST_SIDE = 1 << 24, MOST_LAYERS = 1 << 12 };

static enum status check_side(const char *name, int64_t value, int64_t largest)
{
    if (value < 1 || value > largest)
        return bad_input("%s is %lld: must be within 1 and %lld", name, (long long)value,
                         (long long)largest);
    return STATUS_OK;
}

static enum status check_gpt2(const struct model_config *config)
{
    if (config->kv_heads != config->heads)
        return bad_input("family gpt2 has no grouped queries: kv_heads %lld must be heads %lld",
                         (long long)config->kv_heads, (long long)config->heads);
    if (config->attention_bias || config->mlp_bias)
        return bad_input("family gpt2 has all its biases: attention_bias and mlp_bias are llama's");
    if (config->head_dim != 0)
        return bad_input("family gpt2 has heads of width / heads: head_dim must be 0");
    if (config->rope_scaling.kind != ROPE_NOT_SCALED)
        return bad_input("family gpt2 has learned positions: rope_scaling must be none");
    return STATUS_OK;
}

static enum status check_llama(const struct model_config *config)
{
    const int64_t head_dim = head_dim_of(config);
    if (head_dim < 2 || head_dim % 2 != 0 || head_dim > LARGEST_SIDE / config->heads)
        return bad_input("%s is %lld: must be even to be rotated, and at most %lld",
                         config->head_dim ? "head_dim" : "width / heads", (long long)head_dim,
                         (long long)(LARGEST_SIDE / config->heads));
    return rope_check(config);
}

enum status model_config_check(const struct model_config *config)
{
    TRY(check_side("layers", config->layers, MOST_LAYERS));
    TRY(check_side("width", config->width, LARGEST_SIDE));
    TRY(check_side("heads", config->heads, config->width));
    TRY(check_side("kv_heads", config->kv_heads, config->heads));
    TRY(check_side("ffn_width", config->ffn_width, LARGEST_SIDE));
    TRY(check_side("vocab_size", config->vocab_size, LARGEST_SIDE));
    TRY(check_side("max_positions", config->max_positions, LARGEST_SIDE));
    if (config->width % config->heads != 0)
        return bad_input("width %lld is not a multiple of heads %lld", (long long)config->width,
                         (long long)config->heads);
    if (config->heads % config->kv_heads != 0)
        return bad_input("heads %lld is not a multiple of kv_heads %lld", (long long)config->heads,
                         (long long)config->kv_heads);
    if (!(config->norm_epsilon > 0 && config->norm_epsilon < 1))
        return bad_input("norm_epsilon is %g: must be within 0 and 1", config->norm_epsilon);
    return config->family == FAMILY_GPT2 ? check_gpt2(config) : check_llama(config);
}

void model_init(struct model *model, const struct model_config *config)
{
    model_init_shape(model, config);
    const size_t bytes = (size_t)model->table.element_count * sizeof(real);
    arena_init(&model->arena, bytes);
    model->parameters = arena_take(&model->arena, bytes);
}

void model_init_shape(struct model *model, const struct model_config *config)
{
    *model = (struct model){ .config = *config };
    tensor_table_init(&model->table, config);
    model->views = model_views_create(config, &model->table);
}

void model_release(struct model *model)
{
    model_views_free(model->views);
    arena_release(&model->arena);
    tensor_table_release(&model->table);
    *model = (struct model){ 0 };
}

enum { INITIAL_BLOCK = 1 << 14 };

struct initial_weights {
    struct philox_key key;
    const struct tensor *tensor;
    uint64_t index;   /* of the tensor in the table */
    real *values;     /* of the tensor */
    double deviation; /* of its normal distribution */
};

static void set_initial_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct initial_weights *job = context;
    const struct tensor *tensor = job->tensor;
    int64_t end = (block + 1) * INITIAL_BLOCK;
    if (end > tensor->count)
        end = tensor->count;
    for (int64_t i = block * INITIAL_BLOCK; i < end; i++)
        switch (tensor->init) {
        case INIT_ZERO:
            job->values[i] = 0;
            break;
        case INIT_ONE:
            job->values[i] = 1;
            break;
        case INIT_NORMAL:
        case INIT_NORMAL_RESIDUAL:
            job->values[i] =
                (real)(job->deviation * philox_normal(job->key, job->index, (uint64_t)i));
            break;
        }
}

void model_set_initial_weights(struct model *model, struct kernels *kernels, uint64_t seed)
{
    const double deviation = 0.02; /* Radford et al. 2019, and its scale for residual layers */
    const double residual = deviation / __builtin_sqrt(2 * (double)model->config.layers);
    for (int64_t t = 0; t < model->table.tensor_count; t++) {
        const struct tensor *tensor = &model->table.tensors[t];
        struct initial_weights job = {
            .key = philox_key(seed, RANDOM_INITIAL_WEIGHTS),
            .tensor = tensor,
            .index = (uint64_t)t,
            .values = model->parameters + tensor->offset,
            .deviation = tensor->init == INIT_NORMAL_RESIDUAL ? residual : deviation,
        };
        kernels_run(kernels, KERNEL_OTHER, (tensor->count + INITIAL_BLOCK - 1) / INITIAL_BLOCK,
                    set_initial_block, &job);
    }
}
