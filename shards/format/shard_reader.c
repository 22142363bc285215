#include "shards/format/shard_reader_parts.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"

/* HDF5 would look for its signature further on as well. */
static enum status check_beginning(const struct hdf5_file *file)
{
    static const unsigned char signature[8] = { 0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n' };
    unsigned char bytes[sizeof signature] = { 0 };
    const size_t length =
        file->file_bytes < (int64_t)sizeof bytes ? (size_t)file->file_bytes : sizeof bytes;
    TRY(file_read_at(file->descriptor, bytes, length, 0, file->path));
    if (memcmp(bytes, signature, sizeof signature) != 0)
        return bad_input("it does not begin as HDF5");
    return STATUS_OK;
}

static enum status open_hdf5(struct shard_reader *reader)
{
    TRY(check_beginning(&reader->at));
    reader->file = hdf5_file_enter(&reader->at);
    if (reader->file < 0)
        return bad_input("it does not open as HDF5: %s", hdf5_reason());
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

static enum status read_number(hid_t file, const char *name, uint64_t *out)
{
    unsigned char bytes[8]; /* little-endian */
    hid_t attribute = H5Aopen(file, name, H5P_DEFAULT);
    bool ok = attribute >= 0 && read_attribute(attribute, H5T_INTEGER, sizeof bytes, bytes);
    H5Aclose(attribute);
    if (!ok)
        return bad_input("it has no attribute '%s' of type uint64", name);
    *out = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        *out |= (uint64_t)bytes[i] << (8 * i);
    return STATUS_OK;
}

static enum status check_number(hid_t file, const char *name, int64_t expected)
{
    uint64_t value;
    TRY(read_number(file, name, &value));
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

enum status shard_reader_read_version(struct shard_reader *reader)
{
    uint64_t version;
    TRY(read_number(reader->file, SHARD_ATTRIBUTE_VERSION, &version));
    if (version < SHARD_FORMAT_VERSION || version > SHARD_FORMAT_LABELLED)
        return bad_input("its %s is %llu where %d or %d belongs", SHARD_ATTRIBUTE_VERSION,
                         (unsigned long long)version, SHARD_FORMAT_VERSION, SHARD_FORMAT_LABELLED);
    reader->version = version;
    return STATUS_OK;
}

static enum status check_identity(hid_t file, const struct shard_identity *identity)
{
    TRY(check_text(file, SHARD_ATTRIBUTE_TOKENIZER, identity->tokenizer_digest));
    TRY(check_number(file, SHARD_ATTRIBUTE_VOCAB, identity->vocab_size));
    return check_text(file, SHARD_ATTRIBUTE_SPLIT, corpus_split_names[identity->split]);
}

/* Under hdf5_lock. */
static enum status open_tokens(struct shard_reader *reader)
{
    const struct shard_claim *claim = &reader->claim;
    return column_reader_open(&reader->tokens, &reader->at, reader->file, SHARD_TOKENS,
                              shard_token_bytes(claim->identity.vocab_size), claim->tokens);
}

enum status shard_reader_open_documents(struct shard_reader *reader)
{
    const int64_t documents = reader->claim.documents;
    TRY(column_check_link(reader->file, SHARD_DOCUMENTS));
    reader->documents = H5Gopen2(reader->file, SHARD_DOCUMENTS, H5P_DEFAULT);
    if (!hdf5_note(reader->documents >= 0))
        return bad_input("'%s' does not open as a group: %s", SHARD_DOCUMENTS, hdf5_reason());
    TRY(column_reader_open(&reader->offsets, &reader->at, reader->documents, SHARD_DOCUMENT_OFFSETS,
                           8, documents + 1));
    return column_reader_open(&reader->sources, &reader->at, reader->documents,
                              SHARD_DOCUMENT_SOURCES, 4, documents);
}

/* Under hdf5_lock. */
static enum status open_content(struct shard_reader *reader, bool again)
{
    TRY(open_hdf5(reader));
    if (again)
        return open_tokens(reader);
    TRY(shard_reader_read_version(reader));
    TRY(check_identity(reader->file, &reader->claim.identity));
    TRY(open_tokens(reader));
    return shard_reader_open_documents(reader);
}

enum status shard_reader_about(const struct shard_reader *reader, enum status status)
{
    if (status == STATUS_OK)
        return STATUS_OK;
    if (reader->at.read_status != STATUS_OK) /* HDF5's view of it tells nothing */
        status = status_set(reader->at.read_status, reader->at.read_message);
    return status_prefix(status, "cannot read shard '%s'", reader->path);
}

static enum status open_checked(struct shard_reader *reader, bool again)
{
    TRY(hdf5_file_open(&reader->at, reader->path));
    if (reader->at.file_bytes != reader->claim.file_bytes)
        return shard_reader_about(reader, bad_input("it has %lld bytes where %lld belong",
                                                    (long long)reader->at.file_bytes,
                                                    (long long)reader->claim.file_bytes));
    hdf5_lock();
    enum status status = open_content(reader, again);
    hdf5_unlock();
    return shard_reader_about(reader, status);
}

static enum status open_reader(const char *path, const struct shard_claim *claim, bool again,
                               struct shard_reader **out)
{
    struct shard_reader *reader = memory_alloc_zeroed(1, sizeof *reader);
    reader->path = memory_copy_string(path);
    reader->claim = *claim;
    reader->at.descriptor = -1;
    reader->file = reader->documents = -1;
    reader->tokens.dataset = reader->offsets.dataset = reader->sources.dataset = -1;
    reader->first_tokens.dataset = -1;
    reader->numbers.dataset = reader->name_offsets.dataset = reader->names.dataset = -1;

