/* A corpus of 10^13 tokens in 10^5 shards, which need not be there to open it: what that takes. */
#include "shards/reading/corpus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "shards/reading/batch_schedule.h"
#include "shards/reading/shard_set.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_INSTRUMENTED = 1 };
#else
enum { IS_INSTRUMENTED = 0 };
#endif

enum { SHARDS = 100000, SEQ_LEN = 2048 };
static const int64_t shard_tokens = 100 * 1000 * 1000;
static char folder[] = "/tmp/eon-large-corpus-XXXXXX";

/* As corpus_manifest_write prints it, but without the memory that this takes. */
static void write_manifest(void)
{
    char *path = path_join(folder, CORPUS_MANIFEST_NAME);
    FILE *file = fopen(path, "w");
    memory_free(path);
    assert_non_null(file);
    fprintf(file,
            "{\n    \"format_version\": 1,\n    \"tokenizer_digest\": \"%064d\",\n"
            "    \"vocab_size\": 50257,\n    \"shards\": [",
            0);
    for (int i = 0; i < SHARDS; i++)
        fprintf(file,
                "%s\n        {\n            \"file\": \"train-%05d.h5\",\n"
                "            \"split\": \"train\",\n            \"tokens\": %lld,\n"
                "            \"documents\": 100000,\n            \"text_bytes\": 400000000,\n"
                "            \"file_bytes\": 140000000,\n            \"sha256\": \"%064x\"\n"
                "        }",
                i ? "," : "", i, (long long)shard_tokens, i);
    fprintf(file, "\n    ],\n    \"provenance\": {\n        \"inputs\": [],\n"
                  "        \"rules\": {\n            \"document_start\": \"\",\n"
                  "            \"document_bytes\": 0,\n            \"shard_tokens\": 100000000,\n"
                  "            \"holdout\": 0.01,\n            \"empty_documents\": 0\n"
                  "        }\n    }\n}\n");
    assert_int_equal(fclose(file), 0);
}

static long peak_kilobytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static double cpu_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void it_opens_within_a_second_and_100_mb(void **state)
{
    (void)state;
    const long before = peak_kilobytes();
    const double begun = cpu_seconds();
    struct corpus *corpus;
    assert_int_equal(corpus_open(folder, SPLIT_TRAIN, SEQ_LEN, &corpus), STATUS_OK);
    const double seconds = cpu_seconds() - begun;
    const long kilobytes = peak_kilobytes() - before;
    print_message("opened in %.2f s of CPU with %ld KiB at most\n", seconds, kilobytes);
    assert_true(corpus_token_count(corpus) == SHARDS * shard_tokens);
    assert_true(corpus_sample_count(corpus) == SHARDS * ((shard_tokens - 1) / SEQ_LEN));
    if (!IS_INSTRUMENTED) { /* Observed: 0.45 s and 46 MB. */
        assert_true(seconds < 1.0);
        assert_true(kilobytes < 100 * 1000);
    }
    corpus_close(corpus);
}

static void a_place_is_found_within_10_us(void **state)
{
    (void)state;
    enum { PLACES = 100000 };
    struct corpus_manifest manifest;
    struct shard_set set;
    assert_int_equal(corpus_manifest_read(folder, &manifest), STATUS_OK);
    shard_set_init(&set, folder, &manifest, SPLIT_TRAIN, SEQ_LEN);
    const struct batch_schedule schedule = { .seed = 1, .samples = set.sample_count };
    const int64_t samples_each = (shard_tokens - 1) / SEQ_LEN;
    const double begun = cpu_seconds();
    for (int64_t slot = 0; slot < PLACES; slot++) {
        const int64_t sample = batch_schedule_sample(&schedule, slot * 48611);
        const int64_t shard = shard_set_find(&set, sample);
        assert_true(shard == sample / samples_each);
    }
    const double seconds = (cpu_seconds() - begun) / PLACES;
    print_message("a place in %.2f us of CPU\n", 1e6 * seconds);
    if (!IS_INSTRUMENTED) /* Observed: 1 us. */
        assert_true(seconds < 10e-6);
    shard_set_release(&set);
    corpus_manifest_release(&manifest);
}

static void a_shard_is_missed_when_it_is_wanted(void **state)
{
    (void)state;
    struct corpus *corpus;
    int32_t tokens[SEQ_LEN + 1];
    assert_int_equal(corpus_open(folder, SPLIT_TRAIN, SEQ_LEN, &corpus), STATUS_OK);
    assert_int_equal(corpus_read_sample(corpus, corpus_sample_count(corpus) - 1, tokens, NULL),
                     STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "train-99999.h5"));
    corpus_close(corpus);
}

static int write_corpus(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    write_manifest();
    return 0;
}

static int remove_corpus(void **state)
{
    (void)state;
    if (folder_remove(folder) != STATUS_OK)
        return -1;
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_opens_within_a_second_and_100_mb),
        cmocka_unit_test(a_place_is_found_within_10_us),
        cmocka_unit_test(a_shard_is_missed_when_it_is_wanted),
    };
    return cmocka_run_group_tests(tests, write_corpus, remove_corpus);
}
