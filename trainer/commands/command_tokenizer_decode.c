/* eon tokenizer decode: the text of token ids. */
#include <stdio.h>

#include "shards/inputs/text_reader.h"
#include "shards/tokenizer/tokenizer.h"
#include "trainer/commands/command.h"

struct tokenizer_decode_settings {
    char *tokenizer;
};

static const struct option_spec tokenizer_decode_options[] = {
    { .key = "tokenizer",
      .type = OPTION_TEXT,
      .offset = offsetof(struct tokenizer_decode_settings, tokenizer),
      .section = "Vocabulary",
      .help = "tokenizer.json, or GPT-2's two files: ENCODER.json,VOCAB.bpe" },
    { 0 },
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Decimal numbers with white space between. */
static enum status parse_ids(const struct strbuf *text, const char *source, int64_t vocab_size,
                             struct token_buffer *ids)
{
    for (size_t at = 0; at < text->length;) {
        if (is_space(text->bytes[at])) {
            at++;
            continue;
        }
        size_t begin = at;
        int64_t id = 0;
        while (text->bytes[at] >= '0' && text->bytes[at] <= '9' && id < vocab_size)
            id = 10 * id + (text->bytes[at++] - '0');
        if (at == begin || (id < vocab_size && at < text->length && !is_space(text->bytes[at])))
            return bad_input("cannot decode '%s': byte %zu is in no token id", source, at);
        if (id >= vocab_size)
            return bad_input("cannot decode '%s': the token id at byte %zu is beyond the "
                             "vocabulary of %lld",
                             source, begin, (long long)vocab_size);
        token_buffer_add(ids, (int32_t)id);
    }
    return STATUS_OK;
}

static enum status read_ids(const char *path, int64_t vocab_size, struct token_buffer *ids)
{
    const struct text_rules whole = { 0 };
    struct text_reader *reader;
    struct strbuf text = STRBUF_INIT;
    bool found;
    TRY(text_reader_open(path, &whole, &reader));
    enum status status = text_reader_next(reader, &text, &found);
    text_reader_close(reader);
    if (status == STATUS_OK)
        status = parse_ids(&text, path, vocab_size, ids);
    strbuf_release(&text);
    return status;
}

static enum status tokenizer_decode_run(const void *given, const char *const *positionals,
                                        int count)
{
    const struct tokenizer_decode_settings *settings = given;
    struct tokenizer *tokenizer;
    struct token_buffer ids = { 0 };
    TRY(tokenizer_open(settings->tokenizer, &tokenizer));
    enum status status =
        read_ids(count > 0 ? positionals[0] : "/dev/stdin", tokenizer_vocab_size(tokenizer), &ids);
    if (status == STATUS_OK) {
        struct strbuf text = STRBUF_INIT;
        tokenizer_decode(tokenizer, ids.ids, ids.count, &text);
        fwrite(text.bytes, 1, text.length, stdout);
        strbuf_release(&text);
    }
    token_buffer_release(&ids);
    tokenizer_free(tokenizer);
    return status;
}

const struct command command_tokenizer_decode = {
    .name = "tokenizer decode",
    .arguments = "[INPUT]",
    .summary = "print the text of token ids",
    .description =
        "Reads decimal ids with white space between, from a file or standard input, and\n"
        "writes exactly the bytes that they stand for.\n"
        "\n"
        "    eon tokenizer encode --tokenizer=tokenizer.json book.txt |\n"
        "        eon tokenizer decode --tokenizer=tokenizer.json | cmp - book.txt\n",
    .options = tokenizer_decode_options,
    .settings_bytes = sizeof(struct tokenizer_decode_settings),
    .max_positionals = 1,
    .run = tokenizer_decode_run,
};
