/* Shards made to harm their reader, each by HDF5 itself: all are refused before their data is
 * read, with one line and within bounded memory. */
#include "shards/format/shard_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <hdf5.h>
#include <zlib.h>

#include "base/file.h"
#include "base/memory.h"

enum { TOKENS = 1000, DOCUMENTS = 10, VOCAB = 50257, CHUNK = 256 };

static char folder[] = "/tmp/eon-hostile-shard-XXXXXX";
static char path[64], secret[64];
static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* How a dataset of the shard is to be; what is zero is as it should be. */
struct column_form {
    hid_t type;
    hsize_t extent, chunk;
    int rank;
    bool contiguous, unfiltered, no_checksum, external, virtual_layout, swapped, unknown_filter;
};

/* What is done to the shard; what is zero is as it should be. */
struct shard_form {
    struct column_form tokens;
    const char *soft_link, *external_link; /* of "tokens" */
    bool documents_soft, no_documents, no_digest, variable_digest, version_three;
    bool documents_is_a_dataset, userblock;
};

static hid_t storage_of(const struct column_form *form, hsize_t extent)
{
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunks[2] = { form->chunk ? form->chunk : extent < CHUNK ? extent : CHUNK, 1 };
    if (form->external)
        H5Pset_external(properties, secret, 0, H5F_UNLIMITED);
    if (form->external || form->contiguous || form->virtual_layout)
        return properties;
    H5Pset_chunk(properties, form->rank ? form->rank : 1, chunks);
    if (form->unfiltered)
        return properties;
    if (form->swapped)
        H5Pset_deflate(properties, 6);
    H5Pset_shuffle(properties);
    if (!form->swapped)
        H5Pset_deflate(properties, 6);
    if (!form->no_checksum)
        H5Pset_fletcher32(properties);
    if (form->unknown_filter) /* optional, so that HDF5 agrees to write it */
        H5Pset_filter(properties, 32015, H5Z_FLAG_OPTIONAL, 0, NULL);
    return properties;
}

static void create_column(hid_t parent, const char *name, const struct column_form *form,
                          hid_t type, hsize_t extent)
{
    hsize_t extents[2] = { form->extent ? form->extent : extent, 1 };
    hid_t properties = storage_of(form, extents[0]);
    hid_t space = H5Screate_simple(form->rank ? form->rank : 1, extents, NULL);
    if (form->virtual_layout)
        assert_true(H5Pset_virtual(properties, space, secret, "tokens", space) >= 0);
    hid_t dataset = H5Dcreate2(parent, name, form->type ? form->type : type, space, H5P_DEFAULT,
                               properties, H5P_DEFAULT);
    assert_true(dataset >= 0);
    if (extents[0] == extent && !form->external && !form->virtual_layout && !form->rank) {
        uint64_t *zeros = memory_alloc_zeroed(extent, sizeof *zeros);
        assert_true(H5Dwrite(dataset, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros) >=
                    0);
        memory_free(zeros);
    }
    H5Dclose(dataset);
    H5Sclose(space);
    H5Pclose(properties);
}

static void create_attribute(hid_t file, const char *name, hid_t type, const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, type, value) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
}

static void create_attributes(hid_t file, const struct shard_form *form)
{
    const uint64_t version = form->version_three ? 3 : 1, vocab_size = VOCAB;
    const char *text = digest;
    hid_t string = H5Tcopy(H5T_C_S1);
    create_attribute(file, "format_version", H5T_STD_U64LE, &version);
    create_attribute(file, "vocabulary_size", H5T_STD_U64LE, &vocab_size);
    H5Tset_size(string, 5);
    create_attribute(file, "split", string, "train");
    H5Tset_size(string, form->variable_digest ? H5T_VARIABLE : 64);
    if (!form->no_digest)
        create_attribute(file, "tokenizer_digest", string,
                         form->variable_digest ? (const void *)&text : digest);
    H5Tclose(string);
}

static void create_documents(hid_t file, const struct shard_form *form)
{
    static const struct column_form as_it_should_be;
    const char *name = form->documents_soft ? "elsewhere" : "documents";
    if (form->no_documents)
        return;
    if (form->documents_is_a_dataset) {
        create_column(file, name, &as_it_should_be, H5T_STD_U64LE, DOCUMENTS);
        return;
    }
    hid_t group = H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    create_column(group, "offset", &as_it_should_be, H5T_STD_U64LE, DOCUMENTS + 1);
    create_column(group, "source", &as_it_should_be, H5T_STD_U32LE, DOCUMENTS);
    H5Gclose(group);
    if (form->documents_soft)
        H5Lcreate_soft("/elsewhere", file, "documents", H5P_DEFAULT, H5P_DEFAULT);
}

