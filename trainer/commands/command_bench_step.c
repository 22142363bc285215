#include "trainer/commands/command.h"

#include <stdio.h>

#include "trainer/commands/bench_options.h"
#include "trainer/commands/json_output.h"
#include "trainer/reports/step_profile.h"
#include "trainer/training/step_bench.h"

static struct step_profile profile_of(const struct bench_options *options,
                                      const struct step_bench_result *result,
                                      struct profile_stage *reduction)
{
    *reduction = (struct profile_stage){ "reduction", result->reduce_seconds };
    return (struct step_profile){ .kernels = result->profile,
                                  .stages = reduction,
                                  .stage_count = 1,
                                  .steps = options->repeats,
                                  .seconds = result->profiled_seconds };
}

static void print_rate(const char *name, struct measured rate, const char *unit)
{
    printf("  %-34s %9.1f %s  (+- %.1f %%)\n", name, 1e-9 * rate.median, unit, 100 * rate.spread);
}

static void print_share(const char *name, struct measured share)
{
    printf("  %-34s %9.1f %%\n", name, 100 * share.median);
}

static void print_rates(const struct step_bench_result *result)
{
    const double seconds = result->step_seconds.median;
    printf("  %-34s %9.1f GFLOP/s a rank\n", "step, executed operations",
           1e-9 * result->executed_flops / seconds);
    printf("  %-34s %9.1f GFLOP/s a rank\n", "step, model operations",
           1e-9 * result->model_flops / seconds);
    print_rate("matrix products within the step", result->products, "GFLOP/s a rank");
    print_rate("cblas_sgemm, the same products", result->sgemm, "GFLOP/s a rank");
    print_rate("ceiling, in registers", result->ceiling, "GFLOP/s a rank");
    print_rate("ceiling, a copy", result->copy, "GB/s a rank");
    printf("\n");
    print_share("products of cblas_sgemm", result->products_of_sgemm);
    print_share("whole step of cblas_sgemm", result->step_of_sgemm);
    print_share("products of the ceiling", result->products_of_ceiling);
    print_share("whole step of the ceiling", result->step_of_ceiling);
    printf("  %-34s %9.1f %%\n", "the same in model operations",
           100 * result->step_of_ceiling.median * result->model_flops / result->executed_flops);
}

static void print_seconds(const char *name, struct measured seconds)
{
    printf("  %-34s %9.1f ms  (+- %.1f %%)\n", name, 1e3 * seconds.median, 100 * seconds.spread);
}

static void print_overlap(const struct overlap_bench_result *overlap)
{
    printf("\n");
    print_seconds("step, communication after the rest", overlap->apart);
    print_seconds("  reduction of gradients", overlap->reduction);
    print_seconds("  gathering of parameters", overlap->gathering);
    print_seconds("  what of both can be hidden", overlap->hideable);
    print_seconds("step, communication beside", overlap->beside);
    print_seconds("  reduction that is exposed", overlap->exposed_reduction);
    print_seconds("  gathering that is exposed", overlap->exposed_gathering);
    printf("  %-34s %9.1f %%\n", "  exposed, of the step",
           100 * (overlap->exposed_reduction.median + overlap->exposed_gathering.median) /
               overlap->beside.median);
    print_share("hidden of what can be", overlap->hidden_share);
}

static void print_table(const struct bench_options *options, const struct kernels *kernels,
                        const struct world *world, const struct step_bench_result *result)
{
    bench_options_print(options, kernels, world->size);
    printf("\n");
    for (int i = 0; i < PHASES; i++)
        printf("  %-10s %9.1f ms\n", step_phase_names[i], 1e3 * result->phase_seconds[i]);
    printf("  %-10s %9.1f ms  (+- %.1f %%)\n\n", "step", 1e3 * result->step_seconds.median,
           100 * result->step_seconds.spread);
    printf("  %-34s %9.1f\n", "tokens a second", result->tokens_per_second);
    printf("  %-34s %9.1f MiB a rank\n", "peak memory", result->peak_bytes / 1048576);
    print_rates(result);
    if (world->size > 1)
        print_overlap(&result->overlap);

    struct profile_stage reduction;
    struct step_profile profile = profile_of(options, result, &reduction);
    struct strbuf table = STRBUF_INIT;
    step_profile_print(&profile, &table);
    printf("\n%s", table.bytes);
    strbuf_release(&table);
}

