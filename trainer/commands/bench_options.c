#include "trainer/commands/bench_options.h"

#include <stdio.h>

#include "trainer/commands/command.h"
#include "trainer/kernels/blas.h"
#include "trainer/training/train_config.h"

#define AT(member) offsetof(struct bench_options, member)

/* clang-format off */
const struct option_spec bench_option_table[] = {
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
    { .key = "precision", .type = OPTION_CHOICE, .offset = AT(precision), .default_text = "fp32",
      .choices = precision_names, .help = "of what products multiply" },
    { .key = "recompute", .type = OPTION_CHOICE, .offset = AT(recompute), .default_text = "none",
      .choices = recompute_names, .help = "what backward computes once more to save memory" },
    { .key = "repeats", .type = OPTION_INTEGER, .offset = AT(repeats), .default_text = "5",
      .min = 1, .max = 10000, .help = "rounds, of which the medians are told" },
    KERNEL_OPTIONS("2"),
    { .key = "json", .type = OPTION_BOOL, .offset = AT(json), .default_text = "false",
      .help = "one JSON object instead of the table" },
    { 0 }
};
/* clang-format on */

enum status bench_options_prepare(const void *settings)
{
    const struct bench_options *options = settings;
    return blas_load(options->compute.kernels);
}

enum status bench_options_model(const struct bench_options *options, struct model_config *model)
{
    *model = (struct model_config){
        .family = (enum model_family)options->family,
        .layers = options->layers,
        .width = options->width,
        .heads = options->heads,
        .kv_heads = options->kv_heads ? options->kv_heads : options->heads,
        .ffn_width = options->ffn_width,
        .vocab_size = options->vocab_size,
        .max_positions = options->seq_len,
        .norm_epsilon = 1e-5,
        .rope_theta = 10000.0,
        .tied_head = true,
    };
    return model_config_check(model);
}

enum status bench_options_open(const struct bench_options *options, struct kernels *kernels)
{
    TRY(kernel_options_open(&options->compute, kernels));
    kernels_set_element(kernels,
                        options->precision == PRECISION_BF16 ? ELEMENT_BF16 : ELEMENT_REAL);
    return STATUS_OK;
}

void bench_options_print(const struct bench_options *options, const struct kernels *kernels,
                         int ranks)
{
    printf("%s, %lld layers of width %lld, batch %lld x %lld, %d rank%s of %lld threads, "
           "kernels %s in %s, %lld rounds\n",
           model_family_names[options->family], (long long)options->layers,
           (long long)options->width, (long long)options->batch, (long long)options->seq_len, ranks,
           ranks == 1 ? "" : "s", (long long)options->compute.threads, kernels->name,
           precision_names[options->precision], (long long)options->repeats);
}

void bench_options_put(const struct bench_options *options, const struct kernels *kernels,
                       int ranks, struct json *json)
{
    json_put_text(json, "kernels", kernels->name);
    json_put_text(json, "precision", precision_names[options->precision]);
    json_put_text(json, "recompute", recompute_names[options->recompute]);
    json_put_text(json, "blas_core", blas_core());
    json_put_integer(json, "ranks", ranks);
    json_put_integer(json, "threads", options->compute.threads);
    json_put_integer(json, "batch", options->batch);
    json_put_integer(json, "seq_len", options->seq_len);
}
