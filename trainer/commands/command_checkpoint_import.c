/* eon checkpoint import: a published model becomes a checkpoint. */
#include <stdio.h>

#include "base/log.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"
#include "trainer/training/model_import.h"

struct import_settings {
    char *out;
    bool json;
};

#define AT(member) offsetof(struct import_settings, member)

/* clang-format off */
static const struct option_spec import_options[] = {
    { .key = "out", .type = OPTION_TEXT, .offset = AT(out),
      .help = "folder of the run that is made; it may be there, without checkpoints" },
    { .key = "json", .type = OPTION_BOOL, .offset = AT(json), .default_text = "false",
      .help = "one JSON object instead of a line" },
    { 0 }
};
/* clang-format on */

static void print_json(const char *out, const struct model_import_report *report)
{
    struct json *json = json_new_object();
    json_put_text(json, "run", out);
    json_put_text(json, "family", model_family_names[report->config.family]);
    json_put_integer(json, "parameters", report->parameters);
    json_put_integer(json, "files", report->files);
    json_put_bool(json, "tokenizer", report->no_tokenizer.length == 0);
    json_output_print(json, JSON_COMPACT);
    json_free(json);
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    (void)count;
    const struct import_settings *settings = given;
    struct model_import_report report;
    TRY(model_import(positionals[0], settings->out, &report));
    if (report.no_tokenizer.length > 0)
        log_warning(
            "the checkpoint has no tokenizer: %s; so 'eon generate' and 'eon logits --text' "
            "refuse it, while token ids work ('eon logits --tokens')",
            report.no_tokenizer.bytes);
    if (settings->json)
        print_json(settings->out, &report);
    else
        printf("imported '%s': a %s of %lld parameters in %lld file%s; begin with it by "
               "--init_from=%s\n",
               positionals[0], model_family_names[report.config.family],
               (long long)report.parameters, (long long)report.files, report.files == 1 ? "" : "s",
               settings->out);
    model_import_report_release(&report);
    return STATUS_OK;
}

const struct command command_checkpoint_import = {
    .name = "checkpoint import",
    .arguments = "FOLDER",
    .summary = "make a checkpoint of a model's folder, as Hugging Face has them",
    .description =
        "Reads a folder with config.json, the weights as safetensors (bf16, fp16 or fp32; one\n"
        "file, or several with model.safetensors.index.json) and a tokenizer.json, or GPT-2's\n"
        "vocab.json and merges.txt: models of the families gpt2 and llama. What eon does not\n"
        "compute, or does not know, is refused by its name. Written is step 0 of a new run,\n"
        "which 'eon generate' and 'eon logits' take, and 'eon train' by --init_from.\n"
        "\n"
        "    eon checkpoint import models/TinyLlama --out=runs/tinyllama\n"
        "    eon generate --model=runs/tinyllama --prompt=\"Once\"\n"
        "    eon train my.ini --init_from=runs/tinyllama --run=runs/tuned --corpus=corpus",
    .options = import_options,
    .settings_bytes = sizeof(struct import_settings),
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run,
};
