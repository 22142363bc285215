#include "trainer/commands/command.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "trainer/generation/generation.h"
#include "trainer/commands/json_output.h"
#include "trainer/commands/kernel_options.h"

struct generate_settings {
    struct kernel_options compute; /* first */
    char *model, *prompt;
    int64_t tokens, samples, seed, top_k;
    double temperature, top_p;
    bool json;
};

#define AT(member) offsetof(struct generate_settings, member)

/* clang-format off */
static const struct option_spec generate_options[] = {
    { .key = "model", .type = OPTION_TEXT, .offset = AT(model),
      .help = "a checkpoint's folder, or a run's: its newest valid checkpoint" },
    { .key = "prompt", .type = OPTION_TEXT, .offset = AT(prompt), .default_text = "",
      .has_lines = true,
      .help = "text to continue; empty: the beginning of a document" },
    { .key = "tokens", .type = OPTION_INTEGER, .offset = AT(tokens), .default_text = "100",
      .min = 1, .max = 1048576, .help = "length at most; the end of a document ends it earlier" },
    { .key = "samples", .type = OPTION_INTEGER, .offset = AT(samples), .default_text = "1",
      .min = 1, .max = 1e6, .help = "continuations of the same prompt" },
    { .key = "temperature", .type = OPTION_NUMBER, .offset = AT(temperature),
      .default_text = "0.8", .min = 0, .max = 100,
      .help = "divides the logits; 0: always the most probable token" },
    { .key = "top_k", .type = OPTION_INTEGER, .offset = AT(top_k), .default_text = "0",
      .min = 0, .max = 1e9, .help = "draw among so many; 0: all" },
    { .key = "top_p", .type = OPTION_NUMBER, .offset = AT(top_p), .default_text = "0.95",
      .min = 1e-6, .max = 1, .help = "draw among the most probable that reach it together" },
    { .key = "seed", .type = OPTION_INTEGER, .offset = AT(seed), .default_text = "1",
      .min = 0, .max = 9e15, .help = "of the draws: the same seed gives the same text" },
    KERNEL_OPTIONS("1"),
    { .key = "json", .type = OPTION_BOOL, .offset = AT(json), .default_text = "false",
      .help = "one JSON object a sample, with the tokens and FLOPs that it took" },
    { 0 }
};
/* clang-format on */

static void print_bytes(void *context, const char *bytes, size_t length)
{
    fwrite(bytes, 1, length, context);
    fflush(context);
}

static void collect_bytes(void *context, const char *bytes, size_t length)
{
    strbuf_add(context, bytes, length);
}

/* JSON is UTF-8, and a token may end within a character. */
static struct json *text_as_json(const char *text, size_t length)
{
    struct strbuf clean = STRBUF_INIT;
    utf8_add_repaired(&clean, text, length);
    struct json *json = json_new_text(clean.bytes, clean.length);
    strbuf_release(&clean);
    return json;
}

static void print_json(const struct generate_settings *settings,
                       const struct generation_result *result, const struct strbuf *text,
                       int64_t flops, double seconds)
{
    struct json *json = json_new_object();
    json_put(json, "prompt", text_as_json(settings->prompt, strlen(settings->prompt)));
    json_put(json, "text", text_as_json(text->bytes, text->length));
    json_put_integer(json, "prompt_tokens", result->prompt_tokens);
    json_put_integer(json, "tokens", result->tokens);
    json_put_bool(json, "reached_end_of_text", result->reached_end_of_text);
    json_put_integer(json, "executed_flops", flops);
    json_put_number(json, "seconds", seconds);
    json_output_print(json, JSON_COMPACT);
    json_free(json);
}

static enum status generate_one(struct loaded_model *loaded, struct kernels *kernels,
                                const struct generate_settings *settings, int64_t sample)
{
    struct strbuf text = STRBUF_INIT;
    struct generation_result result;
    struct generation_request request = {
        .prompt = settings->prompt,
        .tokens = settings->tokens,
        .sample = sample,
        .sampling = { settings->temperature, settings->top_k, settings->top_p,
                      (uint64_t)settings->seed },
        .emit = settings->json ? collect_bytes : print_bytes,
        .context = settings->json ? (void *)&text : (void *)stdout,
    };
    if (!settings->json)
        fputs(settings->prompt, stdout);
    int64_t flops_before = kernels->flops;
    double begun = clock_seconds();
    enum status status = generation_run(loaded, kernels, &request, &result);
    if (status == STATUS_OK && settings->json)
        print_json(settings, &result, &text, kernels->flops - flops_before,
                   clock_seconds() - begun);
    else if (status == STATUS_OK)
        puts(sample + 1 < settings->samples ? "\n---" : "");
    strbuf_release(&text);
    return status;
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    (void)positionals;
    (void)count;
    const struct generate_settings *settings = given;
    struct kernels kernels;
    struct loaded_model loaded;
    TRY(kernel_options_open(&settings->compute, &kernels));
    enum status status = model_load(settings->model, &loaded);
    if (status == STATUS_OK) {
        status = loaded_model_need_tokenizer(&loaded, settings->model);
        for (int64_t i = 0; i < settings->samples && status == STATUS_OK; i++)
            status = generate_one(&loaded, &kernels, settings, i);
        loaded_model_release(&loaded);
    }
    kernels_close(&kernels);
    return status;
}

const struct command command_generate = {
    .name = "generate",
    .arguments = "",
    .summary = "let a model continue a text",
    .description =
        "Draws tokens one after the other, each from the model's probabilities for the next\n"
        "token, with a key-value cache. The same seed gives the same text.\n"
        "\n"
        "    eon generate --model=runs/first --prompt=\"Emacs is\" --tokens=60",
    .options = generate_options,
    .settings_bytes = sizeof(struct generate_settings),
    .run = run,
};
