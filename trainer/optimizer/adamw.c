#include "trainer/optimizer/adamw.h"

#include "base/memory.h"
#include "base/portable_math.h"
#include "trainer/kernels/kernel_table.h"

/* Elements that a thread updates at once: several streams of them fit the L1 cache's share. */
#define UPDATE_BLOCK ((int64_t)16384)

void adamw_init(struct adamw *adamw, const struct adamw_settings *settings,
                const struct tensor_table *table, struct slice slice)
{
    size_t count = (size_t)(slice.end - slice.begin);
    *adamw = (struct adamw){ .settings = *settings, .table = table, .slice = slice };
    adamw->m = memory_alloc_zeroed(count, sizeof *adamw->m);
    adamw->v = memory_alloc_zeroed(count, sizeof *adamw->v);
}

void adamw_release(struct adamw *adamw)
{
    memory_free(adamw->m);
    memory_free(adamw->v);
}

struct update {
    struct adamw *adamw;
    struct kernels *kernels;
    float *parameters;
    const float *gradient;
    struct adamw_scalars decaying, plain;
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The tensor that holds element `at`: tensors are adjacent and in order. */
static int64_t tensor_at(const struct tensor_table *table, int64_t at)
{
    int64_t low = 0, high = table->tensor_count - 1;
    while (low < high) {
        int64_t middle = (low + high + 1) / 2;
        if (table->tensors[middle].offset <= at)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static void update_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct update *update = context;
    const struct adamw *adamw = update->adamw;
    const struct tensor_table *table = adamw->table;
    int64_t begin = adamw->slice.begin + block * UPDATE_BLOCK;
    int64_t end = smaller(begin + UPDATE_BLOCK, adamw->slice.end);

    for (int64_t i = tensor_at(table, begin); begin < end; i++) {
        const struct tensor *tensor = &table->tensors[i];
        int64_t stop = smaller(end, tensor->offset + tensor->count);
        int64_t own = begin - adamw->slice.begin;
        update->kernels->table->optimizer->adamw_update(
            update->parameters + begin, update->gradient + begin, adamw->m + own, adamw->v + own,
            stop - begin, tensor->decays ? &update->decaying : &update->plain);
        begin = stop;
    }
}

void adamw_update(struct adamw *adamw, struct kernels *kernels, float *parameters,
                  const float *gradient, double learning_rate, double gradient_scale)
{
    const struct adamw_settings *settings = &adamw->settings;
    adamw->updates++;
    struct adamw_scalars scalars = {
        .lr = learning_rate,
        .beta1 = settings->beta1,
        .beta2 = settings->beta2,
        .epsilon = settings->epsilon,
        .gradient_scale = gradient_scale,
        .bias_correction1 = 1.0 - portable_pow_integer(settings->beta1, adamw->updates),
        .bias_correction2 = 1.0 - portable_pow_integer(settings->beta2, adamw->updates),
    };
    struct update update = { adamw, kernels, parameters, gradient, scalars, scalars };
    update.decaying.weight_decay = settings->weight_decay;

    int64_t count = adamw->slice.end - adamw->slice.begin;
    kernels_run(kernels, KERNEL_OPTIMIZER, (count + UPDATE_BLOCK - 1) / UPDATE_BLOCK, update_block,
                &update);
    kernels_count_reals(kernels, KERNEL_OPTIMIZER, 7 * count); /* p, m, v twice, g once */
}