static struct shard_claim create_shard(const struct shard_form *form)
{
    hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    if (form->userblock)
        H5Pset_userblock(creation, 512);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, creation, H5P_DEFAULT);
    H5Pclose(creation);
    assert_true(file >= 0);
    create_attributes(file, form);
    if (form->soft_link != NULL)
        H5Lcreate_soft(form->soft_link, file, "tokens", H5P_DEFAULT, H5P_DEFAULT);
    else if (form->external_link != NULL)
        H5Lcreate_external(form->external_link, "tokens", file, "tokens", H5P_DEFAULT, H5P_DEFAULT);
    else
        create_column(file, "tokens", &form->tokens, H5T_STD_U16LE, TOKENS);
    create_documents(file, form);
    H5Fclose(file);

    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    struct shard_claim claim = { .identity = { .vocab_size = VOCAB, .split = SPLIT_TRAIN },
                                 .tokens =
                                     form->tokens.extent ? (int64_t)form->tokens.extent : TOKENS,
                                 .documents = DOCUMENTS,
                                 .file_bytes = info.st_size };
    memcpy(claim.identity.tokenizer_digest, digest, sizeof digest);
    return claim;
}

static enum status read_tokens(const struct shard_claim *claim)
{
    struct shard_reader *reader;
    struct chunk_scratch scratch = { 0 };
    TRY(shard_reader_open(path, claim, &reader));
    int32_t *tokens = memory_alloc((size_t)shard_reader_chunk_tokens(reader) * sizeof *tokens);
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < shard_reader_chunk_count(reader) && status == STATUS_OK; i++) {
        int64_t count;
        status = shard_reader_read_chunk(reader, i, &scratch, tokens, &count);
    }
    memory_free(tokens);
    chunk_scratch_release(&scratch);
    shard_reader_close(reader);
    return status;
}

static long peak_kilobytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void assert_claim_refused(const struct shard_claim *claim, const char *why)
{
    const long before = peak_kilobytes();
    assert_int_equal(read_tokens(claim), STATUS_BAD_INPUT);
    if (strstr(status_message(), why) == NULL)
        fail_msg("'%s' does not say '%s'", status_message(), why);
    assert_non_null(strstr(status_message(), path));
    /* Observed: below 3 MB, of HDF5's own. */
    assert_true(peak_kilobytes() - before < 64 * 1024);
}

static void assert_form_refused(struct shard_form form, const char *why)
{
    const struct shard_claim claim = create_shard(&form);
    assert_claim_refused(&claim, why);
}

static void the_shard_of_these_tests_is_good_by_itself(void **state)
{
    (void)state;
    const struct shard_claim claim = create_shard(&(struct shard_form){ 0 });
    assert_int_equal(read_tokens(&claim), STATUS_OK);
}

static void data_in_other_files_is_refused(void **state)
{
    (void)state;
    assert_form_refused((struct shard_form){ .tokens = { .external = true } },
                        "'tokens' is stored outside of the file");
    assert_form_refused((struct shard_form){ .tokens = { .virtual_layout = true } },
                        "'tokens' is not stored in chunks");
    assert_form_refused((struct shard_form){ .external_link = secret },
                        "'tokens' is a soft or external link");
}

static void links_are_refused(void **state)
{
    (void)state;
    assert_form_refused((struct shard_form){ .soft_link = "/documents/source" },
                        "'tokens' is a soft or external link");
    assert_form_refused((struct shard_form){ .soft_link = "/tokens" },
                        "'tokens' is a soft or external link");
    assert_form_refused((struct shard_form){ .documents_soft = true },
                        "'documents' is a soft or external link");
}

static void storage_without_checksum_is_refused(void **state)
{
    (void)state;
    assert_form_refused((struct shard_form){ .tokens = { .contiguous = true } },
                        "'tokens' is not stored in chunks");
    assert_form_refused((struct shard_form){ .tokens = { .unfiltered = true } },
                        "'tokens' has 0 filters");
    assert_form_refused((struct shard_form){ .tokens = { .no_checksum = true } },
                        "'tokens' has 2 filters");
}

