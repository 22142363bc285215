/* eon logits: what a model thinks comes next, in numbers, to compare it with other programs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"
#include "trainer/commands/kernel_options.h"
#include "trainer/training/model_loading.h"

struct logits_settings {
    struct kernel_options compute; /* first */
    char *model, *tokens, *text;
};

#define AT(member) offsetof(struct logits_settings, member)

/* clang-format off */
static const struct option_spec logits_options[] = {
    { .key = "model", .type = OPTION_TEXT, .offset = AT(model),
      .help = "a checkpoint's folder, or a run's: its newest valid checkpoint" },
    { .key = "tokens", .type = OPTION_TEXT, .offset = AT(tokens), .default_text = "",
      .help = "token ids with commas between them, such as 1,2,3" },
    { .key = "text", .type = OPTION_TEXT, .offset = AT(text), .default_text = "",
      .has_lines = true,
      .help = "instead of tokens: a text, cut by the model's own tokenizer" },
    KERNEL_OPTIONS("1"),
    { 0 }
};
/* clang-format on */

/* Decimal ids with single commas between them: no signs, no blanks. */
static enum status parse_tokens(const char *list, int64_t vocab_size, struct token_buffer *tokens)
{
    for (const char *at = list;; at++) {
        char *end = (char *)at;
        errno = 0;
        long long id = *at >= '0' && *at <= '9' ? strtoll(at, &end, 10) : -1;
        if (end == at || (*end != ',' && *end != '\0'))
            return bad_input("cannot read --tokens: no list of token ids at byte %lld of '%s'",
                             (long long)(at - list), list);
        if (errno != 0 || id >= vocab_size)
            return bad_input("cannot use --tokens: %.*s is beyond the vocabulary of %lld",
                             (int)(end - at > 32 ? 32 : end - at), at, (long long)vocab_size);
        token_buffer_add(tokens, (int32_t)id);
        at = end;
        if (*at == '\0')
            return STATUS_OK;
    }
}

static enum status read_tokens(const struct logits_settings *settings,
                               const struct loaded_model *loaded, struct token_buffer *tokens)
{
    const struct model_config *config = &loaded->model.config;
    if ((settings->tokens[0] != '\0') == (settings->text[0] != '\0'))
        return bad_input("'eon logits' needs either --tokens or --text");
    if (settings->tokens[0] != '\0') {
        TRY(parse_tokens(settings->tokens, config->vocab_size, tokens));
    } else {
        TRY(loaded_model_need_tokenizer(loaded, settings->model));
        struct encoder *encoder = encoder_create(loaded->tokenizer);
        encoder_add(encoder, settings->text, strlen(settings->text), tokens);
        encoder_free(encoder);
    }
    if (tokens->count > config->max_positions)
        return bad_input("cannot take %lld tokens: the model has %lld positions",
                         (long long)tokens->count, (long long)config->max_positions);
    return STATUS_OK;
}

static struct json *logits_of_position(struct model *model, struct kernels *kernels,
                                       struct activations *activations, int64_t position,
                                       real *logits)
{
    struct json *row = json_new_array();
    model_logits(model, kernels, activations, 0, position, logits);
    for (int64_t v = 0; v < model->config.vocab_size; v++)
        json_append_number(row, (double)logits[v]);
    return row;
}

/* {"step": ..., "tokens": [T], "logits": [T][V]} */
static void print_logits(struct loaded_model *loaded, struct kernels *kernels,
                         const struct token_buffer *tokens)
{
    struct model *model = &loaded->model;
    int64_t positions = tokens->count;
    struct batch batch = { .sequences = 1, .positions = positions, .tokens = tokens->ids };
    struct activations *activations =
        activations_create(&model->config, &(struct activations_plan){ .B = 1, .T = positions });
    real *logits = memory_alloc_zeroed((size_t)model->config.vocab_size, sizeof *logits);
    struct json *object = json_new_object(), *ids = json_new_array(), *rows = json_new_array();

    model_forward(model, kernels, &batch, activations);
    for (int64_t position = 0; position < positions; position++) {
        json_append_integer(ids, tokens->ids[position]);
        json_append(rows, logits_of_position(model, kernels, activations, position, logits));
    }
    json_put_integer(object, "step", loaded->step);
    json_put(object, "tokens", ids);
    json_put(object, "logits", rows);
    json_output_print(object, JSON_COMPACT);
    json_free(object);
    memory_free(logits);
    activations_free(activations);
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    (void)positionals;
    (void)count;
    const struct logits_settings *settings = given;
    struct kernels kernels;
    struct loaded_model loaded;
    struct token_buffer tokens = { 0 };
    TRY(kernel_options_open(&settings->compute, &kernels));
    enum status status = model_load(settings->model, &loaded);
    if (status == STATUS_OK) {
        status = read_tokens(settings, &loaded, &tokens);
        if (status == STATUS_OK)
            print_logits(&loaded, &kernels, &tokens);
        token_buffer_release(&tokens);
        loaded_model_release(&loaded);
    }
    kernels_close(&kernels);
    return status;
}

const struct command command_logits = {
    .name = "logits",
    .arguments = "",
    .summary = "print a model's logits at every position of a text",
    .description =
        "Prints one JSON object: the step of the checkpoint, the tokens, and for each of them the\n"
        "logits of what follows. It is what tests/golden/compare_transformers.py reads.\n"
        "\n"
        "    eon logits --model=runs/first --tokens=1,2,3\n"
        "    eon logits --model=runs/first/checkpoints/step-00001000 --text=\"Emacs is\"",
    .options = logits_options,
    .settings_bytes = sizeof(struct logits_settings),
    .run = run,
};
