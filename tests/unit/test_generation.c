/* Texts that a model continues. */
#include "trainer/generation/generation.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "shards/tokenizer/tokenizer_parts.h"
#include "shards/tokenizer/tokenizer_trainer.h"
#include "tests/unit/tiny_models.h"

enum { VOCAB = 270, POSITIONS = 40 };

static const struct model_config configs[] = {
    { FAMILY_GPT2, 2, 6, 3, 3, 9, VOCAB, POSITIONS, 1e-5, 0, .tied_head = true },
    { FAMILY_LLAMA, 2, 8, 4, 2, 9, VOCAB, POSITIONS, 1e-5, 10000, .tied_head = false },
};
enum { GPT2, LLAMA };

static struct kernels kernels;

/* Its vocabulary is a little smaller than the models'. */
static struct tokenizer *make_tokenizer(void)
{
    static const char text[] = "the cat and the hat and the rat sat at the mat";
    struct tokenizer_trainer *trainer = tokenizer_trainer_create(NULL);
    struct tokenizer *tokenizer;
    tokenizer_trainer_add(trainer, text, sizeof text - 1);
    assert_int_equal(tokenizer_trainer_finish(trainer, 265, &tokenizer), STATUS_OK);
    tokenizer_trainer_free(trainer);
    return tokenizer;
}

static struct loaded_model make_model(int family)
{
    struct loaded_model loaded = { .tokenizer = make_tokenizer() };
    make_tiny_model(&loaded.model, &configs[family]);
    return loaded;
}

static void collect(void *context, const char *bytes, size_t length)
{
    strbuf_add(context, bytes, length);
}

static enum status generate(struct loaded_model *loaded, const char *prompt, int64_t tokens,
                            int64_t sample, struct strbuf *text, struct generation_result *result)
{
    struct generation_request request = {
        .prompt = prompt,
        .tokens = tokens,
        .sample = sample,
        .sampling = { .temperature = 1.0, .top_p = 1.0, .seed = 5 },
        .emit = collect,
        .context = text,
    };
    strbuf_reset(text);
    return generation_run(loaded, &kernels, &request, result);
}

static void the_same_sample_is_the_same_text_and_another_is_another(void **state)
{
    (void)state;
    for (int family = GPT2; family <= LLAMA; family++) {
        struct loaded_model loaded = make_model(family);
        struct strbuf first = STRBUF_INIT, again = STRBUF_INIT, other = STRBUF_INIT;
        struct generation_result result;
        assert_int_equal(generate(&loaded, "the cat", 20, 0, &first, &result), STATUS_OK);
        assert_int_equal(generate(&loaded, "the cat", 20, 0, &again, &result), STATUS_OK);
        assert_int_equal(generate(&loaded, "the cat", 20, 1, &other, &result), STATUS_OK);
        assert_int_equal(first.length, again.length);
        assert_memory_equal(first.bytes, again.bytes, first.length);
        assert_true(first.length != other.length ||
                    memcmp(first.bytes, other.bytes, first.length) != 0);
        strbuf_release(&first);
        strbuf_release(&again);
        strbuf_release(&other);
        loaded_model_release(&loaded);
    }
}

static void it_ends_at_the_length_or_at_the_end_of_the_text(void **state)
{
    (void)state;
    struct loaded_model loaded = make_model(LLAMA);
    struct strbuf text = STRBUF_INIT;
    int ended = 0;
    for (int64_t sample = 0; sample < 100; sample++) {
        struct generation_result result;
        assert_int_equal(generate(&loaded, "", 30, sample, &text, &result), STATUS_OK);
        assert_int_equal(result.prompt_tokens, 1);
        assert_true(result.reached_end_of_text ? result.tokens <= 30 : result.tokens == 30);
        ended += result.reached_end_of_text;
    }
    assert_in_range(ended, 1, 99); /* of 270 tokens one ends it: 30 draws make about 10 */
    strbuf_release(&text);
    loaded_model_release(&loaded);
}