static void unknown_filters_are_refused(void **state)
{
    (void)state;
    assert_form_refused((struct shard_form){ .tokens = { .unknown_filter = true } },
                        "'tokens' has 4 filters");
    assert_form_refused((struct shard_form){ .tokens = { .swapped = true } },
                        "'tokens' is stored with filter 1 where 2 belongs");
}

static void other_types_and_shapes_are_refused(void **state)
{
    (void)state;
    const hid_t types[] = { H5T_STD_I16LE, H5T_STD_U16BE, H5T_STD_U32LE, H5T_IEEE_F32LE,
                            H5T_STD_U8LE };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        assert_form_refused((struct shard_form){ .tokens = { .type = types[i] } },
                            "'tokens' is not of type uint16");
    assert_form_refused((struct shard_form){ .tokens = { .rank = 2 } },
                        "'tokens' has chunks of more than one dimension");
}

static void a_shape_of_2_to_the_40_in_a_small_file_is_refused(void **state)
{
    (void)state;
    assert_form_refused((struct shard_form){ .tokens = { .extent = (hsize_t)1 << 40 } },
                        "more than a file of");
    struct shard_claim claim =
        create_shard(&(struct shard_form){ .tokens = { .extent = (hsize_t)1 << 40 } });
    claim.tokens = TOKENS;
    assert_claim_refused(&claim, "'tokens' has 1099511627776 elements where 1000 belong");
}

static void huge_chunks_are_refused(void **state)
{
    (void)state;
    assert_form_refused((struct shard_form){ .tokens = { .extent = 1 << 30, .chunk = 1 << 30 } },
                        "'tokens' has chunks of 1073741824 elements");
}

static void chunks_that_were_never_written_are_refused(void **state)
{
    (void)state;
    assert_form_refused((struct shard_form){ .tokens = { .extent = 2 * TOKENS } },
                        "chunk 0 of 'tokens' is missing");
}

static void missing_or_other_parts_are_refused(void **state)
{
    (void)state;
    assert_form_refused((struct shard_form){ .no_documents = true }, "it has no 'documents'");
    assert_form_refused((struct shard_form){ .documents_is_a_dataset = true },
                        "'documents' does not open as a group");
    assert_form_refused((struct shard_form){ .no_digest = true }, "its tokenizer_digest is not");
    assert_form_refused((struct shard_form){ .variable_digest = true },
                        "its tokenizer_digest is not");
    assert_form_refused((struct shard_form){ .version_three = true },
                        "its format_version is 3 where 1 or 2 belongs");
    assert_form_refused((struct shard_form){ .userblock = true }, "it does not begin as HDF5");
}

/* Replaces the first chunk of "tokens" by bytes of our own, which HDF5 takes as they are. */
static struct shard_claim create_with_chunk(const void *bytes, size_t length, uint32_t left_out)
{
    struct shard_claim claim = create_shard(&(struct shard_form){ 0 });
    const hsize_t start = 0;
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t dataset = H5Dopen2(file, "tokens", H5P_DEFAULT);
    assert_true(H5Dwrite_chunk(dataset, H5P_DEFAULT, left_out, &start, length, bytes) >= 0);
    H5Dclose(dataset);
    H5Fclose(file);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    claim.file_bytes = info.st_size;
    return claim;
}

/* Fletcher's checksum as HDF5 has it, in its plainest form. */
static void add_checksum(unsigned char *bytes, size_t length)
{
    uint32_t sum = 0, sum_of_sums = 0;
    for (size_t i = 0; i < length; i += 2) {
        sum += (uint32_t)bytes[i] << 8 | (i + 1 < length ? bytes[i + 1] : 0);
        sum = (sum & 0xffff) + (sum >> 16);
        sum_of_sums += sum;
        sum_of_sums = (sum_of_sums & 0xffff) + (sum_of_sums >> 16);
    }
    const uint32_t checksum = sum_of_sums << 16 | sum;
    for (int i = 0; i < 4; i++)
        bytes[length + (size_t)i] = (unsigned char)(checksum >> (8 * i));
}

