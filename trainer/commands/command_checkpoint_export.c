/* eon checkpoint export: a model for programs that read GGUF. */
#include <stdio.h>

#include "base/json.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"
#include "trainer/training/gguf_export.h"

struct export_settings {
    char *out, *name;
    int type;
    bool json;
};

#define AT(member) offsetof(struct export_settings, member)

static const char *const type_names[] = { "f32", "f16", "bf16", "q8_0", NULL };
static const enum gguf_type types[] = { GGUF_F32, GGUF_F16, GGUF_BF16, GGUF_Q8_0 };

/* clang-format off */
static const struct option_spec export_options[] = {
    { .section = "File", .key = "out", .type = OPTION_TEXT, .offset = AT(out),
      .help = "the GGUF file to write; one that is there is replaced" },
    { .key = "type", .type = OPTION_CHOICE, .offset = AT(type), .choices = type_names,
      .default_text = "f32", .help = "of the matrices' elements; vectors and positions stay f32" },
    { .key = "name", .type = OPTION_TEXT, .offset = AT(name), .default_text = "",
      .help = "what the file calls the model; empty: as CHECKPOINT_OR_RUN ends" },
    { .section = "Output", .key = "json", .type = OPTION_BOOL, .offset = AT(json),
      .default_text = "false", .help = "print one JSON object" },
    { 0 }
};
/* clang-format on */

static void print_json(const struct export_settings *settings,
                       const struct gguf_export_report *report)
{
    struct json *json = json_new_object();
    json_put_text(json, "out", settings->out);
    json_put_text(json, "type", type_names[settings->type]);
    json_put_integer(json, "step", report->step);
    json_put_integer(json, "tensors", report->tensors);
    json_put_integer(json, "f32_tensors", report->f32_tensors);
    json_put_integer(json, "f16_instead", report->f16_instead);
    json_put_integer(json, "tokens", report->tokens);
    json_put_integer(json, "bytes", report->bytes);
    json_output_print(json, JSON_INDENTED);
    json_free(json);
}

static void print_text(const struct export_settings *settings,
                       const struct gguf_export_report *report)
{
    const char *type = type_names[settings->type];
    printf("step %lld as %s: %lld tensors, ", (long long)report->step, type,
           (long long)report->tensors);
    if (report->f16_instead > 0)
        printf("%lld of them f16 as their rows are no whole blocks of %s, ",
               (long long)report->f16_instead, type);
    if (report->tokens > 0)
        printf("%lld tokens, ", (long long)report->tokens);
    else
        printf("no tokenizer, ");
    printf("%lld bytes, read back whole  %s\n", (long long)report->bytes, settings->out);
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    const struct export_settings *settings = given;
    const struct gguf_export_request request = { .checkpoint_or_run = positionals[0],
                                                 .out = settings->out,
                                                 .name = settings->name,
                                                 .type = types[settings->type] };
    struct gguf_export_report report;
    (void)count;
    TRY(gguf_export(&request, &report));
    if (settings->json)
        print_json(settings, &report);
    else
        print_text(settings, &report);
    return STATUS_OK;
}

const struct command command_checkpoint_export = {
    .name = "checkpoint export",
    .arguments = "CHECKPOINT_OR_RUN",
    .summary = "write a model as a GGUF file, for llama.cpp",
    .description =
        "Writes the parameters, the tokenizer and what a reader must know of both into one file\n"
        "that llama.cpp and what is built on it load. It is written beside its place, read back\n"
        "and compared, and then renamed. Of a run's folder the newest valid checkpoint is taken.\n"
        "All checksums are verified first. What is in the file: docs/export.md.\n"
        "\n"
        "    eon checkpoint export runs/first --out=first.gguf --type=q8_0\n",
    .options = export_options,
    .settings_bytes = sizeof(struct export_settings),
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run,
};
