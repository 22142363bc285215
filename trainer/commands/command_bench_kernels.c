#include "trainer/commands/command.h"

#include <stdio.h>

#include "trainer/commands/bench_options.h"
#include "trainer/commands/json_output.h"
#include "trainer/training/kernel_bench.h"

static void print_figures(const struct kernel_figures *figures)
{
    char shape[40] = "";
    if (figures->M)
        snprintf(shape, sizeof shape, "%lld x %lld x %lld", (long long)figures->M,
                 (long long)figures->N, (long long)figures->K);
    printf("  %-25s %-22s %9.3f %6.1f %9.1f %s %6.1f %%", figures->name, shape,
           1e3 * figures->seconds.median, 100 * figures->seconds.spread,
           1e-9 * figures->rate.median, figures->is_product ? "GFLOP/s" : "GB/s   ",
           100 * figures->share.median);
    if (figures->of_sgemm.median > 0)
        printf(" %6.1f %%", 100 * figures->of_sgemm.median);
    printf("\n");
}

static void print_table(const struct bench_options *options, const struct kernels *kernels,
                        const struct kernel_bench_result *result)
{
    bench_options_print(options, kernels, 1);
    printf("ceilings: %.1f GFLOP/s in registers (+- %.1f %%), %.1f GB/s in a copy (+- %.1f %%)\n\n",
           1e-9 * result->ceiling.median, 100 * result->ceiling.spread, 1e-9 * result->copy.median,
           100 * result->copy.spread);
    printf("  %-25s %-22s %9s %6s %17s %8s %8s\n", "kernel", "M x N x K", "ms a call", "+- %",
           "rate", "ceiling", "sgemm");
    for (int i = 0; i < result->count; i++)
        print_figures(&result->figures[i]);
}

static struct json *figures_to_json(const struct kernel_figures *figures)
{
    struct json *json = json_new_object();
    json_put_text(json, "name", figures->name);
    if (figures->M) {
        json_put_integer(json, "M", figures->M);
        json_put_integer(json, "N", figures->N);
        json_put_integer(json, "K", figures->K);
    }
    json_put_number(json, "seconds", figures->seconds.median);
    json_put_number(json, "seconds_spread", figures->seconds.spread);
    json_put_number(json, figures->is_product ? "flops_per_second" : "bytes_per_second",
                    figures->rate.median);
    json_put_number(json, "share_of_ceiling", figures->share.median);
    if (figures->of_sgemm.median > 0)
        json_put_number(json, "share_of_sgemm", figures->of_sgemm.median);
    return json;
}

static void print_json(const struct bench_options *options, const struct kernels *kernels,
                       const struct kernel_bench_result *result)
{
    struct json *json = json_new_object(), *list = json_new_array();
    bench_options_put(options, kernels, 1, json);
    json_put_number(json, "ceiling_flops_per_second", result->ceiling.median);
    json_put_number(json, "ceiling_spread", result->ceiling.spread);
    json_put_number(json, "copy_bytes_per_second", result->copy.median);
    json_put_number(json, "copy_spread", result->copy.spread);
    for (int i = 0; i < result->count; i++)
        json_append(list, figures_to_json(&result->figures[i]));
    json_put(json, "kernels", list);
    json_output_print(json, JSON_COMPACT);
    json_free(json);
}

static enum status run(const struct world *world, const void *given, const char *const *positionals,
                       int count)
{
    (void)positionals;
    (void)count;
    const struct bench_options *options = given;
    struct sample_plan plan = { .sequences = options->batch,
                                .positions = options->seq_len,
                                .recompute = (enum recompute)options->recompute };
    struct kernel_bench_result result;
    struct kernels kernels;
    if (world->size > 1)
        return bad_input("cannot measure kernels on %d ranks: start it without mpirun",
                         world->size);
    TRY(bench_options_model(options, &plan.model));
    TRY(bench_options_open(options, &kernels));
    plan.model.layers = 1; /* all are alike */

    kernel_bench_run(world, &kernels, &plan, options->repeats, &result);
    if (options->json)
        print_json(options, &kernels, &result);
    else
        print_table(options, &kernels, &result);
    kernels_close(&kernels);
    return STATUS_OK;
}

const struct command command_bench_kernels = {
    .name = "bench kernels",
    .arguments = "",
    .summary = "measure each kernel at a model's shapes beside the machine's ceilings",
    .description =
        "Measures each matrix product of a layer and of the head alone, beside cblas_sgemm of the\n"
        "same shape, and every kernel as a step with one layer calls it. Tells time, GFLOP/s or\n"
        "GB/s, and the share of the ceiling that was measured in the same round. Bytes that stay\n"
        "in the caches can be faster than a copy of memory. docs/benchmarks.md says how.\n"
        "\n"
        "    eon bench kernels --batch=4 --seq_len=1024 --precision=bf16",
    .options = bench_option_table,
    .settings_bytes = sizeof(struct bench_options),
    .prepare = bench_options_prepare,
    .run_collective = run,
};
