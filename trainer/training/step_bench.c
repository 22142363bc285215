#include "trainer/training/step_bench.h"

#include <string.h>

#include "base/memory.h"
#include "base/philox.h"
#include "trainer/kernels/ceiling.h"
#include "trainer/kernels/blas.h"
#include "trainer/reports/peak_memory.h"

enum { MATRIX_PRODUCTS = 15 }; /* of model_step_products: those of the weights */

struct step_bench {
    const struct world *world;
    const struct sample_plan *plan;
    int64_t repeats;
    bool is_beside; /* as training does by itself: where ranks are on several nodes */
    struct kernels *kernels;
    struct sample_step *sample;
    struct product_shape shapes[MATRIX_PRODUCTS];
    float *A, *B, *C; /* operands of the plain products: as large as the largest */
    struct ceiling_copy copy;
};

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static float *random_floats(int64_t count)
{
    float *values = memory_alloc((size_t)count * sizeof *values);
    struct philox_key key = philox_key(1, RANDOM_TEST);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)philox_uniform(key, 0, (uint64_t)i) - 0.5f;
    return values;
}

/* What is measured beside the step, once the step has shown how much memory it takes. */
static void prepare_peers(struct step_bench *bench)
{
    const struct sample_plan *plan = bench->plan;
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
    ceiling_copy_init(&bench->copy);
}

static void release_peers(struct step_bench *bench)
{
    ceiling_copy_release(&bench->copy);
    memory_free(bench->A);
    memory_free(bench->B);
    memory_free(bench->C);
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

/* FLOP/s of the kernels that multiply the layers' matrices and the head, as the step ran them. */
static double matrix_product_rate(const struct kernel_profile profile[KERNELS])
{
    static const enum kernel_id roles[] = { KERNEL_PRODUCT_FORWARD, KERNEL_PRODUCT_INPUT_GRADIENT,
                                            KERNEL_PRODUCT_WEIGHT_GRADIENT, KERNEL_PRODUCT_HEAD };
    double flops = 0, seconds = profile[KERNEL_PACKING].seconds;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        flops += (double)profile[roles[i]].flops;
        seconds += profile[roles[i]].seconds;
    }
    return flops / seconds;
}

/* The figures of a round, in columns of `repeats` values each. */
enum {
    COLUMN_STEP = PHASES,
    COLUMN_PRODUCTS,
    COLUMN_SGEMM,
    COLUMN_CEILING,
    COLUMN_COPY,
    COLUMN_PRODUCTS_OF_SGEMM,
    COLUMN_STEP_OF_SGEMM,
    COLUMN_PRODUCTS_OF_CEILING,
    COLUMN_STEP_OF_CEILING,
    COLUMNS
};

static void measure_step(struct step_bench *bench, double figures[COLUMNS],
                         struct step_bench_result *result)
{
    struct kernels *kernels = bench->kernels;
    struct kernel_profile before[KERNELS], during[KERNELS];
    struct sample_times times;
    int64_t flops_before = kernels->flops;
    memcpy(before, kernels->profile, sizeof before);
    world_barrier(bench->world);
    sample_step_run(bench->sample, bench->is_beside, &times);
    memcpy(during, kernels->profile, sizeof during);
    profile_since(during, before);

    double step = 0.0;
    for (int i = 0; i < PHASES; i++) {
        figures[i] = times.phases[i];
        step += figures[i];
    }
    figures[COLUMN_STEP] = slowest(bench->world, step);
    figures[COLUMN_PRODUCTS] = matrix_product_rate(during);
    result->executed_flops = (double)(kernels->flops - flops_before);
}

static void measure_peers(struct step_bench *bench, double figures[COLUMNS],
                          const struct step_bench_result *result)
{
    world_barrier(bench->world);
    const double sgemm = run_plain_products(bench);
    const double ceiling = ceiling_flops_per_second(bench->kernels, bench->kernels->element);
    const double step_rate = result->executed_flops / figures[COLUMN_STEP];
    figures[COLUMN_SGEMM] = sgemm;
    figures[COLUMN_CEILING] = ceiling;
    figures[COLUMN_COPY] = ceiling_bytes_per_second(bench->kernels, &bench->copy);
    figures[COLUMN_PRODUCTS_OF_SGEMM] = figures[COLUMN_PRODUCTS] / sgemm;
    figures[COLUMN_STEP_OF_SGEMM] = step_rate / sgemm;
    figures[COLUMN_PRODUCTS_OF_CEILING] = figures[COLUMN_PRODUCTS] / ceiling;
    figures[COLUMN_STEP_OF_CEILING] = step_rate / ceiling;
}

static void run_rounds(struct step_bench *bench, double *columns, struct step_bench_result *result)
{
    struct kernel_profile before[KERNELS];
    double figures[COLUMNS];
    int64_t repeats = bench->repeats;

    measure_step(bench, figures, result); /* touches memory for the first time */
    result->peak_bytes = slowest(bench->world, (double)peak_memory_bytes());
    prepare_peers(bench);
    memcpy(before, bench->kernels->profile, sizeof before);
    for (int64_t round = 0; round < repeats; round++) {
        measure_step(bench, figures, result);
        measure_peers(bench, figures, result);
        for (int i = 0; i < COLUMNS; i++)
            columns[i * repeats + round] = figures[i];
        result->profiled_seconds += figures[COLUMN_STEP];
        result->reduce_seconds += figures[PHASE_REDUCE];
    }
    memcpy(result->profile, bench->kernels->profile, sizeof result->profile);
    profile_since(result->profile, before);
}

static struct measured measured_column(double *columns, int column, int64_t repeats)
{
    return measured_of(columns + column * repeats, repeats);
}

void step_bench_run(const struct world *world, struct kernels *kernels,
                    const struct sample_plan *plan, int64_t repeats,
                    struct step_bench_result *result)
{
    struct step_bench bench = {
        .world = world,
        .plan = plan,
        .repeats = repeats,
        .kernels = kernels,
        .is_beside = world->node_size < world->size,
    };
    double *columns = memory_alloc_zeroed((size_t)(COLUMNS * repeats), sizeof *columns);

    *result = (struct step_bench_result){ 0 };
    bench.sample = sample_step_create(world, kernels, plan);
    run_rounds(&bench, columns, result);
    if (world->size > 1)
        overlap_bench_run(world, bench.sample, repeats, &result->overlap);
    sample_step_free(bench.sample);
    release_peers(&bench);

    for (int i = 0; i < PHASES; i++)
        result->phase_seconds[i] = measured_column(columns, i, repeats).median;
    result->step_seconds = measured_column(columns, COLUMN_STEP, repeats);
    result->products = measured_column(columns, COLUMN_PRODUCTS, repeats);
    result->sgemm = measured_column(columns, COLUMN_SGEMM, repeats);
    result->ceiling = measured_column(columns, COLUMN_CEILING, repeats);
    result->copy = measured_column(columns, COLUMN_COPY, repeats);
    result->products_of_sgemm = measured_column(columns, COLUMN_PRODUCTS_OF_SGEMM, repeats);
    result->step_of_sgemm = measured_column(columns, COLUMN_STEP_OF_SGEMM, repeats);
    result->products_of_ceiling = measured_column(columns, COLUMN_PRODUCTS_OF_CEILING, repeats);
    result->step_of_ceiling = measured_column(columns, COLUMN_STEP_OF_CEILING, repeats);
    const double tokens = (double)(plan->sequences * plan->positions);
    result->model_flops = tokens * model_flops_per_token(&plan->model, plan->positions);
    result->tokens_per_second = tokens * world->size / result->step_seconds.median;
    memory_free(columns);
}
