#include "shards/shard_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "shards/column_writer.h"
#include "shards/hdf5_guard.h"

struct shard_writer {
    char *path;
    struct shard_identity identity;
    hid_t file, documents;
    struct column_writer tokens, offsets, sources;
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
    return write_number_attribute(file, SHARD_ATTRIBUTE_VERSION, SHARD_FORMAT_VERSION) &&
           write_text_attribute(file, SHARD_ATTRIBUTE_TOKENIZER, identity->tokenizer_digest) &&
           write_number_attribute(file, SHARD_ATTRIBUTE_VOCAB, (uint64_t)identity->vocab_size) &&
           write_text_attribute(file, SHARD_ATTRIBUTE_SPLIT, corpus_split_names[identity->split]);
}

static bool create_content(struct shard_writer *writer)
{
    writer->file = create_file(writer->path);
    if (writer->file < 0 || !write_identity(writer->file, &writer->identity))
        return false;
    writer->documents = create_group(writer->file, SHARD_DOCUMENTS);
    return writer->documents >= 0 &&
           column_writer_open(&writer->tokens, writer->file, SHARD_TOKENS,
                              shard_token_bytes(writer->identity.vocab_size)) &&
           column_writer_open(&writer->offsets, writer->documents, SHARD_DOCUMENT_OFFSETS, 8) &&
           column_writer_open(&writer->sources, writer->documents, SHARD_DOCUMENT_SOURCES, 4) &&
           column_writer_add(&writer->offsets, 0);
}

enum status shard_writer_open(const char *path, const struct shard_identity *identity,
                              struct shard_writer **out)
{
    struct shard_writer *writer = memory_alloc_zeroed(1, sizeof *writer);
    writer->path = memory_copy_string(path);
    writer->identity = *identity;
    writer->file = writer->documents = -1;
    writer->tokens.dataset = writer->offsets.dataset = writer->sources.dataset = -1;

    hdf5_lock();
    enum status status = create_content(writer) ? STATUS_OK : cannot_write(writer);
    hdf5_unlock();
    if (status == STATUS_OK)
        *out = writer;
    else
        shard_writer_discard(writer);
    return status;
}

static bool add_document(struct shard_writer *writer, const int32_t *ids, int64_t count,
                         uint32_t source)
{
    for (int64_t i = 0; i < count; i++) {
        CHECK(ids[i] >= 0 && ids[i] < writer->identity.vocab_size,
              "token %d is beyond the vocabulary of %lld", ids[i],
              (long long)writer->identity.vocab_size);
        if (!column_writer_add(&writer->tokens, (uint64_t)ids[i]))
            return false;
    }
    return column_writer_add(&writer->offsets, (uint64_t)writer->tokens.count) &&
           column_writer_add(&writer->sources, source);
}

enum status shard_writer_add(struct shard_writer *writer, const int32_t *ids, int64_t count,
                             uint32_t source)
{
    CHECK(count > 0, "a document without tokens");
    hdf5_lock();
    enum status status =
        add_document(writer, ids, count, source) ? STATUS_OK : cannot_write(writer);
    hdf5_unlock();
    return status;
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

/* Closes what is open. The file's close writes HDF5's caches, so it may fail. */
static bool close_content(struct shard_writer *writer)
{
    column_writer_release(&writer->tokens);
    column_writer_release(&writer->offsets);
    column_writer_release(&writer->sources);
    if (writer->documents >= 0)
        H5Gclose(writer->documents);
    bool ok = writer->file < 0 || hdf5_note(H5Fclose(writer->file) >= 0);
    writer->file = writer->documents = -1;
    return ok;
}

static void free_writer(struct shard_writer *writer)
{
    memory_free(writer->path);
    memory_free(writer);
}

enum status shard_writer_close(struct shard_writer *writer)
{
    enum status status = STATUS_OK;
    hdf5_lock();
    /* Flushing on purpose before the closes, whose errors HDF5 partly swallows. */
    if (!column_writer_finish(&writer->tokens) || !column_writer_finish(&writer->offsets) ||
        !column_writer_finish(&writer->sources) ||
        !hdf5_note(H5Fflush(writer->file, H5F_SCOPE_LOCAL) >= 0))
        status = cannot_write(writer);
    if (!close_content(writer) && status == STATUS_OK)
        status = cannot_write(writer);
    hdf5_unlock();
    if (status == STATUS_OK)
        status = sync_file(writer->path);
    free_writer(writer);
    return status;
}

void shard_writer_discard(struct shard_writer *writer)
{
    if (writer == NULL)
        return;
    hdf5_lock();
    close_content(writer);
    hdf5_unlock();
    free_writer(writer);
}
