#include "shards/shard_reader.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "shards/column_reader.h"
#include "shards/hdf5_read_driver.h"

enum { DOCUMENTS_AT_ONCE = 512 };

struct shard_reader {
    char *path;
    struct shard_claim claim;
    struct column_file at; /* the same file, opened a second time for our own reading */
    hid_t file, documents;
    struct column_reader tokens, offsets, sources;
};

static enum status open_hdf5(struct shard_reader *reader)
{
    hsize_t userblock = 0;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    /* One plain file (no family of files, no split ones) and no locks: a committed shard
     * never changes, and parallel file systems often refuse locks. */
    if (hdf5_use_read_driver(access) >= 0 && H5Pset_file_locking(access, false, true) >= 0)
        reader->file = H5Fopen(reader->path, H5F_ACC_RDONLY, access);
    bool ok = hdf5_note(reader->file >= 0);
    H5Pclose(access);
    if (!ok)
        return bad_input("it does not open as HDF5: %s", hdf5_reason());

    hid_t creation = H5Fget_create_plist(reader->file);
    ok = hdf5_note(creation >= 0 && H5Pget_userblock(creation, &userblock) >= 0);
    H5Pclose(creation);
    if (!ok)
        return bad_input("its superblock is unreadable: %s", hdf5_reason());
    if (userblock != 0)
        return bad_input("it starts with %llu bytes that are not HDF5",
                         (unsigned long long)userblock);
    return STATUS_OK;
}

/* Reads an attribute of exactly the type and size, of one value. */
static bool read_attribute(hid_t attribute, H5T_class_t class, size_t bytes, void *out)
{
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    bool ok = H5Tget_class(type) == class && H5Tget_size(type) == bytes &&
              (class != H5T_STRING || H5Tis_variable_str(type) == 0) &&
              H5Sget_simple_extent_type(space) == H5S_SCALAR && H5Aread(attribute, type, out) >= 0;
    H5Sclose(space);
    H5Tclose(type);
    return ok;
}

static enum status check_number(hid_t file, const char *name, int64_t expected)
{
    unsigned char bytes[8];
    hid_t attribute = H5Aopen(file, name, H5P_DEFAULT);
    bool ok = attribute >= 0 && read_attribute(attribute, H5T_INTEGER, sizeof bytes, bytes);
    H5Aclose(attribute);
    if (!ok)
        return bad_input("it has no attribute '%s' of type uint64", name);
    uint64_t value = column_element(bytes, sizeof bytes, 0);
    if (value != (uint64_t)expected)
        return bad_input("its %s is %llu where %lld belongs", name, (unsigned long long)value,
                         (long long)expected);
    return STATUS_OK;
}

static enum status check_text(hid_t file, const char *name, const char *expected)
{
    char text[SHA256_HEX] = "";
    size_t length = strlen(expected);
    CHECK(length < sizeof text, "attribute '%s' is longer than any", name);
    hid_t attribute = H5Aopen(file, name, H5P_DEFAULT);
    bool ok = attribute >= 0 && read_attribute(attribute, H5T_STRING, length, text);
    H5Aclose(attribute);
    if (!ok || memcmp(text, expected, length) != 0)
        return bad_input("its %s is not '%s'", name, expected);
    return STATUS_OK;
}

static enum status check_identity(hid_t file, const struct shard_identity *identity)
{
    TRY(check_number(file, SHARD_ATTRIBUTE_VERSION, SHARD_FORMAT_VERSION));
    TRY(check_text(file, SHARD_ATTRIBUTE_TOKENIZER, identity->tokenizer_digest));
    TRY(check_number(file, SHARD_ATTRIBUTE_VOCAB, identity->vocab_size));
    return check_text(file, SHARD_ATTRIBUTE_SPLIT, corpus_split_names[identity->split]);
}

/* Under hdf5_lock. */
static enum status open_content(struct shard_reader *reader)
{
    const struct shard_claim *claim = &reader->claim;
    TRY(open_hdf5(reader));
    TRY(check_identity(reader->file, &claim->identity));
    TRY(column_reader_open(&reader->tokens, &reader->at, reader->file, SHARD_TOKENS,
                           shard_token_bytes(claim->identity.vocab_size), claim->tokens));
    TRY(column_check_link(reader->file, SHARD_DOCUMENTS));
    reader->documents = H5Gopen2(reader->file, SHARD_DOCUMENTS, H5P_DEFAULT);
    if (!hdf5_note(reader->documents >= 0))
        return bad_input("'%s' does not open as a group: %s", SHARD_DOCUMENTS, hdf5_reason());
    TRY(column_reader_open(&reader->offsets, &reader->at, reader->documents, SHARD_DOCUMENT_OFFSETS,
                           8, claim->documents + 1));
    return column_reader_open(&reader->sources, &reader->at, reader->documents,
                              SHARD_DOCUMENT_SOURCES, 4, claim->documents);
}

static enum status about(const struct shard_reader *reader, enum status status)
{
    if (status == STATUS_OK)
        return STATUS_OK;
    return status_prefix(status, "cannot read shard '%s'", reader->path);
}

