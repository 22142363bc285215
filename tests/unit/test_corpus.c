#include "shards/reading/corpus.h"

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

/* Several chunks, a shard too short for a sample, one of exactly one sample. */
static const int64_t shard_tokens[] = { 40000, 50, 129, 70001, 0 };
enum { SEQ_LEN = 128 };

static char folder[] = "/tmp/eon-corpus-XXXXXX";
static struct corpus_manifest written;

static void every_sample_is_where_it_belongs(void **state)
{
    (void)state;
    struct corpus *corpus;
    int64_t sample = 0;
    int32_t tokens[SEQ_LEN + 1];
    assert_int_equal(corpus_open(folder, SPLIT_TRAIN, SEQ_LEN, &corpus), STATUS_OK);
    for (int64_t shard = 0; shard_tokens[shard] > 0; shard++)
        for (int64_t at = 0; at + SEQ_LEN + 1 <= shard_tokens[shard]; at += SEQ_LEN, sample++) {
            assert_int_equal(corpus_read_sample(corpus, sample, tokens, NULL), STATUS_OK);
            for (int64_t i = 0; i <= SEQ_LEN; i++)
                assert_int_equal(tokens[i], corpus_sample_token(shard, at + i));
        }
    assert_int_equal(corpus_sample_count(corpus), sample);
    corpus_close(corpus);
}

static void samples_longer_than_a_chunk_are_read(void **state)
{
    (void)state;
    enum { LONG = 34999 };
    struct corpus *corpus;
    int32_t *tokens = memory_alloc((LONG + 1) * sizeof *tokens);
    assert_int_equal(corpus_open(folder, SPLIT_TRAIN, LONG, &corpus), STATUS_OK);
    assert_int_equal(corpus_sample_count(corpus), 3);
    assert_int_equal(corpus_read_sample(corpus, 2, tokens, NULL), STATUS_OK);
    for (int64_t i = 0; i <= LONG; i++)
        assert_int_equal(tokens[i], corpus_sample_token(3, LONG + i));
    corpus_close(corpus);
    memory_free(tokens);
}

/* Asked of the sample corpus, and without the corpus' chunks. */
static int64_t document_start(int64_t shard, int64_t first, int64_t t)
{
    while (t > 0 && !corpus_sample_begins(shard, first + t))
        t--;
    return t;
}

static void assert_document_starts(int64_t seq_len)
{
    struct corpus *corpus;
    int64_t sample = 0;
    int32_t *tokens = memory_alloc((size_t)(seq_len + 1) * sizeof *tokens);
    int32_t *starts = memory_alloc((size_t)seq_len * sizeof *starts);
    assert_int_equal(corpus_open(folder, SPLIT_TRAIN, seq_len, &corpus), STATUS_OK);
    for (int64_t shard = 0; shard_tokens[shard] > 0; shard++)
        for (int64_t at = 0; at + seq_len + 1 <= shard_tokens[shard]; at += seq_len, sample++) {
            assert_int_equal(corpus_read_sample(corpus, sample, tokens, starts), STATUS_OK);
            for (int64_t t = 0; t < seq_len; t++)
                assert_int_equal(starts[t], document_start(shard, at, t));
            assert_int_equal(tokens[seq_len], corpus_sample_token(shard, at + seq_len));
        }
    assert_int_equal(corpus_sample_count(corpus), sample);
    corpus_close(corpus);
    memory_free(tokens);
    memory_free(starts);
}

static void documents_start_where_they_were_written(void **state)
{
    (void)state;
    assert_document_starts(7); /* less than most documents */
    assert_document_starts(SEQ_LEN);
    assert_document_starts(34999); /* several chunks */
}

static void documents_are_found_for_chunks_that_hold_tokens_already(void **state)
{
    (void)state;
    struct corpus *corpus;
    int32_t tokens[SEQ_LEN + 1], starts[SEQ_LEN];
    assert_int_equal(corpus_open(folder, SPLIT_TRAIN, SEQ_LEN, &corpus), STATUS_OK);
    assert_int_equal(corpus_read_sample(corpus, 3, tokens, NULL), STATUS_OK);
    assert_int_equal(corpus_read_sample(corpus, 3, tokens, starts), STATUS_OK);
    assert_int_equal(starts[SEQ_LEN - 1], document_start(0, 3 * SEQ_LEN, SEQ_LEN - 1));
    corpus_close(corpus);
}

