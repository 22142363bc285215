#include "shards/reading/sample_documents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <hdf5.h>

#include "base/file.h"
#include "base/memory.h"
#include "shards/reading/batch_stream.h"
#include "shards/reading/corpus_document.h"
#include "tests/unit/corpus_sample.h"

enum { SEQ_LEN = 32, LEAVES = 3, LEAF_SEQUENCES = 4, STEPS = 20 };

static const int64_t shard_tokens[] = { 3000, 5000, 0 };
static char folder[] = "/tmp/eon-sample-documents-XXXXXX";
static struct corpus_manifest written;

/* Documents as the sample corpus was written, found by counting from the shard's first token. */
static void assert_documents(const struct sample_documents *documents, int64_t shard)
{
    int64_t document = -1, item = -1;
    for (int64_t place = 0; place < documents->end_token; place++) {
        document += corpus_sample_begins(shard, place);
        if (place < documents->first_token)
            continue;
        if (item < 0 || documents->items[item].document != document)
            item++;
        assert_true(item < documents->count);
        const struct sample_document *found = &documents->items[item];
        assert_int_equal(found->document, document);
        assert_true(found->first_token <= place && place < found->end_token);
        assert_true(corpus_sample_begins(shard, found->first_token));
        assert_string_equal(found->input->name, "sample.txt");
        assert_true(found->label.has_number && !found->label.has_name);
        assert_int_equal(found->label.number, document);
    }
    assert_int_equal(item, documents->count - 1);
}

/* What the ledger says of a sequence, against what training really took. */
static void documents_are_those_of_the_tokens_that_a_step_took(void **state)
{
    (void)state;
    struct corpus_mixture *streamed, *asked;
    assert_int_equal(corpus_mixture_open(folder, SPLIT_TRAIN, SEQ_LEN, &streamed), STATUS_OK);
    assert_int_equal(corpus_mixture_open(folder, SPLIT_TRAIN, SEQ_LEN, &asked), STATUS_OK);
    const struct mixture_schedule schedule = corpus_mixture_schedule(asked, 5);
    const struct batch_stream_plan plan = { .seed = 5,
                                            .leaves = LEAVES,
                                            .leaf_sequences = LEAF_SEQUENCES,
                                            .seq_len = SEQ_LEN,
                                            .end_leaf = LEAVES,
                                            .ahead = 2 };
    struct batch_stream *stream = batch_stream_open(streamed, &plan);
    for (int64_t i = 0; i < STEPS * LEAVES; i++) {
        const struct leaf_tokens *taken;
        assert_int_equal(batch_stream_take(stream, i / LEAVES, i % LEAVES, &taken), STATUS_OK);
        for (int64_t s = 0; s < LEAF_SEQUENCES; s++) {
            const struct mixture_place place =
                mixture_schedule_place(&schedule, i * LEAF_SEQUENCES + s);
            struct sample_documents documents;
            assert_int_equal(
                sample_documents_read(asked->parts[0].corpus, place.sample, &documents), STATUS_OK);
            const int64_t shard =
                documents.shard == &corpus_list(asked->parts[0].corpus)->shards[1];
            for (int64_t t = 0; t < SEQ_LEN; t++)
                assert_int_equal(taken->tokens[s * SEQ_LEN + t],
                                 corpus_sample_token(shard, documents.first_token + t));
            assert_int_equal(documents.end_token, documents.first_token + SEQ_LEN + 1);
            assert_documents(&documents, shard);
            sample_documents_release(&documents);
        }
    }
    batch_stream_close(stream);
    corpus_mixture_close(streamed);
    corpus_mixture_close(asked);
}

/* ---- Numbers and names --------------------------------------------------------------------------
 */

static void add_column(hid_t file, const char *name, hid_t type, hsize_t count, const void *values,
                       hid_t memory_type)
{
    const hsize_t chunk = 64;
    hid_t space = H5Screate_simple(1, &count, NULL), properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(properties, 1, &chunk);
    H5Pset_shuffle(properties);
    H5Pset_deflate(properties, 6);
    H5Pset_fletcher32(properties);
    hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    assert_true(H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(dataset);
    H5Pclose(properties);
    H5Sclose(space);
}

static void name_of(int64_t document, char out[48])
{
    snprintf(out, 48, document % 5 == 0 ? "" : "https://x.example/%lld", (long long)document);
}

/* Gives a shard other numbers, 3 d + 7, and names, of which some are empty. */
static void add_labels(const char *path, int64_t documents, bool with_names)
{
    uint64_t *numbers = memory_alloc((size_t)documents * sizeof *numbers);
    uint64_t *offsets = memory_alloc_zeroed((size_t)documents + 1, sizeof *offsets);
    struct strbuf names = STRBUF_INIT;
    for (int64_t d = 0; d < documents; d++) {
        char name[48];
        name_of(d, name);
        numbers[d] = 3 * (uint64_t)d + 7;
        strbuf_add_string(&names, name);
        offsets[d + 1] = names.length;
    }
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Ldelete(file, "documents/number", H5P_DEFAULT) >= 0);
    add_column(file, "documents/number", H5T_STD_U64LE, (hsize_t)documents, numbers,
               H5T_NATIVE_UINT64);
    if (with_names) {
        add_column(file, "documents/name_offset", H5T_STD_U64LE, (hsize_t)documents + 1, offsets,
                   H5T_NATIVE_UINT64);
        add_column(file, "documents/name", H5T_STD_U8LE, names.length, names.bytes,
                   H5T_NATIVE_UINT8);
    }
    H5Fclose(file);
    strbuf_release(&names);
    memory_free(numbers);
    memory_free(offsets);
}