static enum status open_checked(struct shard_reader *reader)
{
    TRY(file_open_regular(reader->path, &reader->at.descriptor, &reader->at.file_bytes));
    if (reader->at.file_bytes != reader->claim.file_bytes)
        return about(reader, bad_input("it has %lld bytes where %lld belong",
                                       (long long)reader->at.file_bytes,
                                       (long long)reader->claim.file_bytes));
    hdf5_lock();
    enum status status = open_content(reader);
    hdf5_unlock();
    return about(reader, status);
}

enum status shard_reader_open(const char *path, const struct shard_claim *claim,
                              struct shard_reader **out)
{
    struct shard_reader *reader = memory_alloc_zeroed(1, sizeof *reader);
    reader->path = memory_copy_string(path);
    reader->claim = *claim;
    reader->at = (struct column_file){ .path = reader->path, .descriptor = -1 };
    reader->file = reader->documents = -1;
    reader->tokens.dataset = reader->offsets.dataset = reader->sources.dataset = -1;

    enum status status = open_checked(reader);
    if (status == STATUS_OK)
        *out = reader;
    else
        shard_reader_close(reader);
    return status;
}

void shard_reader_close(struct shard_reader *reader)
{
    if (reader == NULL)
        return;
    hdf5_lock();
    column_reader_close(&reader->tokens);
    column_reader_close(&reader->offsets);
    column_reader_close(&reader->sources);
    if (reader->documents >= 0)
        H5Gclose(reader->documents);
    if (reader->file >= 0)
        H5Fclose(reader->file);
    hdf5_unlock();
    if (reader->at.descriptor >= 0)
        close(reader->at.descriptor);
    memory_free(reader->path);
    memory_free(reader);
}

int64_t shard_reader_chunk_tokens(const struct shard_reader *reader)
{
    return reader->tokens.chunk_elements;
}

int64_t shard_reader_chunk_count(const struct shard_reader *reader)
{
    return column_reader_chunk_count(&reader->tokens);
}

enum status shard_reader_read_chunk(const struct shard_reader *reader, int64_t chunk,
                                    struct chunk_scratch *scratch, int32_t *tokens, int64_t *count)
{
    const struct column_reader *column = &reader->tokens;
    const uint64_t vocab_size = (uint64_t)reader->claim.identity.vocab_size;
    TRY(about(reader, column_reader_chunk(column, chunk, scratch, count)));

    for (int64_t i = 0; i < *count; i++) {
        uint64_t token = column_element(scratch->elements, column->element_bytes, i);
        if (token >= vocab_size)
            return about(reader,
                         bad_input("token %lld is %llu, beyond the vocabulary of %llu",
                                   (long long)(chunk * column->chunk_elements + i),
                                   (unsigned long long)token, (unsigned long long)vocab_size));
        tokens[i] = (int32_t)token;
    }
    return STATUS_OK;
}

enum status shard_reader_read_offsets(const struct shard_reader *reader, int64_t first,
                                      int64_t count, struct chunk_scratch *scratch,
                                      uint64_t *offsets)
{
    return about(reader, column_reader_range(&reader->offsets, first, count, scratch, offsets));
}

/* The first document that begins at token `place` or after it, or else their number. */
static enum status find_document(const struct shard_reader *reader, int64_t place,
                                 struct chunk_scratch *scratch, int64_t *document)
{
    int64_t low = 0, high = reader->claim.documents; /* it is within [low, high] */
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        uint64_t offset;
        TRY(shard_reader_read_offsets(reader, middle, 1, scratch, &offset));
        if (offset < (uint64_t)place)
            low = middle + 1;
        else
            high = middle;
    }
    *document = low;
    return STATUS_OK;
}

enum status shard_reader_mark_documents(const struct shard_reader *reader, int64_t first,
                                        int64_t count, struct chunk_scratch *scratch, bool *begins)
{
    uint64_t offsets[DOCUMENTS_AT_ONCE], least = (uint64_t)first, end = least + (uint64_t)count;
    int64_t document;
    memset(begins, 0, (size_t)count * sizeof *begins);
    TRY(find_document(reader, first, scratch, &document));
    while (document < reader->claim.documents) {
        int64_t left = reader->claim.documents - document;
        int64_t taken = left < DOCUMENTS_AT_ONCE ? left : DOCUMENTS_AT_ONCE;
        TRY(shard_reader_read_offsets(reader, document, taken, scratch, offsets));
        for (int64_t i = 0; i < taken; i++, document++) {
            if (offsets[i] >= end)
                return STATUS_OK;
            if (offsets[i] < least)
                return about(reader, bad_input("document %lld begins at token %llu, before %llu",
                                               (long long)document, (unsigned long long)offsets[i],
                                               (unsigned long long)least));
            begins[offsets[i] - (uint64_t)first] = true;
            least = offsets[i] + 1;
        }
    }
    return STATUS_OK;
}

enum status shard_reader_read_sources(const struct shard_reader *reader, int64_t first,
                                      int64_t count, struct chunk_scratch *scratch,
                                      uint64_t *sources)
{
    return about(reader, column_reader_range(&reader->sources, first, count, scratch, sources));
}