static void counts_are_those_of_the_split(void **state)
{
    (void)state;
    struct corpus *corpus;
    assert_int_equal(corpus_open(folder, SPLIT_HELDOUT, 9, &corpus), STATUS_OK);
    assert_int_equal(corpus_token_count(corpus), 100);
    assert_int_equal(corpus_byte_count(corpus), 300);
    assert_int_equal(corpus_sample_count(corpus), 11);
    assert_int_equal(corpus_vocab_size(corpus), CORPUS_SAMPLE_VOCAB);
    assert_string_equal(corpus_tokenizer_digest(corpus), written.tokenizer_digest);
    corpus_close(corpus);
}

static void a_split_shorter_than_a_sample_has_none(void **state)
{
    (void)state;
    struct corpus *corpus;
    assert_int_equal(corpus_open(folder, SPLIT_HELDOUT, 100, &corpus), STATUS_OK);
    assert_int_equal(corpus_sample_count(corpus), 0);
    corpus_close(corpus);
}

/* More shards than are held open at once, read crosswise. */
static void many_shards_are_read_with_few_open(void **state)
{
    (void)state;
    enum { SHARDS = 70 };
    char many[] = "/tmp/eon-corpus-many-XXXXXX";
    int64_t tokens[SHARDS + 1] = { 0 };
    for (int i = 0; i < SHARDS; i++)
        tokens[i] = 41;
    assert_non_null(mkdtemp(many));
    struct corpus_manifest manifest = corpus_sample_write(many, tokens);
    struct corpus *corpus;
    assert_int_equal(corpus_open(many, SPLIT_TRAIN, 20, &corpus), STATUS_OK);
    assert_int_equal(corpus_sample_count(corpus), 2 * SHARDS);
    for (int64_t i = 0; i < 2 * SHARDS; i++) {
        int32_t read[21];
        int64_t sample = i * 37 % (2 * SHARDS);
        assert_int_equal(corpus_read_sample(corpus, sample, read, NULL), STATUS_OK);
        assert_int_equal(read[20], corpus_sample_token(sample / 2, sample % 2 * 20 + 20));
    }
    corpus_close(corpus);
    corpus_manifest_release(&manifest);
    assert_int_equal(folder_remove(many), STATUS_OK);
}

static void flip_byte(const char *path, long offset)
{
    FILE *file = fopen(path, "r+b");
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    fputc(byte ^ 4, file);
    fclose(file);
}

static void a_flipped_byte_names_shard_and_chunk(void **state)
{
    (void)state;
    struct corpus *corpus;
    int32_t tokens[SEQ_LEN + 1];
    char *path = path_join(folder, "train-00003.h5");
    assert_int_equal(corpus_open(folder, SPLIT_TRAIN, SEQ_LEN, &corpus), STATUS_OK);
    flip_byte(path, 60000); /* amid the chunks */
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < corpus_sample_count(corpus) && status == STATUS_OK; i++)
        status = corpus_read_sample(corpus, i, tokens, NULL);
    assert_int_equal(status, STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "train-00003.h5': chunk 1 of 'tokens' fails its "
                                             "checksum"));
    flip_byte(path, 60000);
    corpus_close(corpus);
    memory_free(path);
}

/* ---- corpus.json ---- */

static void the_manifest_makes_the_round_trip(void **state)
{
    (void)state;
    struct corpus_manifest read;
    char before[SHA256_HEX], after[SHA256_HEX];
    assert_int_equal(corpus_manifest_read(folder, &read), STATUS_OK);
    corpus_manifest_digest(&written, before);
    corpus_manifest_digest(&read, after);
    assert_string_equal(before, after);
    assert_int_equal(read.shard_count, 5);
    assert_int_equal(read.shards[3].tokens, 70001);
    assert_string_equal(read.inputs[0].name, "sample.txt");
    corpus_manifest_release(&read);
}

/* corpus.json with the first `from` replaced by `to` is refused, and says `why`. */
static void assert_edited_refused(const char *from, const char *to, const char *why)
{
    struct strbuf text = STRBUF_INIT, edited = STRBUF_INIT;
    char *path = path_join(folder, CORPUS_MANIFEST_NAME);
    assert_int_equal(file_read(path, 1 << 20, &text), STATUS_OK);
    const char *found = strstr(text.bytes, from);
    assert_non_null(found);
    strbuf_add(&edited, text.bytes, (size_t)(found - text.bytes));
    strbuf_add_string(&edited, to);
    strbuf_add_string(&edited, found + strlen(from));
    assert_int_equal(file_replace(path, edited.bytes, edited.length), STATUS_OK);

    struct corpus *corpus = NULL;
    enum status status = corpus_open(folder, SPLIT_TRAIN, SEQ_LEN, &corpus);
    assert_int_equal(file_replace(path, text.bytes, text.length), STATUS_OK);
    assert_int_equal(status, STATUS_BAD_INPUT);
    if (strstr(status_message(), why) == NULL)
        fail_msg("'%s' does not say '%s'", status_message(), why);
    memory_free(path);
    strbuf_release(&text);
    strbuf_release(&edited);
}

