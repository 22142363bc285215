#include "trainer/commands/command.h"

#include <stdio.h>

#include "trainer/kernels/blas.h"
#include "trainer/training/step_bench.h"
#include "trainer/commands/json_output.h"
#include "trainer/commands/kernel_options.h"

struct bench_step_settings {
    struct kernel_options compute; /* first */
    int family;
    int64_t layers, width, heads, kv_heads, ffn_width, vocab_size;
    int64_t batch, seq_len, repeats;
    bool json;
};

#define AT(member) offsetof(struct bench_step_settings, member)

/* clang-format off */
static const struct option_spec bench_step_options[] = {
    { .section = "model", .key = "family", .type = OPTION_CHOICE, .offset = AT(family),
      .default_text = "gpt2", .choices = model_family_names,
      .help = "architecture; the defaults are GPT-2 124M" },
    { .key = "layers", .type = OPTION_INTEGER, .offset = AT(layers), .default_text = "12",
      .min = 1, .max = 1024, .help = "transformer blocks" },
    { .key = "width", .type = OPTION_INTEGER, .offset = AT(width), .default_text = "768",
      .min = 1, .max = 65536, .help = "of the hidden state" },
    { .key = "heads", .type = OPTION_INTEGER, .offset = AT(heads), .default_text = "12",
      .min = 1, .max = 1024, .help = "attention heads" },
    { .key = "kv_heads", .type = OPTION_INTEGER, .offset = AT(kv_heads), .default_text = "0",
      .min = 0, .max = 1024, .help = "key-value heads (llama); 0: as many as heads" },
    { .key = "ffn_width", .type = OPTION_INTEGER, .offset = AT(ffn_width), .default_text = "3072",
      .min = 1, .max = 1048576, .help = "of the feed-forward layer" },
    { .key = "vocab_size", .type = OPTION_INTEGER, .offset = AT(vocab_size),
      .default_text = "50257", .min = 2, .max = 1048576, .help = "entries of the vocabulary" },

    { .section = "measurement", .key = "batch", .type = OPTION_INTEGER, .offset = AT(batch),
      .default_text = "4", .min = 1, .max = 4096, .unit = "sequences", .help = "of each rank" },
    { .key = "seq_len", .type = OPTION_INTEGER, .offset = AT(seq_len), .default_text = "256",
      .min = 1, .max = 65536, .unit = "tokens", .help = "length of a sequence" },
    { .key = "repeats", .type = OPTION_INTEGER, .offset = AT(repeats), .default_text = "5",
      .min = 1, .max = 10000, .help = "rounds, of which the medians are told" },
    KERNEL_OPTIONS("2"),
    { .key = "json", .type = OPTION_BOOL, .offset = AT(json), .default_text = "false",
      .help = "one JSON object instead of the table" },
    { 0 }
};
/* clang-format on */

static enum status prepare(const void *given)
{
    const struct bench_step_settings *settings = given;
    return blas_prepare(settings->compute.kernels, command_line_arguments());
}

static enum status plan_from(const struct bench_step_settings *settings,
                             struct step_bench_plan *plan)
{
    *plan = (struct step_bench_plan){
        .model = { .family = (enum model_family)settings->family,
                   .layers = settings->layers,
                   .width = settings->width,
                   .heads = settings->heads,
                   .kv_heads = settings->kv_heads ? settings->kv_heads : settings->heads,
                   .ffn_width = settings->ffn_width,
                   .vocab_size = settings->vocab_size,
                   .max_positions = settings->seq_len,
                   .norm_epsilon = 1e-5,
                   .rope_theta = 10000.0,
                   .tied_head = true },
        .sequences = settings->batch,
        .positions = settings->seq_len,
        .repeats = settings->repeats,
    };
    return model_config_check(&plan->model);
}

static void print_table(const struct bench_step_settings *settings, const struct kernels *kernels,
                        const struct world *world, const struct step_bench_result *result)
{
    printf("%s, %lld layers of width %lld, batch %lld x %lld, %d ranks of %lld threads, "
           "kernels %s on OpenBLAS %s, %lld rounds\n\n",
           model_family_names[settings->family], (long long)settings->layers,
           (long long)settings->width, (long long)settings->batch, (long long)settings->seq_len,
           world->size, (long long)settings->compute.threads, kernels->name, blas_core(),
           (long long)settings->repeats);
    for (int i = 0; i < PHASES; i++)
        printf("  %-10s %9.1f ms\n", step_phase_names[i], 1e3 * result->phase_seconds[i]);
    printf("  %-10s %9.1f ms  (+- %.1f %%)\n\n", "step", 1e3 * result->step_seconds,
           100.0 * result->step_spread);
    printf("  %-24s %9.1f\n", "tokens a second", result->tokens_per_second);
    printf("  %-24s %9.1f GFLOP/s a rank\n", "step, all products",
           1e-9 * result->step_flops_per_second);
    printf("  %-24s %9.1f GFLOP/s a rank  (+- %.1f %%)\n", "cblas_sgemm, the same",
           1e-9 * result->sgemm_flops_per_second, 100.0 * result->sgemm_spread);
    printf("  %-24s %9.1f %%\n", "share of cblas_sgemm", 100.0 * result->share);
}

static void print_json(const struct kernels *kernels, const struct world *world,
                       const struct step_bench_result *result)
{
    struct json *json = json_new_object(), *phases = json_new_object();
    json_put_text(json, "kernels", kernels->name);
    json_put_text(json, "blas_core", blas_core());
    json_put_integer(json, "ranks", world->size);
    for (int i = 0; i < PHASES; i++)
        json_put_number(phases, step_phase_names[i], result->phase_seconds[i]);
    json_put(json, "phase_seconds", phases);
    json_put_number(json, "step_seconds", result->step_seconds);
    json_put_number(json, "step_spread", result->step_spread);
    json_put_number(json, "tokens_per_second", result->tokens_per_second);
    json_put_number(json, "executed_flops", result->executed_flops);
    json_put_number(json, "step_flops_per_second", result->step_flops_per_second);
    json_put_number(json, "sgemm_flops_per_second", result->sgemm_flops_per_second);
    json_put_number(json, "share_of_sgemm", result->share);
    json_output_print(json, JSON_COMPACT);
    json_free(json);
}

static enum status run(const struct world *world, const void *given, const char *const *positionals,
                       int count)
{
    (void)positionals;
    (void)count;
    const struct bench_step_settings *settings = given;
    struct step_bench_plan plan;
    struct step_bench_result result;
    struct kernels kernels;
    TRY(world_agree(world, plan_from(settings, &plan)));
    TRY(world_agree(world, kernel_options_open(&settings->compute, &kernels)));

    step_bench_run(world, &kernels, &plan, &result);
    if (world->rank == 0 && settings->json)
        print_json(&kernels, world, &result);
    else if (world->rank == 0)
        print_table(settings, &kernels, world, &result);
    kernels_close(&kernels);
    return STATUS_OK;
}

const struct command command_bench_step = {
    .name = "bench step",
    .arguments = "",
    .summary = "measure a training step beside plain cblas_sgemm",
    .description =
        "Runs training steps on random tokens, and in turn the same matrix products by a plain\n"
        "cblas_sgemm with as many threads. Tells the medians, and the share of cblas_sgemm's rate\n"
        "that the whole step reaches: products, everything between them, and the optimizer.\n"
        "\n"
        "    eon bench step --batch=4 --seq_len=1024 --threads=2",
    .options = bench_step_options,
    .settings_bytes = sizeof(struct bench_step_settings),
    .prepare = prepare,
    .run_collective = run,
};
