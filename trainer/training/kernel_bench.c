#include "trainer/training/kernel_bench.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "trainer/kernels/ceiling.h"
#include "trainer/kernels/blas.h"
#include "trainer/kernels/product.h"

/* In the order of model_step_products. */
static const char *const matrix_names[] = { "qkv", "project", "expand", "contract", "head" };
static const char *const role_names[] = { "forward", "input gradient", "weight gradient" };
enum { ROLES = 3 };

/* What is shorter is run several times in a row. */
static const double shortest_s = 5e-3;

/* The figures of one line, `repeats` values each. */
struct samples {
    double *seconds, *rate, *share, *of_sgemm;
};

struct kernel_bench {
    struct kernels *kernels;
    int64_t repeats;
    struct product_shape shapes[ALONE_PRODUCTS];
    float *A, *B, *C; /* as large as the largest operands */
    struct sample_step *sample;
    struct ceiling_copy copy;
    struct samples lines[KERNEL_FIGURES_MOST];
    double *ceilings, *copies;
    struct kernel_profile profile[KERNELS]; /* of the last step */
};

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Values near 1: time does not depend on them, as long as none is a denormal. */
static float *floats(int64_t count)
{
    float *values = memory_alloc((size_t)count * sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(i % 17) / 16 - 0.5f;
    return values;
}

static void bench_init(struct kernel_bench *bench, const struct world *world,
                       struct kernels *kernels, const struct sample_plan *plan, int64_t repeats)
{
    int64_t A = 0, B = 0, C = 0;
    *bench = (struct kernel_bench){ .kernels = kernels, .repeats = repeats };
    model_step_products(&plan->model, plan->sequences, plan->positions, bench->shapes,
                        ALONE_PRODUCTS);
    for (int i = 0; i < ALONE_PRODUCTS; i++) {
        const struct product_shape *shape = &bench->shapes[i];
        A = larger(A, shape->M * shape->K);
        B = larger(B, shape->K * shape->N);
        C = larger(C, shape->M * shape->N);
    }
    bench->A = floats(A);
    bench->B = floats(B);
    bench->C = floats(C);
    for (int i = 0; i < KERNEL_FIGURES_MOST; i++) {
        double *values = memory_alloc_zeroed((size_t)(4 * repeats), sizeof *values);
        bench->lines[i] = (struct samples){ values, values + repeats, values + 2 * repeats,
                                            values + 3 * repeats };
    }
    bench->ceilings = memory_alloc_zeroed((size_t)repeats, sizeof(double));
    bench->copies = memory_alloc_zeroed((size_t)repeats, sizeof(double));
    ceiling_copy_init(&bench->copy);
    bench->sample = sample_step_create(world, kernels, plan);
}

static void bench_release(struct kernel_bench *bench)
{
    sample_step_free(bench->sample);
    ceiling_copy_release(&bench->copy);
    for (int i = 0; i < KERNEL_FIGURES_MOST; i++)
        memory_free(bench->lines[i].seconds);
    memory_free(bench->ceilings);
    memory_free(bench->copies);
    memory_free(bench->A);
    memory_free(bench->B);
    memory_free(bench->C);
}

static bool is_weight_gradient(int product)
{
    return product % ROLES == 2;
}

/* Seconds of one call. */
static double time_own_product(struct kernel_bench *bench, int index)
{
    const struct product_shape *s = &bench->shapes[index];
    struct product product = { .id = KERNEL_OTHER,
                               .M = s->M,
                               .N = s->N,
                               .K = s->K,
                               .A = bench->A,
                               .lda = s->A_transposed ? s->M : s->K,
                               .A_transposed = s->A_transposed,
                               .B = bench->B,
                               .ldb = s->B_transposed ? s->K : s->N,
                               .B_transposed = s->B_transposed,
                               .C = bench->C,
                               .ldc = s->N,
                               .add = is_weight_gradient(index) };
    double begun = clock_seconds(), took;
    int64_t calls = 0;
    do {
        kernels_product(bench->kernels, &product);
        calls++;
        took = clock_seconds() - begun;
    } while (took < shortest_s);
    return took / (double)calls;
}

static double time_plain_product(struct kernel_bench *bench, int index)
{
    const struct product_shape *s = &bench->shapes[index];
    struct plain_product product = { s->M,     s->N,     s->K,    s->A_transposed, s->B_transposed,
                                     bench->A, bench->B, bench->C };
    double took = 0;
    int64_t calls = 0;
    for (; took < shortest_s; calls++)
        took += plain_product_seconds(&product, thread_pool_size(bench->kernels->pool));
    return took / (double)calls;
}

static void measure_products(struct kernel_bench *bench, int64_t round)
{
    for (int i = 0; i < ALONE_PRODUCTS; i++) {
        const struct product_shape *s = &bench->shapes[i];
        struct samples *line = &bench->lines[i];
        double flops = 2.0 * (double)s->M * (double)s->N * (double)s->K;
        double own_s = time_own_product(bench, i), plain_s = time_plain_product(bench, i);
        line->seconds[round] = own_s;
        line->rate[round] = flops / own_s;
        line->share[round] = flops / own_s / bench->ceilings[round];
        line->of_sgemm[round] = plain_s / own_s;
    }
}

static void measure_step(struct kernel_bench *bench, int64_t round)
{
    struct sample_times times;
    struct kernel_profile before[KERNELS];
    memcpy(before, bench->kernels->profile, sizeof before);
    sample_step_run(bench->sample, false, &times);
    memcpy(bench->profile, bench->kernels->profile, sizeof bench->profile);
    profile_since(bench->profile, before);

    for (int id = 0; id < KERNELS; id++) {
        const struct kernel_profile *kernel = &bench->profile[id];
        struct samples *line = &bench->lines[ALONE_PRODUCTS + id];
        if (kernel->calls == 0)
            continue;
        bool multiplies = kernel->flops > 0;
        double work = (double)(multiplies ? kernel->flops : kernel->bytes);
        line->seconds[round] = kernel->seconds / (double)kernel->calls;
        line->rate[round] = work / kernel->seconds;
        line->share[round] =
            line->rate[round] / (multiplies ? bench->ceilings[round] : bench->copies[round]);
    }
}

static void measure_round(struct kernel_bench *bench, int64_t round)
{
    bench->ceilings[round] = ceiling_flops_per_second(bench->kernels, bench->kernels->element);
    bench->copies[round] = ceiling_bytes_per_second(bench->kernels, &bench->copy);
    measure_products(bench, round);
    measure_step(bench, round);
}

static void add_figures(struct kernel_bench *bench, int index, struct kernel_figures figures,
                        struct kernel_bench_result *result)
{
    const struct samples *line = &bench->lines[index];
    figures.seconds = measured_of(line->seconds, bench->repeats);
    figures.rate = measured_of(line->rate, bench->repeats);
    figures.share = measured_of(line->share, bench->repeats);
    if (index < ALONE_PRODUCTS)
        figures.of_sgemm = measured_of(line->of_sgemm, bench->repeats);
    result->figures[result->count++] = figures;
}

static void gather_result(struct kernel_bench *bench, struct kernel_bench_result *result)
{
    *result = (struct kernel_bench_result){ 0 };
    result->ceiling = measured_of(bench->ceilings, bench->repeats);
    result->copy = measured_of(bench->copies, bench->repeats);
    for (int i = 0; i < ALONE_PRODUCTS; i++) {
        const struct product_shape *s = &bench->shapes[i];
        struct kernel_figures figures = { .M = s->M, .N = s->N, .K = s->K, .is_product = true };
        snprintf(figures.name, sizeof figures.name, "%s %s", matrix_names[i / ROLES],
                 role_names[i % ROLES]);
        add_figures(bench, i, figures, result);
    }
    for (int id = 0; id < KERNELS; id++) {
        struct kernel_figures figures = { .is_product = bench->profile[id].flops > 0 };
        if (bench->profile[id].calls == 0)
            continue;
        snprintf(figures.name, sizeof figures.name, "%s", kernel_names[id]);
        add_figures(bench, ALONE_PRODUCTS + id, figures, result);
    }
}

void kernel_bench_run(const struct world *world, struct kernels *kernels,
                      const struct sample_plan *plan, int64_t repeats,
                      struct kernel_bench_result *result)
{
    struct kernel_bench bench;
    bench_init(&bench, world, kernels, plan, repeats);
    measure_round(&bench, 0); /* touches memory for the first time; written over */
    for (int64_t round = 0; round < repeats; round++)
        measure_round(&bench, round);
    gather_result(&bench, result);
    bench_release(&bench);
}