static void shards_outside_of_the_folder_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "../train-00000.h5", "/etc/passwd", "a/../b.h5", ".hidden", "", "..", "a b.h5",
        "caf\u00e9.h5"
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_edited_refused("train-00000.h5", names[i], "is not a plain file name");
}

static void counts_out_of_bounds_are_refused(void **state)
{
    (void)state;
    assert_edited_refused("\"tokens\": 40000", "\"tokens\": -1", "tokens");
    assert_edited_refused("\"tokens\": 40000", "\"tokens\": 0", "tokens");
    assert_edited_refused("\"tokens\": 40000", "\"tokens\": 9223372036854775807", "tokens");
    assert_edited_refused("\"tokens\": 40000", "\"tokens\": 92233720368547758070", "corpus.json");
    assert_edited_refused("\"tokens\": 40000", "\"tokens\": 4e4", "tokens");
    assert_edited_refused("\"tokens\": 40000", "\"tokens\": 40001", "where 40001 belong");
    assert_edited_refused("\"documents\": ", "\"documents\": 99999", "documents");
    assert_edited_refused("\"file_bytes\": ", "\"file_bytes\": 1", "bytes where");
    assert_edited_refused("\"vocab_size\": 50000", "\"vocab_size\": 2147483648", "vocab_size");
}

static void what_is_wrong_in_kind_is_refused(void **state)
{
    (void)state;
    assert_edited_refused("\"format_version\": 1", "\"format_version\": 2", "format version 2");
    assert_edited_refused("\"split\": \"train\"", "\"split\": \"test\"", "unknown split 'test'");
    assert_edited_refused("\"split\": \"train\"", "\"split\": \"heldout\"", "out of order");
    assert_edited_refused("train-00001.h5", "train-00000.h5", "listed twice");
    assert_edited_refused("\"sha256\": \"", "\"sha256\": \"X", "64 hexadecimal digits");
    assert_edited_refused("\"shards\": [", "\"shards\": [ 7,", "is not an object");
    assert_edited_refused("\"shards\":", "\"sharks\":", "shards");
    assert_edited_refused("{", "[", "corpus.json");
}

static void missing_files_are_named(void **state)
{
    (void)state;
    struct corpus *corpus;
    char *path = path_join(folder, "train-00001.h5"), *away = path_join(folder, "away");
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(corpus_open(folder, SPLIT_TRAIN, SEQ_LEN, &corpus), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "train-00001.h5"));
    assert_int_equal(rename(away, path), 0);
    assert_int_equal(corpus_open("/nowhere", SPLIT_TRAIN, SEQ_LEN, &corpus), STATUS_BAD_INPUT);
    memory_free(path);
    memory_free(away);
}

static int write_corpus(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    written = corpus_sample_write(folder, shard_tokens);
    return 0;
}

static int remove_corpus(void **state)
{
    (void)state;
    corpus_manifest_release(&written);
    if (folder_remove(folder) != STATUS_OK)
        return -1;
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_is_where_it_belongs),
        cmocka_unit_test(samples_longer_than_a_chunk_are_read),
        cmocka_unit_test(documents_start_where_they_were_written),
        cmocka_unit_test(documents_are_found_for_chunks_that_hold_tokens_already),
        cmocka_unit_test(counts_are_those_of_the_split),
        cmocka_unit_test(a_split_shorter_than_a_sample_has_none),
        cmocka_unit_test(many_shards_are_read_with_few_open),
        cmocka_unit_test(a_flipped_byte_names_shard_and_chunk),
        cmocka_unit_test(the_manifest_makes_the_round_trip),
        cmocka_unit_test(shards_outside_of_the_folder_are_refused),
        cmocka_unit_test(counts_out_of_bounds_are_refused),
        cmocka_unit_test(what_is_wrong_in_kind_is_refused),
        cmocka_unit_test(missing_files_are_named),
    };
    return cmocka_run_group_tests(tests, write_corpus, remove_corpus);
}
