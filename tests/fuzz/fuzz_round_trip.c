/* decode(encode(x)) = x for any bytes, by a tokenizer that was learned from a little text; and what
 * a tokenizer learns from any bytes loses nothing of them. */
#include "shards/tokenizer/tokenizer_trainer.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/tokenizer_walk.h"

static struct tokenizer *english;

static struct tokenizer *learn(const void *text, size_t length, int64_t vocab_size)
{
    struct tokenizer_trainer *trainer = tokenizer_trainer_create(NULL);
    struct tokenizer *learned;
    tokenizer_trainer_add(trainer, text, length);
    CHECK(tokenizer_trainer_finish(trainer, vocab_size, &learned) == STATUS_OK, "%s",
          status_message());
    tokenizer_trainer_free(trainer);
    return learned;
}

void fuzz_begin(void)
{
    static const char text[] =
        "the quick brown fox jumps over the lazy dog; the dog's eyes don't see 1234 1234 foxes, "
        "they "
        "see the other 12 12 dogs that'll jump and that'll see them   \n\n\t\t aaaaaaaaaaaaaaaa "
        "\xd0\xb6\xd0\xb6\xd0\xb6 \xe4\xb8\xad\xe4\xb8\xad \xf0\x9f\x98\x80\xf0\x9f\x98\x80";
    english = learn(text, sizeof text - 1, 400);
}

void fuzz_input(const uint8_t *data, size_t size)
{
    tokenizer_walk_round_trip(english, data, size);
    if (size == 0 || size > 200)
        return;
    struct tokenizer *learned = learn(data, size, 300);
    tokenizer_walk_round_trip(learned, data, size);
    tokenizer_free(learned);
}
