/* gpt2_vocabulary: tokenizer_read_gpt2 of shards/tokenizer/tokenizer.h.
 *
 * OpenAI published encoder.json, {"token": id, ...} in letters, and vocab.bpe:
 * an optional line "#version: ...", then one merge a line, its two tokens with
 * a space between.
 */
#include <string.h>

#include "base/file.h"
#include "shards/tokenizer/vocabulary_list.h"

static enum status add_line(struct tokenizer *tokenizer, const char *line, size_t length,
                            const char *source)
{
    const char *space = memchr(line, ' ', length);
    if (!space)
        return bad_input("cannot use tokenizer '%s': merge %lld is not two tokens with a space "
                         "between",
                         source, (long long)tokenizer->merge_count);
    size_t left = (size_t)(space - line);
    return vocabulary_add_merge(tokenizer, line, left, space + 1, length - left - 1, source);
}

static enum status add_merges(struct tokenizer *tokenizer, const char *text, size_t length,
                              const char *source)
{
    static const char version[] = "#version:";
    const char *end = text + length;
    for (const char *line = text; line < end;) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        if (!line_end)
            line_end = end;
        size_t line_length = (size_t)(line_end - line);
        bool header = line == text && line_length >= strlen(version) &&
                      memcmp(line, version, strlen(version)) == 0;
        if (!header && line_length > 0)
            TRY(add_line(tokenizer, line, line_length, source));
        line = line_end + 1;
    }
    return STATUS_OK;
}

static enum status add_tokens(struct tokenizer *tokenizer, const struct json *encoder,
                              const char *source)
{
    if (json_kind_of(encoder) != JSON_KIND_OBJECT)
        return bad_input("cannot use tokenizer '%s': it is no JSON object", source);
    struct vocabulary_list list;
    enum status status = vocabulary_list_init(&list, encoder, 0, source);
    const struct json *end_of_text = json_member(encoder, TOKENIZER_END_OF_TEXT);
    if (status == STATUS_OK && end_of_text)
        status =
            vocabulary_list_add_special(&list, TOKENIZER_END_OF_TEXT, json_integer_of(end_of_text));
    if (status == STATUS_OK)
        status = vocabulary_list_give(&list, tokenizer);
    vocabulary_list_release(&list);
    return status;
}

enum status tokenizer_read_gpt2(const char *encoder_json, const char *vocab_bpe,
                                struct tokenizer **out)
{
    struct tokenizer *tokenizer = tokenizer_new();
    struct json *encoder = NULL;
    struct strbuf merges = STRBUF_INIT;
    enum status status;
    *out = NULL;

    TRY_CLEANUP(json_read(encoder_json, TOKENIZER_MAX_FILE, &encoder));
    TRY_CLEANUP(file_read(vocab_bpe, TOKENIZER_MAX_FILE, &merges));
    TRY_CLEANUP(add_tokens(tokenizer, encoder, encoder_json));
    TRY_CLEANUP(add_merges(tokenizer, merges.bytes, merges.length, vocab_bpe));
    TRY_CLEANUP(tokenizer_seal(tokenizer, encoder_json));
    *out = tokenizer;
    tokenizer = NULL;
cleanup:
    tokenizer_free(tokenizer);
    json_free(encoder);
    strbuf_release(&merges);
    return status;
}