static void what_opens_and_ends_a_document_is_what_the_config_says(void **state)
{
    (void)state;
    struct loaded_model loaded = make_model(LLAMA);
    struct strbuf own = STRBUF_INIT, named = STRBUF_INIT, other = STRBUF_INIT;
    struct generation_result result;
    int ended = 0;
    assert_int_equal(generate(&loaded, "the", 20, 0, &own, &result), STATUS_OK);
    loaded.documents.has_begin = true;
    loaded.documents.begin = tokenizer_end_of_text(loaded.tokenizer);
    assert_int_equal(generate(&loaded, "the", 20, 0, &named, &result), STATUS_OK);
    assert_string_equal(named.bytes, own.bytes);
    loaded.documents.begin = 'x';
    assert_int_equal(generate(&loaded, "the", 20, 0, &other, &result), STATUS_OK);
    assert_true(strcmp(other.bytes, own.bytes) != 0);

    for (int32_t id = 'a'; id < 'a' + DOCUMENT_ENDS_MAX; id++)
        loaded.documents.ends[loaded.documents.end_count++] = id;
    for (int64_t sample = 0; sample < 20; sample++) {
        assert_int_equal(generate(&loaded, "the", 35, sample, &own, &result), STATUS_OK);
        ended += result.reached_end_of_text;
    }
    assert_in_range(ended, 10, 20); /* of 270 tokens 17 end it: 35 draws make nine of ten */
    strbuf_release(&own);
    strbuf_release(&named);
    strbuf_release(&other);
    loaded_model_release(&loaded);
}

static void a_text_beyond_the_positions_is_refused(void **state)
{
    (void)state;
    struct loaded_model gpt2 = make_model(GPT2), llama = make_model(LLAMA);
    struct strbuf text = STRBUF_INIT;
    struct generation_result result;
    assert_int_equal(generate(&gpt2, "", POSITIONS - 1, 0, &text, &result), STATUS_OK);
    assert_int_equal(generate(&gpt2, "", POSITIONS, 0, &text, &result), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "need 41 positions and the model has 40"));
    assert_int_equal(text.length, 0);
    assert_int_equal(generate(&llama, "", POSITIONS, 0, &text, &result), STATUS_OK);
    strbuf_release(&text);
    loaded_model_release(&gpt2);
    loaded_model_release(&llama);
}

/* Characters, and of two blanks in a row no token: "e", " e", and bytes that fall back. */
static struct tokenizer *make_sentencepiece(void)
{
    struct tokenizer *tokenizer = tokenizer_new();
    tokenizer->kind = TOKENIZER_SENTENCEPIECE;
    tokenizer->marking =
        (struct blank_marking){ BLANK_NORMALIZER, BLANK_ALWAYS, false, BLANK_STRIP_ONE };
    for (int byte = 0; byte < 256; byte++)
        tokenizer_add_byte(tokenizer, (unsigned char)byte);
    tokenizer_add_special(tokenizer, "</s>", 4);
    static const char *const texts[] = { " ", "e", " e", " cat", " hat", " rat" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(tokenizer_add_token(tokenizer, texts[i], strlen(texts[i]), "t"),
                         STATUS_OK);
    assert_int_equal(tokenizer_seal(tokenizer, "t"), STATUS_OK);
    return tokenizer;
}

static void only_the_first_token_of_a_whole_text_loses_its_blank(void **state)
{
    (void)state;
    struct loaded_model loaded = { .tokenizer = make_sentencepiece() };
    make_tiny_model(&loaded.model, &configs[LLAMA]);
    struct strbuf text = STRBUF_INIT;
    struct generation_result result;
    int begun = 0, continued = 0;
    for (int64_t sample = 0; sample < 200; sample++) {
        assert_int_equal(generate(&loaded, "", 1, sample, &text, &result), STATUS_OK);
        begun += text.bytes[0] == ' ';
        assert_int_equal(generate(&loaded, "e", 1, sample, &text, &result), STATUS_OK);
        assert_int_equal(result.prompt_tokens, 3); /* "</s>" " " "e": no merge joins them */
        continued += text.bytes[0] == ' ';
    }
    assert_int_equal(begun, 0);
    assert_in_range(continued, 1, 50); /* 6 tokens of 270 begin with a blank */
    strbuf_release(&text);
    loaded_model_release(&loaded);
}

static void a_model_that_is_not_finite_is_refused(void **state)
{
    (void)state;
    struct loaded_model loaded = make_model(LLAMA);
    struct strbuf text = STRBUF_INIT;
    struct generation_result result;
    loaded.model.parameters[loaded.model.table.element_count - 1] = NAN;
    assert_int_equal(generate(&loaded, "the cat", 20, 0, &text, &result), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "logits are not finite at position"));
    assert_int_equal(text.length, 0);
    strbuf_release(&text);
    loaded_model_release(&loaded);
}

static int setup(void **state)
{
    (void)state;
    return kernels_open(&kernels, "reference", 1) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    kernels_close(&kernels);
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_sample_is_the_same_text_and_another_is_another),
        cmocka_unit_test(it_ends_at_the_length_or_at_the_end_of_the_text),
        cmocka_unit_test(what_opens_and_ends_a_document_is_what_the_config_says),
        cmocka_unit_test(a_text_beyond_the_positions_is_refused),
        cmocka_unit_test(only_the_first_token_of_a_whole_text_loses_its_blank),
        cmocka_unit_test(a_model_that_is_not_finite_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
