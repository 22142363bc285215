#include "tests/fuzz/tokenizer_walk.h"

#include "tests/fuzz/fuzz_target.h"

void tokenizer_walk_round_trip(const struct tokenizer *tokenizer, const void *text, size_t length)
{
    struct encoder *encoder = encoder_create(tokenizer);
    struct token_buffer tokens = { 0 };
    struct strbuf decoded = STRBUF_INIT;
    encoder_add(encoder, text, length, &tokens);
    for (int64_t i = 0; i < tokens.count; i++)
        CHECK(tokens.ids[i] >= 0 && tokens.ids[i] < tokenizer_vocab_size(tokenizer), "id %d",
              tokens.ids[i]);
    tokenizer_decode(tokenizer, tokens.ids, tokens.count, &decoded);
    CHECK(decoded.length == length && memcmp(decoded.bytes, text, length) == 0,
          "decode(encode(x)) is not x");
    encoder_free(encoder);
    token_buffer_release(&tokens);
    strbuf_release(&decoded);
}

void tokenizer_walk_check(const struct tokenizer *tokenizer)
{
    static const char text[] =
        "It's 2 o'clock,\xc2\xa0\xe4\xb8\xad\xe6\x96\x87  <|endoftext|>\r\n\xff\xf0\x9f";
    struct strbuf printed = STRBUF_INIT, again = STRBUF_INIT;
    struct tokenizer *copy;
    tokenizer_print(tokenizer, &printed);
    CHECK(tokenizer_read(fuzz_file("copy.json", printed.bytes, printed.length), &copy) == STATUS_OK,
          "what was printed is refused: %s", status_message());
    tokenizer_print(copy, &again);
    fuzz_check_equal(&printed, &again, "printed tokenizer");
    CHECK(strcmp(tokenizer_digest(tokenizer), tokenizer_digest(copy)) == 0, "digests differ");

    tokenizer_walk_round_trip(copy, text, sizeof text);
    tokenizer_free(copy);
    strbuf_release(&printed);
    strbuf_release(&again);
}
