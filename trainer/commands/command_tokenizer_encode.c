/* eon tokenizer encode: the ids of a text. */
#include <stdio.h>

#include "shards/text_reader.h"
#include "shards/tokenizer.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"

struct tokenizer_encode_settings {
    char *tokenizer;
    bool json;
};

#define SETTING(member) .offset = offsetof(struct tokenizer_encode_settings, member)

static const struct option_spec tokenizer_encode_options[] = {
    { .key = "tokenizer",
      .type = OPTION_TEXT,
      SETTING(tokenizer),
      .section = "Vocabulary",
      .help = "tokenizer.json, or GPT-2's two files: ENCODER.json,VOCAB.bpe" },
    { .key = "json",
      .type = OPTION_BOOL,
      SETTING(json),
      .default_text = "false",
      .section = "Output",
      .help = "print one JSON object" },
    { 0 },
};

/* The whole file as one text: what is cut apart would be encoded differently. */
static enum status encode_file(const struct tokenizer *tokenizer, const char *path,
                               struct token_buffer *ids, int64_t *bytes)
{
    const struct text_rules whole = { 0 };
    struct text_reader *reader;
    struct strbuf text = STRBUF_INIT;
    bool found;
    TRY(text_reader_open(path, &whole, &reader));
    enum status status = text_reader_next(reader, &text, &found);
    *bytes = text_reader_bytes(reader);
    text_reader_close(reader);
    if (status == STATUS_OK) {
        struct encoder *encoder = encoder_create(tokenizer);
        encoder_add(encoder, text.bytes, text.length, ids);
        encoder_free(encoder);
    }
    strbuf_release(&text);
    return status;
}

static void print_ids(const struct token_buffer *ids)
{
    for (int64_t i = 0; i < ids->count; i++)
        printf("%s%d", i ? " " : "", ids->ids[i]);
    printf("\n");
}

static void print_json(const struct token_buffer *ids, int64_t bytes,
                       const struct tokenizer *tokenizer)
{
    struct json *object = json_new_object(), *list = json_new_array();
    for (int64_t i = 0; i < ids->count; i++)
        json_append_integer(list, ids->ids[i]);
    json_put_text(object, "tokenizer_digest", tokenizer_digest(tokenizer));
    json_put_integer(object, "bytes", bytes);
    json_put_integer(object, "tokens", ids->count);
    json_put(object, "ids", list);
    json_output_print(object, JSON_COMPACT);
    json_free(object);
}

static enum status tokenizer_encode_run(const void *given, const char *const *positionals,
                                        int count)
{
    const struct tokenizer_encode_settings *settings = given;
    struct tokenizer *tokenizer;
    struct token_buffer ids = { 0 };
    int64_t bytes = 0;
    TRY(tokenizer_open(settings->tokenizer, &tokenizer));
    enum status status =
        encode_file(tokenizer, count > 0 ? positionals[0] : "/dev/stdin", &ids, &bytes);
    if (status == STATUS_OK && settings->json)
        print_json(&ids, bytes, tokenizer);
    else if (status == STATUS_OK)
        print_ids(&ids);
    token_buffer_release(&ids);
    tokenizer_free(tokenizer);
    return status;
}

const struct command command_tokenizer_encode = {
    .name = "tokenizer encode",
    .arguments = "[INPUT]",
    .summary = "print the token ids of a text",
    .description = "Encodes a file, plain or gzip, or standard input, as one text, and prints its\n"
                   "ids on one line. Special tokens in the text are plain text.\n"
                   "\n"
                   "    eon tokenizer encode --tokenizer=tokenizer.json book.txt\n"
                   "    echo hello | eon tokenizer encode --tokenizer=encoder.json,vocab.bpe\n",
    .options = tokenizer_encode_options,
    .settings_bytes = sizeof(struct tokenizer_encode_settings),
    .max_positionals = 1,
    .run = tokenizer_encode_run,
};
