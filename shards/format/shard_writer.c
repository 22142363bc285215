#include "shards/format/shard_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "shards/format/column_writer.h"
#include "shards/format/hdf5_guard.h"

struct shard_writer {
    char *path;
    struct shard_identity identity;
    hid_t file, documents;
    struct chunk_encoder *encoder;
    struct column_writer tokens, first_tokens, offsets, sources, numbers;
    int64_t listed; /* tokens of the documents so far */
    bool has_names;
    struct column_writer names, name_offsets;
};

static enum status cannot_write(const struct shard_writer *writer)
{
    return failed("cannot write shard '%s': %s", writer->path, hdf5_reason());
}

/* A file of format 1.10, whose metadata carry checksums, without times. */
static hid_t create_file(const char *path)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_FILE_CREATE);
    hid_t file = -1;
    if (H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0 &&
        H5Pset_obj_track_times(creation, false) >= 0)
        file = H5Fcreate(path, H5F_ACC_EXCL, creation, access);
    hdf5_note(file >= 0);
    H5Pclose(creation);
    H5Pclose(access);
    return file;
}

static hid_t create_group(hid_t parent, const char *name)
{
    hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
    hid_t group = -1;
    if (H5Pset_obj_track_times(creation, false) >= 0)
        group = H5Gcreate2(parent, name, H5P_DEFAULT, creation, H5P_DEFAULT);
    hdf5_note(group >= 0);
    H5Pclose(creation);
    return group;
}

static bool write_attribute(hid_t file, const char *name, hid_t type, const void *value)
{
    hid_t scalar = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(file, name, type, scalar, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = hdf5_note(attribute >= 0 && H5Awrite(attribute, type, value) >= 0);
    H5Aclose(attribute);
    H5Sclose(scalar);
    return ok;
}

static bool write_text_attribute(hid_t file, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    bool ok = hdf5_note(H5Tset_size(type, strlen(text)) >= 0 &&
                        H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0) &&
              write_attribute(file, name, type, text);
    H5Tclose(type);
    return ok;
}

static bool write_number_attribute(hid_t file, const char *name, uint64_t value)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(value >> (8 * i));
    return write_attribute(file, name, hdf5_unsigned_type(sizeof bytes), bytes);
}

static bool write_identity(hid_t file, const struct shard_identity *identity)
{
    return write_number_attribute(file, SHARD_ATTRIBUTE_VERSION, SHARD_FORMAT_LABELLED) &&
           write_text_attribute(file, SHARD_ATTRIBUTE_TOKENIZER, identity->tokenizer_digest) &&
           write_number_attribute(file, SHARD_ATTRIBUTE_VOCAB, (uint64_t)identity->vocab_size) &&
           write_text_attribute(file, SHARD_ATTRIBUTE_SPLIT, corpus_split_names[identity->split]);
}

static bool create_file_content(struct shard_writer *writer)
{
    hdf5_lock();
    writer->file = create_file(writer->path);
    bool ok = writer->file >= 0 && write_identity(writer->file, &writer->identity);
    if (ok)
        writer->documents = create_group(writer->file, SHARD_DOCUMENTS);
    hdf5_unlock();
    return ok && writer->documents >= 0;
}

static bool open_name_columns(struct shard_writer *writer)
{
    return column_writer_open(&writer->names, writer->documents, SHARD_DOCUMENT_NAMES, 1,
                              writer->encoder) &&
           column_writer_open(&writer->name_offsets, writer->documents, SHARD_NAME_OFFSETS, 8,
                              writer->encoder) &&
           column_writer_add(&writer->name_offsets, 0);
}

static bool open_columns(struct shard_writer *writer)
{
    struct chunk_encoder *encoder = writer->encoder;
    return column_writer_open(&writer->tokens, writer->file, SHARD_TOKENS,
                              shard_token_bytes(writer->identity.vocab_size), encoder) &&
           column_writer_open(&writer->first_tokens, writer->file, SHARD_FIRST_TOKENS,
                              shard_token_bytes(writer->identity.vocab_size), encoder) &&
           column_writer_open(&writer->offsets, writer->documents, SHARD_DOCUMENT_OFFSETS, 8,
                              encoder) &&
           column_writer_open(&writer->sources, writer->documents, SHARD_DOCUMENT_SOURCES, 4,
                              encoder) &&
           column_writer_open(&writer->numbers, writer->documents, SHARD_DOCUMENT_NUMBERS, 8,
                              encoder) &&
           column_writer_add(&writer->offsets, 0) &&
           (!writer->has_names || open_name_columns(writer));
}

enum status shard_writer_open(const char *path, const struct shard_identity *identity,
                              bool has_names, struct shard_writer **out)
{
    struct shard_writer *writer = memory_alloc_zeroed(1, sizeof *writer);
    writer->path = memory_copy_string(path);
    writer->identity = *identity;
    writer->has_names = has_names;
    writer->encoder = chunk_encoder_create();
    writer->file = writer->documents = -1;
    writer->tokens.dataset = writer->offsets.dataset = writer->sources.dataset = -1;
    writer->first_tokens.dataset = -1;
    writer->numbers.dataset = writer->names.dataset = writer->name_offsets.dataset = -1;

    if (create_file_content(writer) && open_columns(writer)) {
        *out = writer;
        return STATUS_OK;
    }
    enum status status = cannot_write(writer);
    shard_writer_discard(writer);
    return status;
}

