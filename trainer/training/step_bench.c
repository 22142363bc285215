#include "trainer/training/step_bench.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/philox.h"
#include "comm/gradient_tree.h"
#include "trainer/kernels/plain_product.h"
#include "trainer/optimizer/gradient_norm.h"
#include "trainer/optimizer/optimizer.h"

enum { MATRIX_PRODUCTS = 15 }; /* of model_step_products: those of the weights */

const char *const step_phase_names[PHASES] = { "forward", "loss", "backward", "reduce", "update" };

struct step_bench {
    const struct world *world;
    const struct step_bench_plan *plan;
    struct kernels *kernels;
    struct model model;
    struct activations *activations;
    struct gradient_tree *gradients;
    struct optimizer optimizer;
    int32_t *tokens, *targets;
    struct product_shape shapes[MATRIX_PRODUCTS];
    float *A, *B, *C; /* operands of the plain products: as large as the largest */
};

static float *random_floats(int64_t count)
{
    float *values = memory_alloc((size_t)count * sizeof *values);
    struct philox_key key = philox_key(1, RANDOM_TEST);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)philox_uniform(key, 0, (uint64_t)i) - 0.5f;
    return values;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void prepare_products(struct step_bench *bench)
{
    const struct step_bench_plan *plan = bench->plan;
    int64_t A = 0, B = 0, C = 0;
    model_step_products(&plan->model, plan->sequences, plan->positions, bench->shapes,
                        MATRIX_PRODUCTS);
    for (int i = 0; i < MATRIX_PRODUCTS; i++) {
        const struct product_shape *shape = &bench->shapes[i];
        A = larger(A, shape->M * shape->K);
        B = larger(B, shape->K * shape->N);
        C = larger(C, shape->M * shape->N);
    }
    bench->A = random_floats(A);
    bench->B = random_floats(B);
    bench->C = memory_alloc_zeroed((size_t)C, sizeof *bench->C);
}

static void prepare_tokens(struct step_bench *bench)
{
    const struct step_bench_plan *plan = bench->plan;
    int64_t count = plan->sequences * plan->positions;
    struct philox_key key = philox_key((uint64_t)bench->world->rank, RANDOM_TEST);
    bench->tokens = memory_alloc((size_t)count * sizeof(int32_t));
    bench->targets = memory_alloc((size_t)count * sizeof(int32_t));
    for (int64_t i = 0; i < count; i++) {
        uint64_t vocab_size = (uint64_t)plan->model.vocab_size;
        bench->tokens[i] = (int32_t)(philox_u64(key, 0, (uint64_t)i) % vocab_size);
        bench->targets[i] = (int32_t)(philox_u64(key, 1, (uint64_t)i) % vocab_size);
    }
}

static void bench_init(struct step_bench *bench, const struct world *world, struct kernels *kernels,
                       const struct step_bench_plan *plan)
{
    static const struct optimizer_settings settings = { .adamw = { 0.9, 0.95, 1e-8 },
                                                        .weight_decay = 0.1 };
    *bench = (struct step_bench){ .world = world, .plan = plan, .kernels = kernels };
    model_init(&bench->model, &plan->model);
    model_set_initial_weights(&bench->model, kernels, 1);
    int64_t count = bench->model.table.element_count;
    bench->activations = activations_create(
        &plan->model, &(struct activations_plan){
                          .B = plan->sequences, .T = plan->positions, .for_training = true });
    bench->gradients = gradient_tree_create(world, kernels->pool, world->size, count);
    optimizer_init(&bench->optimizer, &settings, world, &bench->model.table);
    prepare_tokens(bench);
    prepare_products(bench);
}

static void bench_release(struct step_bench *bench)
{
    memory_free(bench->A);
    memory_free(bench->B);
    memory_free(bench->C);
    memory_free(bench->tokens);
    memory_free(bench->targets);
    optimizer_release(&bench->optimizer);
    gradient_tree_free(bench->gradients);
    activations_free(bench->activations);
    model_release(&bench->model);
}

/* Seconds since *since, which becomes now. */
static double lap(double *since)
{
    double now = clock_seconds(), seconds = now - *since;
    *since = now;
    return seconds;
}

