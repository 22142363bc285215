/* eon tokenizer encode: the ids of texts. */
#include <stdio.h>

#include "base/clock.h"
#include "shards/inputs/text_reader.h"
#include "shards/tokenizer/tokenizer.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"

enum encode_format { ENCODE_TEXT, ENCODE_BINARY, ENCODE_COUNT };
static const char *const encode_format_names[] = { "text", "binary", "count", NULL };

struct tokenizer_encode_settings {
    char *tokenizer;
    int format;
    int64_t repeats;
    bool json;
};

#define SETTING(member) .offset = offsetof(struct tokenizer_encode_settings, member)

static const struct option_spec tokenizer_encode_options[] = {
    { .key = "tokenizer",
      .type = OPTION_TEXT,
      SETTING(tokenizer),
      .section = "Vocabulary",
      .help = "tokenizer.json, or GPT-2's two files: ENCODER.json,VOCAB.bpe" },
    { .key = "format",
      .type = OPTION_CHOICE,
      SETTING(format),
      .default_text = "text",
      .choices = encode_format_names,
      .section = "Output",
      .help = "a line of decimal ids for each input; int32, little-endian; or their number" },
    { .key = "json",
      .type = OPTION_BOOL,
      SETTING(json),
      .default_text = "false",
      .help = "print a JSON object for each input, with ids unless --format=count" },
    { .key = "repeats",
      .type = OPTION_INTEGER,
      SETTING(repeats),
      .default_text = "1",
      .min = 1,
      .max = 1000,
      .help = "encode so many times; --json tells the CPU seconds of each" },
    { 0 },
};

/* A text, and what came of it. */
struct encoding {
    struct strbuf text;
    struct token_buffer ids;
    struct json *seconds; /* of each time that it was encoded */
};

/* The whole file as one text: what is cut apart would be encoded differently. */
static enum status read_text(const char *path, struct strbuf *text)
{
    const struct text_rules whole = { 0 };
    struct text_reader *reader;
    bool found;
    TRY(text_reader_open(path, &whole, &reader));
    enum status status = text_reader_next(reader, text, &found);
    text_reader_close(reader);
    return status;
}

/* A new encoder each time: it has seen no text yet. */
static void encode(const struct tokenizer *tokenizer, struct encoding *encoding)
{
    double begin = clock_cpu_seconds();
    struct encoder *encoder = encoder_create(tokenizer);
    encoding->ids.count = 0;
    encoder_add(encoder, encoding->text.bytes, encoding->text.length, &encoding->ids);
    encoder_free(encoder);
    json_append_number(encoding->seconds, clock_cpu_seconds() - begin);
}

static void print_ids(const struct token_buffer *ids)
{
    for (int64_t i = 0; i < ids->count; i++)
        printf("%s%d", i ? " " : "", ids->ids[i]);
    printf("\n");
}

static void print_binary(const struct token_buffer *ids)
{
    for (int64_t i = 0; i < ids->count; i++) {
        uint32_t id = (uint32_t)ids->ids[i];
        const unsigned char bytes[] = { id & 255, id >> 8 & 255, id >> 16 & 255, id >> 24 };
        fwrite(bytes, 1, sizeof bytes, stdout);
    }
}

/* Takes the encoding's seconds. */
static void print_json(struct encoding *encoding, const struct tokenizer *tokenizer, bool with_ids)
{
    struct json *object = json_new_object();
    json_put_text(object, "tokenizer_digest", tokenizer_digest(tokenizer));
    json_put_integer(object, "bytes", (int64_t)encoding->text.length);
    json_put_integer(object, "tokens", encoding->ids.count);
    json_put(object, "cpu_seconds", encoding->seconds);
    if (with_ids) {
        struct json *list = json_new_array();
        for (int64_t i = 0; i < encoding->ids.count; i++)
            json_append_integer(list, encoding->ids.ids[i]);
        json_put(object, "ids", list);
    }
    encoding->seconds = NULL;
    json_output_print(object, JSON_COMPACT);
    json_free(object);
}

static void print_encoding(const struct tokenizer_encode_settings *settings,
                           const struct tokenizer *tokenizer, struct encoding *encoding)
{
    if (settings->json)
        print_json(encoding, tokenizer, settings->format != ENCODE_COUNT);
    else if (settings->format == ENCODE_TEXT)
        print_ids(&encoding->ids);
    else if (settings->format == ENCODE_BINARY)
        print_binary(&encoding->ids);
    else
        printf("%lld\n", (long long)encoding->ids.count);
}

static enum status encode_file(const struct tokenizer_encode_settings *settings,
                               const struct tokenizer *tokenizer, const char *path)
{
    struct encoding encoding = { STRBUF_INIT, { 0 }, json_new_array() };
    enum status status = read_text(path, &encoding.text);
    for (int64_t i = 0; i < settings->repeats && status == STATUS_OK; i++)
        encode(tokenizer, &encoding);
    if (status == STATUS_OK)
        print_encoding(settings, tokenizer, &encoding);
    strbuf_release(&encoding.text);
    token_buffer_release(&encoding.ids);
    json_free(encoding.seconds);
    return status;
}

static enum status tokenizer_encode_run(const void *given, const char *const *positionals,
                                        int count)
{
    static const char *const standard_input[] = { "/dev/stdin" };
    const struct tokenizer_encode_settings *settings = given;
    struct tokenizer *tokenizer;
    TRY(tokenizer_open(settings->tokenizer, &tokenizer));
    if (count == 0) {
        positionals = standard_input;
        count = 1;
    }
    enum status status = STATUS_OK;
    for (int i = 0; i < count && status == STATUS_OK; i++)
        status = encode_file(settings, tokenizer, positionals[i]);
    tokenizer_free(tokenizer);
    return status;
}

const struct command command_tokenizer_encode = {
    .name = "tokenizer encode",
    .arguments = "[INPUT...]",
    .summary = "print the token ids of texts",
    .description =
        "Encodes files, plain or gzip, or standard input, each as one text, and prints their\n"
        "ids, a line for each. Special tokens in the text are plain text.\n"
        "\n"
        "    eon tokenizer encode --tokenizer=tokenizer.json book.txt\n"
        "    echo hello | eon tokenizer encode --tokenizer=encoder.json,vocab.bpe\n"
        "    eon tokenizer encode --tokenizer=tokenizer.json --format=count --json book.txt\n",
    .options = tokenizer_encode_options,
    .settings_bytes = sizeof(struct tokenizer_encode_settings),
    .max_positionals = -1,
    .run = tokenizer_encode_run,
};
