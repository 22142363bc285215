/* GPT-2's two files: an input is encoder.json, a NUL, and vocab.bpe. */
#include "shards/tokenizer/tokenizer.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/tokenizer_walk.h"

void fuzz_begin(void)
{
}

void fuzz_input(const uint8_t *data, size_t size)
{
    struct tokenizer *tokenizer;
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    size_t length = end ? (size_t)(end - data) : size;
    const char *encoder = fuzz_file("encoder.json", data, length);
    const char *merges =
        fuzz_file("vocab.bpe", data + length + (end != NULL), size - length - (end != NULL));
    if (tokenizer_read_gpt2(encoder, merges, &tokenizer) == STATUS_OK)
        tokenizer_walk_check(tokenizer);
    tokenizer_free(tokenizer);
}
