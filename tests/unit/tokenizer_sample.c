#include "tests/unit/tokenizer_sample.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/philox.h"
#include "shards/tokenizer/tokenizer_trainer.h"

struct tokenizer *tokenizer_sample_train(void)
{
    static const char text[] = "the then there this that the the then the this 1234 1234\n"
                               "\"quoted\" caf\xc3\xa9 caf\xc3\xa9\naaaa\naaaa\naaaa\n";
    struct tokenizer *tokenizer;
    struct tokenizer_trainer *trainer = tokenizer_trainer_create(NULL);
    tokenizer_trainer_add(trainer, text, strlen(text));
    assert_int_equal(tokenizer_trainer_finish(trainer, 300, &tokenizer), STATUS_OK);
    tokenizer_trainer_free(trainer);
    return tokenizer;
}

static char *data_file(const char *name)
{
    const char *data = getenv("EON_TEST_DATA");
    char *file = path_join(data ? data : "/nowhere", name);
    if (!file_exists(file)) {
        memory_free(file);
        skip();
    }
    return file;
}

struct tokenizer *tokenizer_sample_gpt2(void)
{
    struct tokenizer *gpt2;
    struct strbuf pair = STRBUF_INIT;
    char *encoder_json = data_file("gpt2-encoder.json"), *vocab_bpe = data_file("gpt2-vocab.bpe");
    strbuf_addf(&pair, "%s,%s", encoder_json, vocab_bpe);
    assert_int_equal(tokenizer_open(pair.bytes, &gpt2), STATUS_OK);
    strbuf_release(&pair);
    memory_free(encoder_json);
    memory_free(vocab_bpe);
    return gpt2;
}

char *tokenizer_sample_golden(const char *name)
{
    const char *source = getenv("EON_SOURCE");
    char *folder = path_join(source ? source : ".", "tests/golden");
    char *file = path_join(folder, name);
    memory_free(folder);
    return file;
}

struct tokenizer *tokenizer_sample_sentencepiece(void)
{
    struct tokenizer *tokenizer;
    char *file = tokenizer_sample_golden("sentencepiece.json");
    assert_int_equal(tokenizer_read(file, &tokenizer), STATUS_OK);
    memory_free(file);
    return tokenizer;
}

struct tokenizer *tokenizer_sample_in_layout(struct tokenizer *from, const char *path,
                                             const struct blank_marking *marking)
{
    const struct blank_marking old = from->marking;
    struct tokenizer *out;
    from->marking = *marking;
    assert_int_equal(tokenizer_write(from, path), STATUS_OK);
    from->marking = old;
    assert_int_equal(tokenizer_read(path, &out), STATUS_OK);
    assert_int_equal(out->marking.stage, marking->stage);
    assert_int_equal(out->marking.prefix, marking->prefix);
    assert_int_equal(out->marking.splits, marking->splits);
    assert_int_equal(out->marking.strip, marking->strip);
    return out;
}

void tokenizer_sample_encode(const struct tokenizer *tokenizer, const char *text, size_t length,
                             struct token_buffer *ids)
{
    struct encoder *encoder = encoder_create(tokenizer);
    ids->count = 0;
    encoder_add(encoder, text, length, ids);
    encoder_free(encoder);
}

enum status tokenizer_sample_read_changed(const struct strbuf *json, const char *path,
                                          const char *from, const char *to, struct tokenizer **out)
{
    struct strbuf changed = STRBUF_INIT;
    const char *at = json->bytes, *found;
    while ((found = strstr(at, from))) {
        strbuf_add(&changed, at, (size_t)(found - at));
        strbuf_add_string(&changed, to);
        at = found + strlen(from);
    }
    assert_true(at != json->bytes);
    strbuf_add_string(&changed, at);
    assert_int_equal(file_replace(path, changed.bytes, changed.length), STATUS_OK);
    strbuf_release(&changed);
    return tokenizer_read(path, out);
}

const char *const tokenizer_sample_letters[] = { "a", "b", " ", "\xc3\xa9", "\xe4\xb8\xad", "\n" };

struct tokenizer *tokenizer_sample_draw(uint64_t seed)
{
    struct philox_key key = philox_key(seed, RANDOM_TEST);
    struct tokenizer *tokenizer = tokenizer_new();
    tokenizer->kind = TOKENIZER_SENTENCEPIECE;
    for (int byte = 0; byte < 256; byte++)
        tokenizer_add_byte(tokenizer, (unsigned char)byte);
    tokenizer_add_special(tokenizer, "</s>", 4);
    for (int i = 0; i < TOKENIZER_SAMPLE_LETTERS - 1; i++)
        assert_int_equal(tokenizer_add_token(tokenizer, tokenizer_sample_letters[i],
                                             strlen(tokenizer_sample_letters[i]), "t"),
                         STATUS_OK);
    const int32_t first = 257;
    for (uint64_t i = 0; i < 40; i++) {
        struct strbuf joined = STRBUF_INIT;
        int32_t pair[2];
        for (uint64_t side = 0; side < 2; side++) {
            size_t length;
            uint64_t count = (uint64_t)(tokenizer->tokens.count - first);
            pair[side] = first + (int32_t)(philox_u64(key, i, side) % count);
            const char *bytes = byte_map_bytes(&tokenizer->tokens, pair[side], &length);
            strbuf_add(&joined, bytes, length);
        }
        if (pair_map_find(&tokenizer->merge_rank, pair[0], pair[1]) < 0 && joined.length < 20) {
            byte_map_add(&tokenizer->tokens, joined.bytes, joined.length);
            assert_int_equal(tokenizer_add_merge(tokenizer, pair[0], pair[1], "t"), STATUS_OK);
        }
        strbuf_release(&joined);
    }
    assert_int_equal(tokenizer_seal(tokenizer, "t"), STATUS_OK);
    return tokenizer;
}

void tokenizer_desk_open(struct tokenizer_desk *desk, struct tokenizer *tokenizer)
{
    *desk = (struct tokenizer_desk){ .tokenizer = tokenizer,
                                     .json = STRBUF_INIT,
                                     .folder = "/tmp/eon-test-tokenizer-XXXXXX" };
    tokenizer_print(tokenizer, &desk->json);
    assert_non_null(mkdtemp(desk->folder));
    desk->path = path_join(desk->folder, "tokenizer.json");
}

void tokenizer_desk_close(struct tokenizer_desk *desk)
{
    tokenizer_free(desk->tokenizer);
    strbuf_release(&desk->json);
    memory_free(desk->path);
    assert_int_equal(memory_live_blocks(), 0);
    assert_int_equal(folder_remove(desk->folder), STATUS_OK);
}