/* A chunk that inflates to `inflated` bytes of `value`, under a checksum that holds. */
static struct shard_claim create_inflating(size_t inflated, unsigned char value)
{
    uLongf length = compressBound(inflated);
    unsigned char *plain = memory_alloc(inflated), *stored = memory_alloc(length + 4);
    memset(plain, value, inflated);
    assert_int_equal(compress2(stored, &length, plain, inflated, 9), Z_OK);
    add_checksum(stored, length);
    struct shard_claim claim = create_with_chunk(stored, length + 4, 0);
    memory_free(plain);
    memory_free(stored);
    return claim;
}

static void chunks_that_inflate_to_another_size_are_refused(void **state)
{
    (void)state;
    const size_t chunk_bytes = CHUNK * 2;
    struct shard_claim claim = create_inflating(chunk_bytes, 0);
    assert_int_equal(read_tokens(&claim), STATUS_OK);
    claim = create_inflating(chunk_bytes - 2, 0);
    assert_claim_refused(&claim, "chunk 0 of 'tokens' does not inflate to its size");
    claim = create_inflating(chunk_bytes + 2, 0);
    assert_claim_refused(&claim, "chunk 0 of 'tokens' inflates to more than its size");
    claim = create_inflating((size_t)400 << 10, 0); /* what fits into the stored limit */
    assert_claim_refused(&claim, "chunk 0 of 'tokens' inflates to more than its size");
    claim = create_inflating((size_t)64 << 20, 0);
    assert_claim_refused(&claim, "more than 578");
}

static void chunks_with_filters_left_out_are_checked(void **state)
{
    (void)state;
    unsigned char stored[CHUNK * 2 + 4] = { 0 };
    add_checksum(stored, CHUNK * 2);
    struct shard_claim claim = create_with_chunk(stored, sizeof stored, 2);
    assert_int_equal(read_tokens(&claim), STATUS_OK);
    claim = create_with_chunk(stored, sizeof stored - 4, 4 | 2);
    assert_claim_refused(&claim, "chunk 0 of 'tokens' has no checksum");
    stored[7] ^= 1;
    claim = create_with_chunk(stored, sizeof stored, 2);
    assert_claim_refused(&claim, "chunk 0 of 'tokens' fails its checksum");
    claim = create_with_chunk(stored, 3, 2);
    assert_claim_refused(&claim, "chunk 0 of 'tokens' is too short for its checksum");
}

static void a_token_beyond_the_vocabulary_is_refused(void **state)
{
    (void)state;
    struct shard_claim claim = create_inflating(CHUNK * 2, 0xff);
    assert_claim_refused(&claim, "token 0 is 65535, beyond the vocabulary of 50257");
}

static void what_is_no_hdf5_is_refused(void **state)
{
    (void)state;
    struct shard_claim claim = create_shard(&(struct shard_form){ 0 });
    assert_int_equal(file_replace(path, "not HDF5 at all", 15), STATUS_OK);
    claim.file_bytes = 15;
    assert_claim_refused(&claim, "it does not begin as HDF5");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_claim_refused(&claim, "it is not a regular file");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(secret, path), 0);
    assert_int_equal(read_tokens(&claim), STATUS_BAD_INPUT);
    assert_int_equal(unlink(path), 0);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/shard.h5", folder);
    snprintf(secret, sizeof secret, "%s/secret", folder);
    return file_replace(secret, "secret", 6) == STATUS_OK ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    if (folder_remove(folder) != STATUS_OK)
        return -1;
    /* Nothing of HDF5's stays open either. */
    bool closed = H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) == 0;
    return memory_live_blocks() == 0 && closed ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shard_of_these_tests_is_good_by_itself),
        cmocka_unit_test(data_in_other_files_is_refused),
        cmocka_unit_test(links_are_refused),
        cmocka_unit_test(storage_without_checksum_is_refused),
        cmocka_unit_test(unknown_filters_are_refused),
        cmocka_unit_test(other_types_and_shapes_are_refused),
        cmocka_unit_test(a_shape_of_2_to_the_40_in_a_small_file_is_refused),
        cmocka_unit_test(huge_chunks_are_refused),
        cmocka_unit_test(chunks_that_were_never_written_are_refused),
        cmocka_unit_test(missing_or_other_parts_are_refused),
        cmocka_unit_test(chunks_that_inflate_to_another_size_are_refused),
        cmocka_unit_test(chunks_with_filters_left_out_are_checked),
        cmocka_unit_test(a_token_beyond_the_vocabulary_is_refused),
        cmocka_unit_test(what_is_no_hdf5_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