    enum status status = open_checked(reader, again);
    if (status == STATUS_OK)
        *out = reader;
    else
        shard_reader_close(reader);
    return status;
}

enum status shard_reader_open(const char *path, const struct shard_claim *claim,
                              struct shard_reader **out)
{
    return open_reader(path, claim, false, out);
}

enum status shard_reader_reopen(const char *path, const struct shard_claim *claim,
                                struct shard_reader **out)
{
    return open_reader(path, claim, true, out);
}

void shard_reader_close(struct shard_reader *reader)
{
    if (reader == NULL)
        return;
    hdf5_lock();
    column_reader_close(&reader->tokens);
    column_reader_close(&reader->first_tokens);
    column_reader_close(&reader->offsets);
    column_reader_close(&reader->sources);
    column_reader_close(&reader->numbers);
    column_reader_close(&reader->name_offsets);
    column_reader_close(&reader->names);
    if (reader->documents >= 0)
        H5Gclose(reader->documents);
    if (reader->file >= 0)
        H5Fclose(reader->file);
    hdf5_unlock();
    hdf5_file_close(&reader->at);
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

size_t shard_reader_token_bytes(const struct shard_reader *reader)
{
    return reader->tokens.element_bytes;
}

int64_t shard_reader_chunk_length(const struct shard_reader *reader, int64_t chunk)
{
    return column_reader_chunk_length(&reader->tokens, chunk);
}

enum status shard_reader_find_chunk(const struct shard_reader *reader, int64_t chunk,
                                    struct chunk_place *out)
{
    return shard_reader_about(reader, column_reader_find(&reader->tokens, chunk, out));
}

#define LARGEST(type, name)                                                                        \
    static type name(const type *values, int64_t count)                                            \
    {                                                                                              \
        type largest = 0;                                                                          \
        for (int64_t i = 0; i < count; i++)                                                        \
            largest = values[i] > largest ? values[i] : largest;                                   \
        return largest;                                                                            \
    }
LARGEST(uint16_t, largest_16)
LARGEST(uint32_t, largest_32)

static uint32_t token_at(const void *tokens, size_t token_bytes, int64_t i)
{
    return token_bytes == 2 ? ((const uint16_t *)tokens)[i] : ((const uint32_t *)tokens)[i];
}

static enum status check_tokens(const struct shard_reader *reader, int64_t chunk,
                                const void *tokens)
{
    const uint32_t vocab_size = (uint32_t)reader->claim.identity.vocab_size;
    const struct column_reader *column = &reader->tokens;
    const int64_t count = column_reader_chunk_length(column, chunk);
    uint32_t largest =
        column->element_bytes == 2 ? largest_16(tokens, count) : largest_32(tokens, count);
    if (largest < vocab_size)
        return STATUS_OK;
    int64_t i = 0;
    while (token_at(tokens, column->element_bytes, i) < vocab_size)
        i++;
    return shard_reader_about(reader,
                              bad_input("token %lld is %u, beyond the vocabulary of %u",
                                        (long long)(chunk * column->chunk_elements + i),
                                        token_at(tokens, column->element_bytes, i), vocab_size));
}

enum status shard_reader_load_chunk(const struct shard_reader *reader, int64_t chunk,
                                    const struct chunk_place *place, struct chunk_scratch *scratch,
                                    void *tokens)
{
    TRY(shard_reader_about(reader,
                           column_reader_load(&reader->tokens, chunk, place, scratch, tokens)));
    return check_tokens(reader, chunk, tokens);
}

enum status shard_reader_read_chunk(struct shard_reader *reader, int64_t chunk,
                                    struct chunk_scratch *scratch, int32_t *tokens, int64_t *count)
{
    const void *elements;
    TRY(shard_reader_about(reader,
                           column_reader_chunk(&reader->tokens, chunk, scratch, &elements)));
    TRY(check_tokens(reader, chunk, elements));
    *count = column_reader_chunk_length(&reader->tokens, chunk);
    shard_tokens_widen(elements, reader->tokens.element_bytes, *count, tokens);
    return STATUS_OK;
}

/* Under hdf5_lock. */
static enum status open_first_tokens(struct shard_reader *reader)
{
    const int64_t vocab_size = reader->claim.identity.vocab_size;
    if (H5Lexists(reader->file, SHARD_FIRST_TOKENS, H5P_DEFAULT) <= 0)
        return STATUS_OK;
    return column_reader_open(&reader->first_tokens, &reader->at, reader->file, SHARD_FIRST_TOKENS,
                              shard_token_bytes(vocab_size), shard_reader_chunk_count(reader));
}

enum status shard_reader_first_token(struct shard_reader *reader, int64_t chunk,
                                     struct chunk_scratch *scratch, int32_t *token)
{
    uint64_t found;
    *token = -1;
    if (!reader->first_tokens_are_open) {
        hdf5_lock();
        enum status status = open_first_tokens(reader);
        hdf5_unlock();
        TRY(shard_reader_about(reader, status));
        reader->first_tokens_are_open = true;
    }
    if (reader->first_tokens.dataset < 0 || chunk >= shard_reader_chunk_count(reader))
        return STATUS_OK;
    TRY(shard_reader_about(reader,
                           column_reader_range(&reader->first_tokens, chunk, 1, scratch, &found)));
    if (found >= (uint64_t)reader->claim.identity.vocab_size)
        return shard_reader_about(
            reader,
            bad_input("the first token of chunk %lld is %llu, beyond the vocabulary of %lld",
                      (long long)chunk, (unsigned long long)found,
                      (long long)reader->claim.identity.vocab_size));
    *token = (int32_t)found;
    return STATUS_OK;
}

void shard_tokens_widen(const void *tokens, size_t token_bytes, int64_t count, int32_t *out)
{
    if (token_bytes == 2)
        for (int64_t i = 0; i < count; i++)
            out[i] = ((const uint16_t *)tokens)[i];
    else
        memcpy(out, tokens, (size_t)count * sizeof *out);
}
