#include "trainer/optimizer/optimizer.h"

/* Elements that a thread updates at once: enough to make a block's start cheap. Parts of a slice
 * are whole blocks. */
#define UPDATE_BLOCK ((int64_t)16384)
_Static_assert(SLICE_BLOCK % UPDATE_BLOCK == 0, "a block would lie in two parts of a slice");

const char *const optimizer_names[] = { "adamw", "muon", NULL };

static bool any_tensor(const struct tensor *tensor)
{
    (void)tensor;
    return true;
}

static bool adamw_beside_muon(const struct tensor *tensor)
{
    return !muon_updates(tensor);
}

void optimizer_init(struct optimizer *optimizer, const struct optimizer_settings *settings,
                    const struct world *world, const struct tensor_table *table)
{
    bool has_muon = settings->kind == OPTIMIZER_MUON;
    const struct slicing slicing = slicing_of(table->element_count, world->size);
    *optimizer = (struct optimizer){ .settings = *settings, .table = table };
    moments_init(&optimizer->moments, table, &slicing, world->rank,
                 has_muon ? adamw_beside_muon : any_tensor);
    if (has_muon)
        muon_init(&optimizer->muon, world, table);
}

size_t optimizer_bytes(const struct optimizer_settings *settings, const struct tensor_table *table,
                       int rank, int world_size)
{
    bool has_muon = settings->kind == OPTIMIZER_MUON;
    const struct slicing slicing = slicing_of(table->element_count, world_size);
    size_t moments =
        moments_bytes(table, &slicing, rank, has_muon ? adamw_beside_muon : any_tensor);
    return moments + (has_muon ? muon_bytes(table, rank, world_size) : 0);
}

void optimizer_release(struct optimizer *optimizer)
{
    if (optimizer->settings.kind == OPTIMIZER_MUON)
        muon_release(&optimizer->muon);
    moments_release(&optimizer->moments);
}

/* Elements [begin, end) of the flat vector, all of tensor number `index`. */
struct stretch {
    int64_t index, begin, end;
};

struct update {
    const struct optimizer *optimizer;
    const struct optimizer_loops *loops;
    float *parameters, *gradient;
    struct adamw_scalars decaying, plain;
    void (*on_stretch)(const struct update *update, const struct stretch *stretch);
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
    const struct optimizer *optimizer = update->optimizer;
    const struct slicing *slicing = &optimizer->moments.slicing;
    int64_t begin = slicing_element(slicing, optimizer->moments.rank, block * UPDATE_BLOCK);
    int64_t end = smaller(begin + UPDATE_BLOCK, slicing->count);

    for (int64_t i = tensor_at(optimizer->table, begin); begin < end; i++) {
        const struct tensor *tensor = &optimizer->table->tensors[i];
        struct stretch stretch = { i, begin, smaller(end, tensor->offset + tensor->count) };
        update->on_stretch(update, &stretch);
        begin = stretch.end;
    }
}

static int64_t slice_length(const struct optimizer *optimizer)
{
    return slicing_length(&optimizer->moments.slicing, optimizer->moments.rank);
}

/* The blocks of all parts in one run of the pool. */
static void run_on_slice(struct kernels *kernels, struct update *update)
{
    const int64_t length = slice_length(update->optimizer);
    kernels_run(kernels, KERNEL_OPTIMIZER, (length + UPDATE_BLOCK - 1) / UPDATE_BLOCK, update_block,
                update);
}

static bool is_muons(const struct optimizer *optimizer, int64_t index)
{
    return optimizer->settings.kind == OPTIMIZER_MUON &&
           muon_updates(&optimizer->table->tensors[index]);
}

/* AdamW's update; of Muon's tensors the momentum, and the direction in the gradient's place. */
static void take_gradient(const struct update *update, const struct stretch *stretch)
{
    const struct optimizer *optimizer = update->optimizer;
    const struct adamw_scalars *scalars =
        optimizer->table->tensors[stretch->index].decays ? &update->decaying : &update->plain;
    int64_t begin = stretch->begin, count = stretch->end - begin;
    float *first = moments_first(&optimizer->moments, stretch->index, begin);
    if (is_muons(optimizer, stretch->index))
        update->loops->nesterov_momentum(update->gradient + begin, first, count,
                                         scalars->gradient_scale,
                                         optimizer->settings.muon_momentum);
    else
        update->loops->adamw_update(update->parameters + begin, update->gradient + begin, first,
                                    moments_second(&optimizer->moments, stretch->index, begin),
                                    count, scalars);
}

/* p -= lr (direction + decay p) */
static void follow_direction(const struct update *update, const struct stretch *stretch)
{
    const struct adamw_scalars *scalars = &update->decaying;
    if (is_muons(update->optimizer, stretch->index))
        update->loops->descend(update->parameters + stretch->begin,
                               update->gradient + stretch->begin, stretch->end - stretch->begin,
                               scalars->lr, scalars->weight_decay);
}

void optimizer_update(struct optimizer *optimizer, struct kernels *kernels, float *parameters,
                      float *gradient, double learning_rate, double gradient_scale)
{
    optimizer->updates++;
    struct adamw_scalars scalars = adamw_scalars_at(&optimizer->settings.adamw, optimizer->updates,
                                                    learning_rate, gradient_scale);
    struct update update = {
        optimizer, kernels->table->optimizer, parameters, gradient, scalars, scalars, take_gradient
    };
    update.decaying.weight_decay = optimizer->settings.weight_decay;

    run_on_slice(kernels, &update);
    if (optimizer->settings.kind == OPTIMIZER_MUON) {
        muon_orthogonalise(&optimizer->muon, kernels, gradient);
        update.on_stretch = follow_direction;
        run_on_slice(kernels, &update);
    }
    /* AdamW: p, m, v twice, g once; Muon: momentum and g twice, then p twice and g once. */
    kernels_count_reals(kernels, KERNEL_OPTIMIZER, 7 * slice_length(optimizer));
}

int64_t optimizer_flops(const struct optimizer *optimizer)
{
    return optimizer->settings.kind == OPTIMIZER_MUON ? muon_flops(optimizer->table) : 0;
}

int optimizer_tensor_moments(const struct optimizer *optimizer, int64_t index,
                             struct tensor_moment moments[MOMENTS_MOST])
{
    const struct tensor_share *share = &optimizer->moments.shares[index];
    if (share->range_count == 0)
        return 0;
    const struct tensor_moment first = { share->second ? "exp_avg" : "momentum_buffer",
                                         share->ranges, share->range_count, share->first };
    moments[0] = moments[1] = first;
    moments[1].name = "exp_avg_sq";
    moments[1].values = share->second;
    return share->second ? 2 : 1;
}
