#include "tests/fuzz/tokenizer_walk.h"

#include "tests/fuzz/fuzz_target.h"

/* What the bytes of a text's tokens are, joined: the text, or of SentencePiece's kind the marked
 * one. */
static void add_expected(const struct tokenizer *tokenizer, const void *text, size_t length,
                         struct strbuf *out)
{
    if (tokenizer_kind_of(tokenizer) == TOKENIZER_BYTE_LEVEL)
        strbuf_add(out, text, length);
    else
        blank_marking_mark(tokenizer_marking(tokenizer), text, length, out);
}

/* A text decodes to its tokens' bytes, but for blanks at its beginning. */
static void check_decoded(const struct tokenizer *tokenizer, const struct token_buffer *tokens,
                          const struct strbuf *joined)
{
    struct strbuf decoded = STRBUF_INIT;
    tokenizer_decode(tokenizer, tokens->ids, tokens->count, &decoded);
    const enum blank_strip strip = tokenizer_marking(tokenizer)->strip;
    const size_t stripped = joined->length - decoded.length;
    if (strip == BLANK_STRIP_TOKEN) {
        CHECK(stripped <= joined->length, "decoded text is longer than its tokens");
    } else {
        CHECK(stripped == (strip == BLANK_STRIP_ONE && joined->bytes[0] == ' '), "%zu bytes gone",
              stripped);
        CHECK(memcmp(decoded.bytes, joined->bytes + stripped, decoded.length) == 0,
              "decode(encode(x)) is not x");
    }
    strbuf_release(&decoded);
}

void tokenizer_walk_round_trip(const struct tokenizer *tokenizer, const void *text, size_t length)
{
    struct encoder *encoder = encoder_create(tokenizer);
    struct token_buffer tokens = { 0 };
    struct strbuf expected = STRBUF_INIT, joined = STRBUF_INIT;
    encoder_add(encoder, text, length, &tokens);
    for (int64_t i = 0; i < tokens.count; i++) {
        size_t bytes;
        const char *token = tokenizer_token_bytes(tokenizer, tokens.ids[i], &bytes);
        CHECK(token, "id %d", tokens.ids[i]);
        strbuf_add(&joined, token, bytes);
    }
    add_expected(tokenizer, text, length, &expected);
    CHECK(joined.length == expected.length &&
              memcmp(joined.bytes, expected.bytes, expected.length) == 0,
          "the tokens' bytes are not the text's");
    check_decoded(tokenizer, &tokens, &joined);
    encoder_free(encoder);
    token_buffer_release(&tokens);
    strbuf_release(&expected);
    strbuf_release(&joined);
}

void tokenizer_walk_check(const struct tokenizer *tokenizer)
{
    static const char text[] =
        " It's 2 o'clock,\xc2\xa0\xe4\xb8\xad\xe6\x96\x87  <|endoftext|>\r\n \xe2\x96\x81"
        "a the "
        "the\xff\xf0\x9f";
    struct strbuf printed = STRBUF_INIT, again = STRBUF_INIT;
    struct tokenizer *copy;
    tokenizer_print(tokenizer, &printed);
    CHECK(tokenizer_read(fuzz_file("copy.json", printed.bytes, printed.length), &copy) == STATUS_OK,
          "what was printed is refused: %s", status_message());
    tokenizer_print(copy, &again);
    fuzz_check_equal(&printed, &again, "printed tokenizer");
    CHECK(strcmp(tokenizer_digest(tokenizer), tokenizer_digest(copy)) == 0, "digests differ");

    tokenizer_walk_round_trip(copy, text, sizeof text);
    tokenizer_walk_round_trip(copy, text + 1, 2);
    tokenizer_free(copy);
    strbuf_release(&printed);
    strbuf_release(&again);
}