static void label_shard(int64_t shard, bool with_names)
{
    char *path = path_join(folder, written.shards[shard].file);
    struct stat info;
    add_labels(path, written.shards[shard].documents, with_names);
    assert_int_equal(stat(path, &info), 0);
    written.shards[shard].file_bytes = info.st_size;
    assert_int_equal(corpus_manifest_write(&written, folder), STATUS_OK);
    memory_free(path);
}

static void numbers_and_names_are_read_where_a_shard_has_them(void **state)
{
    (void)state;
    label_shard(0, true);
    label_shard(1, false);
    const int64_t in_first = written.shards[0].documents;
    for (int64_t d = 0; d < in_first + 10; d++) {
        struct corpus_document document;
        char name[48];
        assert_int_equal(corpus_document_read(folder, &written, SPLIT_TRAIN, d, &document),
                         STATUS_OK);
        const int64_t own = d < in_first ? d : d - in_first;
        name_of(own, name);
        assert_true(document.label.has_number);
        assert_int_equal(document.label.number, 3 * own + 7);
        assert_int_equal(document.label.has_name, d < in_first);
        assert_string_equal(document.label.name.bytes, d < in_first ? name : "");
        corpus_document_release(&document);
    }
}

static enum status verify_labels(int64_t shard)
{
    struct shard_reader *reader;
    struct chunk_scratch scratch = { 0 };
    const struct shard_claim claim = corpus_manifest_claim(&written, shard);
    char *path = path_join(folder, written.shards[shard].file);
    enum status status = shard_reader_open(path, &claim, &reader);
    if (status == STATUS_OK) {
        status = shard_reader_verify_labels(reader, &scratch);
        shard_reader_close(reader);
    }
    chunk_scratch_release(&scratch);
    memory_free(path);
    return status;
}

static void set_name_offset(int64_t shard, hsize_t document, uint64_t value, uint64_t *before)
{
    char *path = path_join(folder, written.shards[shard].file);
    const hsize_t one = 1;
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t dataset = H5Dopen2(file, "documents/name_offset", H5P_DEFAULT);
    hid_t space = H5Dget_space(dataset), memory = H5Screate_simple(1, &one, NULL);
    struct stat info;
    H5Sselect_hyperslab(space, H5S_SELECT_SET, &document, NULL, &one, NULL);
    assert_true(H5Dread(dataset, H5T_NATIVE_UINT64, memory, space, H5P_DEFAULT, before) >= 0);
    assert_true(H5Dwrite(dataset, H5T_NATIVE_UINT64, memory, space, H5P_DEFAULT, &value) >= 0);
    H5Sclose(memory);
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(file);
    assert_int_equal(stat(path, &info), 0);
    written.shards[shard].file_bytes = info.st_size;
    assert_int_equal(corpus_manifest_write(&written, folder), STATUS_OK);
    memory_free(path);
}

static void names_that_lie_elsewhere_are_refused(void **state)
{
    (void)state;
    const uint64_t wrong[] = { 0, UINT64_MAX, (uint64_t)1 << 40, 1 << 20 };
    const hsize_t last = (hsize_t)written.shards[0].documents;
    uint64_t before, unused;
    assert_int_equal(verify_labels(0), STATUS_OK);
    assert_int_equal(verify_labels(1), STATUS_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        for (hsize_t at = last; at > last - 3; at--) {
            set_name_offset(0, at, wrong[i], &before);
            assert_int_equal(verify_labels(0), STATUS_BAD_INPUT);
            assert_non_null(strstr(status_message(), "train-00000.h5"));
            set_name_offset(0, at, before, &unused);
        }
    assert_int_equal(verify_labels(0), STATUS_OK);
}

static void a_shard_with_labels_is_trained_on_as_one_without(void **state)
{
    (void)state;
    struct corpus *corpus;
    int32_t tokens[SEQ_LEN + 1], starts[SEQ_LEN];
    assert_int_equal(corpus_open(folder, SPLIT_TRAIN, SEQ_LEN, &corpus), STATUS_OK);
    for (int64_t sample = 0; sample < corpus_sample_count(corpus); sample++)
        assert_int_equal(corpus_read_sample(corpus, sample, tokens, starts), STATUS_OK);
    corpus_close(corpus);
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
        cmocka_unit_test(documents_are_those_of_the_tokens_that_a_step_took),
        cmocka_unit_test(numbers_and_names_are_read_where_a_shard_has_them),
        cmocka_unit_test(names_that_lie_elsewhere_are_refused),
        cmocka_unit_test(a_shard_with_labels_is_trained_on_as_one_without),
    };
    return cmocka_run_group_tests(tests, write_corpus, remove_corpus);
}
