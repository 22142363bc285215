#include "trainer/model/model.h"

#include "base/memory.h"
#include "base/philox.h"
#include "trainer/kernels/loops/real_math.h"
#include "trainer/model/layer_plan.h"

const char *const model_family_names[] = { "gpt2", "llama", NULL };

/* Room for everything that is multiplied from these numbers to stay within an int64_t, and
 * sides of a product within the int of BLAS. */
enum { LARGEST_SIDE = 1 << 24, MOST_LAYERS = 1 << 12 };

static enum status check_side(const char *name, int64_t value, int64_t largest)
{
    if (value < 1 || value > largest)
        return bad_input("%s is %lld: must be within 1 and %lld", name, (long long)value,
                         (long long)largest);
    return STATUS_OK;
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
    if (config->family == FAMILY_GPT2 && config->kv_heads != config->heads)
        return bad_input("family gpt2 has no grouped queries: kv_heads %lld must be heads %lld",
                         (long long)config->kv_heads, (long long)config->heads);
    if (config->family == FAMILY_GPT2 && !config->tied_head)
        return bad_input("family gpt2 has a tied head: tied_head must be true");
    if (config->family == FAMILY_LLAMA && head_dim_of(config) % 2 != 0)
        return bad_input("width / heads is %lld: must be even to be rotated",
                         (long long)head_dim_of(config));
    if (config->family == FAMILY_LLAMA && !(config->rope_theta > 1 && config->rope_theta < 1e12))
        return bad_input("rope_theta is %g: must be within 1 and 1e12", config->rope_theta);
    return STATUS_OK;
}

void model_init(struct model *model, const struct model_config *config)
{
    *model = (struct model){ .config = *config };
    tensor_table_init(&model->table, config);
    model->views = model_views_create(config, &model->table);
    model->parameters = memory_alloc_zeroed((size_t)model->table.element_count, sizeof(real));
}

void model_release(struct model *model)
{
    model_views_free(model->views);
    memory_free(model->parameters);
    tensor_table_release(&model->table);
    *model = (struct model){ 0 };
}

static void set_initial_tensor(real *values, const struct tensor *tensor, uint64_t index,
                               const struct model_config *config, struct philox_key key)
{
    double deviation = 0.02; /* Radford et al. 2019 */
    if (tensor->init == INIT_NORMAL_RESIDUAL)
        deviation /= __builtin_sqrt(2 * (double)config->layers);
    for (int64_t i = 0; i < tensor->count; i++)
        switch (tensor->init) {
        case INIT_ZERO:
            values[i] = 0;
            break;
        case INIT_ONE:
            values[i] = 1;
            break;
        case INIT_NORMAL:
        case INIT_NORMAL_RESIDUAL:
            values[i] = (real)(deviation * philox_normal(key, index, (uint64_t)i));
            break;
        }
}

void model_set_initial_weights(struct model *model, uint64_t seed)
{
    struct philox_key key = philox_key(seed, RANDOM_INITIAL_WEIGHTS);
    for (int64_t t = 0; t < model->table.tensor_count; t++) {
        const struct tensor *tensor = &model->table.tensors[t];
        set_initial_tensor(model->parameters + tensor->offset, tensor, (uint64_t)t, &model->config,
                           key);
    }
}
