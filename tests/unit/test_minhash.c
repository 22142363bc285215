#include "shards/quality/minhash.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/strbuf.h"

static void keys_of(const char *text, uint64_t keys[MINHASH_BANDS])
{
    struct minhash *minhash = minhash_create();
    assert_true(minhash_keys(minhash, text, strlen(text), keys));
    minhash_free(minhash);
}

static void assert_same_keys(const char *one, const char *other)
{
    uint64_t a[MINHASH_BANDS], b[MINHASH_BANDS];
    keys_of(one, a);
    keys_of(other, b);
    assert_memory_equal(a, b, sizeof a);
}

static bool share_a_key(const uint64_t *a, const uint64_t *b)
{
    bool share = false;
    for (int band = 0; band < MINHASH_BANDS; band++)
        share |= a[band] == b[band];
    return share;
}

static void keys_are_those_of_every_machine(void **state)
{
    (void)state;
    uint64_t keys[MINHASH_BANDS];
    keys_of("The quick brown fox jumps over the lazy dog, internationalisation and Äpfel.", keys);
    assert_int_equal(keys[0], UINT64_C(0x7a29a469b56b5663));
    assert_int_equal(keys[1], UINT64_C(0x436ab89fa32e4106));
    assert_int_equal(keys[13], UINT64_C(0x038346c4f8d18159));
}

static void fewer_than_five_words_have_no_keys(void **state)
{
    (void)state;
    uint64_t keys[MINHASH_BANDS] = { 0 };
    struct minhash *minhash = minhash_create();
    const char *texts[] = { "", " \n", "one", "one two three four", "- one, two; (three) four!" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(minhash_keys(minhash, texts[i], strlen(texts[i]), keys));
    assert_int_equal(keys[0], 0);
    assert_true(minhash_keys(minhash, "one two three four five", 23, keys));
    minhash_free(minhash);
}

static void case_punctuation_and_spaces_do_not_count(void **state)
{
    (void)state;
    assert_same_keys("one two three four five six", "  One, TWO (three)\n\n\tfour -- five. six!");
    assert_same_keys("ärger über größe ώρα жук łódź", "ÄRGER ÜBER GRößE: ΏΡΑ, ЖУК… «ŁÓDŹ»");
    assert_same_keys("我们都是人", "我们，都 是人。");
}

static void order_and_words_count(void **state)
{
    (void)state;
    uint64_t a[MINHASH_BANDS], b[MINHASH_BANDS];
    keys_of("one two three four five", a);
    keys_of("one two three five four", b);
    assert_false(share_a_key(a, b));
    keys_of("onetwo three four five six", b);
    assert_false(share_a_key(a, b));
    for (int band = 1; band < MINHASH_BANDS; band++)
        assert_int_not_equal(a[band], a[band - 1]);
}

static void repetitions_do_not_count(void **state)
{
    (void)state;
    assert_same_keys("a b c d e a b c d e", "a b c d e a b c d e a b c d e a b c d e");
}

static void nothing_is_left_of_the_document_before(void **state)
{
    (void)state;
    uint64_t fresh[MINHASH_BANDS], used[MINHASH_BANDS];
    keys_of("one two three four five", fresh);
    struct minhash *minhash = minhash_create();
    minhash_keys(minhash, "six seven eight nine ten eleven", 31, used);
    assert_true(minhash_keys(minhash, "one two three four five", 23, used));
    assert_memory_equal(fresh, used, sizeof used);
    minhash_free(minhash);
}

/* Words at each offset of the blocks that are read at a time: spaces before them change nothing. */
static void words_across_blocks_are_whole(void **state)
{
    (void)state;
    const char *words = "internationalisation of größere 我们 Ärgernisse and some more words";
    struct strbuf text = STRBUF_INIT;
    for (int i = 0; i < 4070; i++)
        strbuf_add_char(&text, ' ');
    for (int i = 0; i < 80; i++) {
        strbuf_add_string(&text, words);
        assert_same_keys(text.bytes, words);
        text.length -= strlen(words);
        strbuf_add_char(&text, ' ');
    }
    strbuf_release(&text);
}

static void long_words_and_broken_utf8_are_taken(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    uint64_t keys[MINHASH_BANDS];
    for (int i = 0; i < 60000; i++)
        strbuf_add_string(&text, i % 3 ? "é" : "a");
    for (int i = 0; i < 30000; i++)
        strbuf_add_string(&text, "界");
    strbuf_add_string(&text, " b \xff\xc3 c\xf0\x9f d \xed\xa0\x80 e\xe2");
    keys_of(text.bytes, keys);
    strbuf_release(&text);
}

static void add_random_words(struct strbuf *text, int count, char letter, uint32_t *counter)
{
    for (int i = 0; i < count; i++)
        strbuf_addf(text, "%cw%u ", letter, (*counter)++);
}

/* `common` words that two documents begin with, then `own` words of each: of their 5-grams,
 * common - 4 are shared, and each has `own` more. */
static double measured_probability(int common, int own, int pairs, uint32_t *counter)
{
    struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
    struct minhash *minhash = minhash_create();
    int found = 0;
    for (int pair = 0; pair < pairs; pair++) {
        uint64_t keys_a[MINHASH_BANDS], keys_b[MINHASH_BANDS];
        strbuf_reset(&a);
        strbuf_reset(&b);
        add_random_words(&a, common, 'a', counter);
        strbuf_add(&b, a.bytes, a.length);
        add_random_words(&a, own, 'b', counter);
        add_random_words(&b, own, 'c', counter);
        minhash_keys(minhash, a.bytes, a.length, keys_a);
        minhash_keys(minhash, b.bytes, b.length, keys_b);
        found += share_a_key(keys_a, keys_b);
    }
    minhash_free(minhash);
    strbuf_release(&b);
    strbuf_release(&a);
    return (double)found / pairs;
}

/* Observed: at most 0.016 from the curve; 3 standard deviations of 2000 pairs are 0.034. */
static void near_duplicates_are_found_as_often_as_independent_hashes_would(void **state)
{
    (void)state;
    uint32_t counter = 0;
    for (int own = 5; own <= 80; own += 15) {
        const double s = 200.0 / (200.0 + 2 * own);
        const double expected = 1 - pow(1 - pow(s, MINHASH_ROWS), MINHASH_BANDS);
        const double measured = measured_probability(204, own, 2000, &counter);
        print_message("s %.3f: expected %.4f, measured %.4f\n", s, expected, measured);
        assert_true(fabs(measured - expected) < 0.034);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_those_of_every_machine),
        cmocka_unit_test(fewer_than_five_words_have_no_keys),
        cmocka_unit_test(case_punctuation_and_spaces_do_not_count),
        cmocka_unit_test(order_and_words_count),
        cmocka_unit_test(repetitions_do_not_count),
        cmocka_unit_test(nothing_is_left_of_the_document_before),
        cmocka_unit_test(words_across_blocks_are_whole),
        cmocka_unit_test(long_words_and_broken_utf8_are_taken),
        cmocka_unit_test(near_duplicates_are_found_as_often_as_independent_hashes_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