static bool add_name(struct shard_writer *writer, const struct document_origin *origin)
{
    for (size_t i = 0; i < origin->name_length; i++)
        if (!column_writer_add(&writer->names, (unsigned char)origin->name[i]))
            return false;
    return column_writer_add(&writer->name_offsets, (uint64_t)writer->names.count);
}

enum status shard_writer_add_document(struct shard_writer *writer, int64_t tokens,
                                      const struct document_origin *origin)
{
    CHECK(tokens > 0, "a document without tokens");
    writer->listed += tokens;
    bool ok = column_writer_add(&writer->offsets, (uint64_t)writer->listed) &&
              column_writer_add(&writer->sources, origin->source) &&
              column_writer_add(&writer->numbers, (uint64_t)origin->number) &&
              (!writer->has_names || add_name(writer, origin));
    return ok ? STATUS_OK : cannot_write(writer);
}

enum status shard_writer_add_chunk(struct shard_writer *writer, const void *stored,
                                   size_t stored_bytes, size_t tokens, int32_t first_token)
{
    return column_writer_add(&writer->first_tokens, (uint64_t)first_token) &&
                   column_writer_add_encoded(&writer->tokens, stored, stored_bytes, tokens)
               ? STATUS_OK
               : cannot_write(writer);
}

enum status shard_writer_add(struct shard_writer *writer, const int32_t *ids, int64_t count,
                             const struct document_origin *origin)
{
    for (int64_t i = 0; i < count; i++) {
        CHECK(ids[i] >= 0 && ids[i] < writer->identity.vocab_size,
              "token %d is beyond the vocabulary of %lld", ids[i],
              (long long)writer->identity.vocab_size);
        const bool begins_chunk =
            writer->tokens.count % (int64_t)writer->tokens.chunk_elements == 0;
        if ((begins_chunk && !column_writer_add(&writer->first_tokens, (uint64_t)ids[i])) ||
            !column_writer_add(&writer->tokens, (uint64_t)ids[i]))
            return cannot_write(writer);
    }
    return shard_writer_add_document(writer, count, origin);
}

int64_t shard_writer_tokens(const struct shard_writer *writer)
{
    return writer->tokens.count;
}

int64_t shard_writer_documents(const struct shard_writer *writer)
{
    return writer->sources.count;
}

static enum status sync_file(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return failed("cannot open shard '%s': %s", path, strerror(errno));
    enum status status = STATUS_OK;
    if (fsync(descriptor) != 0)
        status = failed("cannot sync shard '%s': %s", path, strerror(errno));
    close(descriptor);
    return status;
}

/* Every column that is open; NULL ends them. */
static void list_columns(struct shard_writer *writer, struct column_writer *columns[8])
{
    struct column_writer *all[] = { &writer->tokens,      &writer->first_tokens, &writer->offsets,
                                    &writer->sources,     &writer->numbers,      &writer->names,
                                    &writer->name_offsets };
    int count = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]->dataset >= 0)
            columns[count++] = all[i];
    columns[count] = NULL;
}

/* Closes what is open. The file's close writes HDF5's caches, so it may fail. */
static bool close_content(struct shard_writer *writer)
{
    struct column_writer *columns[8];
    list_columns(writer, columns);
    for (int i = 0; columns[i]; i++)
        column_writer_release(columns[i]);
    hdf5_lock();
    if (writer->documents >= 0)
        H5Gclose(writer->documents);
    bool ok = writer->file < 0 || hdf5_note(H5Fclose(writer->file) >= 0);
    hdf5_unlock();
    writer->file = writer->documents = -1;
    return ok;
}

/* Flushing on purpose before the closes, whose errors HDF5 partly swallows. */
static bool finish_content(struct shard_writer *writer)
{
    struct column_writer *columns[8];
    list_columns(writer, columns);
    for (int i = 0; columns[i]; i++)
        if (!column_writer_finish(columns[i]))
            return false;
    hdf5_lock();
    bool ok = hdf5_note(H5Fflush(writer->file, H5F_SCOPE_LOCAL) >= 0);
    hdf5_unlock();
    return ok;
}

static void free_writer(struct shard_writer *writer)
{
    chunk_encoder_free(writer->encoder);
    memory_free(writer->path);
    memory_free(writer);
}

enum status shard_writer_close(struct shard_writer *writer)
{
    CHECK(writer->listed == writer->tokens.count, "%lld tokens, but documents of %lld",
          (long long)writer->tokens.count, (long long)writer->listed);
    enum status status = finish_content(writer) ? STATUS_OK : cannot_write(writer);
    if (!close_content(writer) && status == STATUS_OK)
        status = cannot_write(writer);
    if (status == STATUS_OK)
        status = sync_file(writer->path);
    free_writer(writer);
    return status;
}

void shard_writer_discard(struct shard_writer *writer)
{
    if (writer == NULL)
        return;
    close_content(writer);
    free_writer(writer);
}