static void run_step(struct step_bench *bench, double phases[PHASES])
{
    const struct step_bench_plan *plan = bench->plan;
    int64_t count = bench->model.table.element_count;
    struct batch batch = { plan->sequences, plan->positions, bench->tokens, bench->targets };
    double since = clock_seconds();

    gradient_tree_begin(bench->gradients);
    float *gradient = gradient_tree_leaf(bench->gradients, bench->world->rank);
    model_forward(&bench->model, bench->kernels, &batch, bench->activations);
    phases[PHASE_FORWARD] = lap(&since);
    struct loss loss =
        model_loss(&bench->model, bench->kernels, &batch, bench->activations, gradient);
    phases[PHASE_LOSS] = lap(&since);
    model_backward(&bench->model, bench->kernels, &batch, bench->activations, gradient);
    phases[PHASE_BACKWARD] = lap(&since);
    gradient_tree_reduce(bench->gradients);
    phases[PHASE_REDUCE] = lap(&since);

    double scale = 1.0 / (double)(loss.targets * bench->world->size);
    float *sum = gradient_tree_sum(bench->gradients);
    double norm = scale * gradient_norm(bench->world, bench->kernels, sum, count);
    optimizer_update(&bench->optimizer, bench->kernels, bench->model.parameters, sum, 1e-4,
                     scale * gradient_clip_factor(norm, 1.0));
    slice_gather_floats(bench->world, bench->model.parameters, count);
    phases[PHASE_UPDATE] = lap(&since);
}

/* FLOP/s of cblas_sgemm over the matrix products of a step. */
static double run_plain_products(struct step_bench *bench)
{
    double flops = 0.0, seconds = 0.0;
    int threads = thread_pool_size(bench->kernels->pool);
    for (int i = 0; i < MATRIX_PRODUCTS; i++) {
        const struct product_shape *shape = &bench->shapes[i];
        struct plain_product product = {
            shape->M, shape->N, shape->K, shape->A_transposed, shape->B_transposed,
            bench->A, bench->B, bench->C,
        };
        double times = (double)shape->times;
        seconds += times * plain_product_seconds(&product, threads);
        flops += times * 2.0 * (double)shape->M * (double)shape->N * (double)shape->K;
    }
    return flops / seconds;
}

/* Collective. The largest of all ranks' values. */
static double slowest(const struct world *world, double mine)
{
    double *all = memory_alloc((size_t)world->size * sizeof *all), most = mine;
    world_gather_all(world, &mine, sizeof mine, all);
    for (int rank = 0; rank < world->size; rank++)
        most = all[rank] > most ? all[rank] : most;
    memory_free(all);
    return most;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Sorts the values; *spread, where asked for, as in the header. */
static double median(double *values, int64_t count, double *spread)
{
    qsort(values, (size_t)count, sizeof *values, compare_doubles);
    double middle = 0.5 * (values[(count - 1) / 2] + values[count / 2]);
    if (spread)
        *spread = 0.5 * (values[count * 3 / 4] - values[count / 4]) / middle;
    return middle;
}

/* The rounds' figures, a row each of `repeats` values. */
enum { ROW_STEP = PHASES, ROW_SGEMM, ROW_SHARE, ROWS };

static void run_rounds(struct step_bench *bench, double *rows, double *executed_flops)
{
    int64_t repeats = bench->plan->repeats;
    for (int64_t round = -1; round < repeats; round++) {
        double phases[PHASES], step = 0.0;
        int64_t flops_before = bench->kernels->flops;
        world_barrier(bench->world);
        run_step(bench, phases);
        *executed_flops = (double)(bench->kernels->flops - flops_before);
        world_barrier(bench->world);
        double sgemm = run_plain_products(bench);
        for (int i = 0; i < PHASES; i++)
            step += phases[i];
        step = slowest(bench->world, step);
        if (round < 0)
            continue; /* touches memory for the first time */
        for (int i = 0; i < PHASES; i++)
            rows[i * repeats + round] = phases[i];
        rows[ROW_STEP * repeats + round] = step;
        rows[ROW_SGEMM * repeats + round] = sgemm;
        rows[ROW_SHARE * repeats + round] = *executed_flops / step / sgemm;
    }
}

void step_bench_run(const struct world *world, struct kernels *kernels,
                    const struct step_bench_plan *plan, struct step_bench_result *result)
{
    struct step_bench bench;
    int64_t repeats = plan->repeats;
    double *rows = memory_alloc_zeroed((size_t)(ROWS * repeats), sizeof *rows);

    bench_init(&bench, world, kernels, plan);
    run_rounds(&bench, rows, &result->executed_flops);
    bench_release(&bench);

    for (int i = 0; i < PHASES; i++)
        result->phase_seconds[i] = median(rows + i * repeats, repeats, NULL);
    result->step_seconds = median(rows + ROW_STEP * repeats, repeats, &result->step_spread);
    result->sgemm_flops_per_second =
        median(rows + ROW_SGEMM * repeats, repeats, &result->sgemm_spread);
    result->share = median(rows + ROW_SHARE * repeats, repeats, NULL);
    result->step_flops_per_second = result->executed_flops / result->step_seconds;
    result->tokens_per_second =
        (double)(world->size * plan->sequences * plan->positions) / result->step_seconds;
    memory_free(rows);
}
