#include "shards/reading/corpus_mixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/unit/corpus_sample.h"

enum { SEQ_LEN = 16 };

static char folder[] = "/tmp/eon-corpus-mixture-XXXXXX";
static char books[64], web[64];

/* "BOOKS:FIRST, WEB:SECOND" as it is opened. */
static enum status open_mixture(const char *first, const char *second, struct corpus_mixture **out)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "%s:%s, %s:%s", books, first, web, second);
    enum status status = corpus_mixture_open(text.bytes, SPLIT_TRAIN, SEQ_LEN, out);
    strbuf_release(&text);
    return status;
}

static void weights_count_by_their_proportion(void **state)
{
    (void)state;
    struct corpus_mixture *first, *second;
    assert_int_equal(open_mixture("0.7", "0.3", &first), STATUS_OK);
    assert_int_equal(open_mixture("70", "30.000000", &second), STATUS_OK);
    assert_int_equal(first->count, 2);
    assert_string_equal(first->parts[0].folder, books);
    assert_string_equal(first->parts[1].folder, web);
    assert_int_equal(first->parts[0].weight, 7);
    assert_int_equal(first->parts[1].weight, 3);
    assert_string_equal(first->digest, second->digest);
    corpus_mixture_close(second);
    assert_int_equal(open_mixture("0.700001", "0.3", &second), STATUS_OK);
    assert_string_not_equal(first->digest, second->digest);
    corpus_mixture_close(first);
    corpus_mixture_close(second);
}

static void a_name_alone_is_one_corpus_whatever_its_colons(void **state)
{
    (void)state;
    struct corpus_mixture *mixture;
    assert_int_equal(corpus_mixture_open(books, SPLIT_TRAIN, SEQ_LEN, &mixture), STATUS_OK);
    assert_int_equal(mixture->count, 1);
    assert_string_equal(mixture->digest, corpus_digest(mixture->parts[0].corpus));
    corpus_mixture_close(mixture);
    assert_int_equal(corpus_mixture_open("/no:where:1", SPLIT_TRAIN, SEQ_LEN, &mixture),
                     STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "/no:where:1/corpus.json"));
}

static void what_is_no_weight_is_refused(void **state)
{
    (void)state;
    static const char *const weights[] = { "",
                                           "0",
                                           "-1",
                                           "1e3",
                                           "0.0000001",
                                           ".5",
                                           "5.",
                                           "1.2.3",
                                           "0x1",
                                           "nan",
                                           "inf",
                                           "1000001",
                                           "99999999999999999999",
                                           "1 2" };
    struct corpus_mixture *mixture;
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        assert_int_equal(open_mixture("1", weights[i], &mixture), STATUS_BAD_INPUT);
        assert_non_null(strstr(status_message(), "is not NAME:WEIGHT"));
    }
    assert_int_equal(corpus_mixture_open("a:1,", SPLIT_TRAIN, SEQ_LEN, &mixture), STATUS_BAD_INPUT);
    assert_int_equal(corpus_mixture_open(",", SPLIT_TRAIN, SEQ_LEN, &mixture), STATUS_BAD_INPUT);
    assert_int_equal(corpus_mixture_open("a,b:1", SPLIT_TRAIN, SEQ_LEN, &mixture),
                     STATUS_BAD_INPUT);
}

static void samples_of_validation_come_evenly_from_all(void **state)
{
    (void)state;
    struct corpus_mixture *mixture, *held_out;
    int32_t tokens[SEQ_LEN + 1], expected[SEQ_LEN + 1];
    assert_int_equal(open_mixture("1", "2", &mixture), STATUS_OK);
    assert_int_equal(corpus_mixture_open_beside(mixture, SPLIT_HELDOUT, &held_out), STATUS_OK);
    const int64_t all = corpus_mixture_sample_count(held_out);
    assert_int_equal(all, 2 * 6); /* 100 tokens are held out of each */
    for (int64_t limit = 1; limit <= all; limit++)
        for (int64_t number = 0; number < limit; number++) {
            const int64_t of_first = 6 * limit / all;
            struct corpus *corpus = held_out->parts[number < of_first ? 0 : 1].corpus;
            const int64_t sample = number < of_first ? number : number - of_first;
            assert_int_equal(corpus_mixture_read_evenly(held_out, number, limit, tokens, NULL),
                             STATUS_OK);
            assert_int_equal(corpus_read_sample(corpus, sample, expected, NULL), STATUS_OK);
            assert_memory_equal(tokens, expected, sizeof tokens);
        }
    corpus_mixture_close(held_out);
    corpus_mixture_close(mixture);
}

static void a_corpus_without_one_sample_is_named(void **state)
{
    (void)state;
    struct corpus_mixture *mixture;
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "%s:1,%s:1", books, web);
    assert_int_equal(corpus_mixture_open(text.bytes, SPLIT_TRAIN, 3500, &mixture), STATUS_OK);
    assert_int_equal(corpus_mixture_need_samples(mixture), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), web));
    corpus_mixture_close(mixture);
    strbuf_release(&text);
}

static void corpora_of_different_tokenizers_are_not_mixed(void **state)
{
    (void)state;
    struct corpus_mixture *mixture;
    char other[80];
    const int64_t shards[] = { 100, 0 };
    snprintf(other, sizeof other, "%s/other", folder);
    assert_int_equal(folder_create(other), STATUS_OK);
    struct corpus_manifest manifest = corpus_sample_write_as(
        other, shards, "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    corpus_manifest_release(&manifest);
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "%s:1,%s:1", books, other);
    assert_int_equal(corpus_mixture_open(text.bytes, SPLIT_TRAIN, SEQ_LEN, &mixture),
                     STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "different tokenizers"));
    strbuf_release(&text);
}

static int write_corpora(void **state)
{
    (void)state;
    static const int64_t first[] = { 3000, 5000, 0 }, second[] = { 2000, 0 };
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(books, sizeof books, "%s/books:1", folder);
    snprintf(web, sizeof web, "%s/web", folder);
    if (folder_create(books) != STATUS_OK || folder_create(web) != STATUS_OK)
        return -1;
    struct corpus_manifest manifest = corpus_sample_write(books, first);
    corpus_manifest_release(&manifest);
    manifest = corpus_sample_write(web, second);
    corpus_manifest_release(&manifest);
    return 0;
}

static int remove_corpora(void **state)
{
    (void)state;
    if (folder_remove(folder) != STATUS_OK)
        return -1;
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_count_by_their_proportion),
        cmocka_unit_test(a_name_alone_is_one_corpus_whatever_its_colons),
        cmocka_unit_test(what_is_no_weight_is_refused),
        cmocka_unit_test(samples_of_validation_come_evenly_from_all),
        cmocka_unit_test(a_corpus_without_one_sample_is_named),
        cmocka_unit_test(corpora_of_different_tokenizers_are_not_mixed),
    };
    return cmocka_run_group_tests(tests, write_corpora, remove_corpora);
}
