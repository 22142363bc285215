/* tokenizer.json: what is read prints to the same tokenizer, and encodes without loss. */
#include "shards/tokenizer/tokenizer.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/tokenizer_walk.h"

void fuzz_begin(void)
{
}

void fuzz_input(const uint8_t *data, size_t size)
{
    struct tokenizer *tokenizer;
    if (tokenizer_read(fuzz_file("tokenizer.json", data, size), &tokenizer) == STATUS_OK)
        tokenizer_walk_check(tokenizer);
    tokenizer_free(tokenizer);
}