static void put_measured(struct json *json, const char *name, struct measured measured)
{
    struct json *value = json_new_object();
    json_put_number(value, "median", measured.median);
    json_put_number(value, "spread", measured.spread);
    json_put(json, name, value);
}

static void put_overlap(struct json *json, const struct overlap_bench_result *overlap)
{
    struct json *value = json_new_object();
    put_measured(value, "apart_seconds", overlap->apart);
    put_measured(value, "reduction_seconds", overlap->reduction);
    put_measured(value, "gathering_seconds", overlap->gathering);
    put_measured(value, "hideable_seconds", overlap->hideable);
    put_measured(value, "beside_seconds", overlap->beside);
    put_measured(value, "exposed_reduction_seconds", overlap->exposed_reduction);
    put_measured(value, "exposed_gathering_seconds", overlap->exposed_gathering);
    put_measured(value, "hidden_share", overlap->hidden_share);
    json_put(json, "overlap", value);
}

static void print_json(const struct bench_options *options, const struct kernels *kernels,
                       const struct world *world, const struct step_bench_result *result)
{
    struct json *json = json_new_object(), *phases = json_new_object();
    struct profile_stage reduction;
    struct step_profile profile = profile_of(options, result, &reduction);
    bench_options_put(options, kernels, world->size, json);
    for (int i = 0; i < PHASES; i++)
        json_put_number(phases, step_phase_names[i], result->phase_seconds[i]);
    json_put(json, "phase_seconds", phases);
    put_measured(json, "step_seconds", result->step_seconds);
    json_put_number(json, "tokens_per_second", result->tokens_per_second);
    json_put_number(json, "peak_bytes", result->peak_bytes);
    json_put_number(json, "executed_flops", result->executed_flops);
    json_put_number(json, "model_flops", result->model_flops);
    put_measured(json, "products_flops_per_second", result->products);
    put_measured(json, "sgemm_flops_per_second", result->sgemm);
    put_measured(json, "ceiling_flops_per_second", result->ceiling);
    put_measured(json, "copy_bytes_per_second", result->copy);
    put_measured(json, "products_of_sgemm", result->products_of_sgemm);
    put_measured(json, "step_of_sgemm", result->step_of_sgemm);
    put_measured(json, "products_of_ceiling", result->products_of_ceiling);
    put_measured(json, "step_of_ceiling", result->step_of_ceiling);
    if (world->size > 1)
        put_overlap(json, &result->overlap);
    json_put(json, "profile", step_profile_to_json(&profile));
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
    struct step_bench_result result;
    struct kernels kernels;
    TRY(world_agree(world, bench_options_model(options, &plan.model)));
    TRY(world_agree(world, bench_options_open(options, &kernels)));

    step_bench_run(world, &kernels, &plan, options->repeats, &result);
    if (world->rank == 0 && options->json)
        print_json(options, &kernels, world, &result);
    else if (world->rank == 0)
        print_table(options, &kernels, world, &result);
    kernels_close(&kernels);
    return STATUS_OK;
}

const struct command command_bench_step = {
    .name = "bench step",
    .arguments = "",
    .summary = "measure a training step beside cblas_sgemm and the machine's ceilings",
    .description =
        "Runs training steps on random tokens, and in turn the same matrix products by a plain\n"
        "cblas_sgemm with as many threads, the kernel set's operation on registers alone, and a\n"
        "copy. Tells the medians, the shares that the step and its products reach, the peak of\n"
        "memory, and where the step's time went. docs/benchmarks.md says how.\n"
        "\n"
        "    eon bench step --batch=4 --seq_len=1024 --threads=2 --precision=bf16",
    .options = bench_option_table,
    .settings_bytes = sizeof(struct bench_options),
    .prepare = bench_options_prepare,
    .run_collective = run,
};
