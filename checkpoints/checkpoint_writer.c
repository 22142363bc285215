/* The writing half of checkpoints/checkpoint.h.
 *
 *   all     write and fsync their files in step-N.partial
 *   all     agree on the status, gather the files' names, sizes and checksums
 *   rank 0  writes the manifest, fsyncs the folder, renames it, fsyncs the parent
 *   all     agree on the outcome
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "checkpoints/checked_file.h"
#include "checkpoints/checkpoint.h"
#include "checkpoints/checkpoint_folder.h"
#include "checkpoints/manifest.h"
#include "checkpoints/safetensors_writer.h"

struct checkpoint_writer {
    const struct world *world;
    int64_t step;
    char *run_folder, *partial;
    struct manifest_file *files; /* of this rank */
    int64_t file_count;
    enum status status; /* of the first thing that failed on this rank */
    char message[STATUS_MESSAGE_BYTES];
};

static void keep_status(struct checkpoint_writer *writer, enum status status)
{
    if (status == STATUS_OK || writer->status != STATUS_OK)
        return;
    writer->status = status;
    memcpy(writer->message, status_message(), strlen(status_message()) + 1);
}

static void writer_free(struct checkpoint_writer *writer)
{
    memory_free(writer->run_folder);
    memory_free(writer->partial);
    memory_free(writer->files);
    memory_free(writer);
}

/* Created twice: first to name what is in the way of the run's folder, then empty of what a
 * killed run left. */
static enum status make_partial_folder(const struct checkpoint_writer *writer)
{
    TRY(folder_create(writer->partial));
    TRY(folder_remove(writer->partial));
    return folder_create(writer->partial);
}

enum status checkpoint_writer_begin(const struct world *world, const char *run_folder, int64_t step,
                                    struct checkpoint_writer **out)
{
    CHECK(step >= 0, "a checkpoint cannot be of step %" PRId64, step);
    struct checkpoint_writer *writer = memory_alloc_zeroed(1, sizeof *writer);
    writer->world = world;
    writer->step = step;
    writer->run_folder = memory_copy_string(run_folder);
    writer->partial = checkpoint_folder_path(run_folder, step, CHECKPOINT_PARTIAL);

    *out = NULL;
    enum status status = world->rank == 0 ? make_partial_folder(writer) : STATUS_OK;
    status = world_agree(world, status);
    if (status == STATUS_OK)
        *out = writer;
    else
        writer_free(writer);
    return status;
}

static enum status begin_file(struct checkpoint_writer *writer, const char *name,
                              struct checked_file *file)
{
    CHECK(manifest_name_is_allowed(name), "a checkpoint cannot hold a file '%s'", name);
    char *path = path_join(writer->partial, name);
    enum status status = checked_file_create(path, file);
    memory_free(path);
    return status;
}

static enum status end_file(struct checkpoint_writer *writer, const char *name,
                            struct checked_file *file, enum status status)
{
    TRY(checked_file_end(file, status));
    writer->files =
        memory_realloc(writer->files, (size_t)(writer->file_count + 1) * sizeof *writer->files);
    struct manifest_file *entry = &writer->files[writer->file_count++];
    *entry = (struct manifest_file){ .size_bytes = file->size_bytes, .crc32 = file->crc32 };
    memcpy(entry->name, name, strlen(name) + 1);
    return STATUS_OK;
}

static enum status write_tensors(struct checkpoint_writer *writer, const char *name,
                                 const struct tensor_part *parts, int64_t count)
{
    struct checked_file file;
    TRY(begin_file(writer, name, &file));
    return end_file(writer, name, &file, safetensors_write(&file, writer->step, parts, count));
}

static enum status write_filled(struct checkpoint_writer *writer, const char *name,
                                const struct tensor_part *parts, int64_t count,
                                tensor_fill_function *fill, void *context)
{
    struct checked_file file;
    TRY(begin_file(writer, name, &file));
    return end_file(writer, name, &file,
                    safetensors_write_filled(&file, writer->step, parts, count, fill, context));
}

static enum status write_text(struct checkpoint_writer *writer, const char *name, const char *bytes,
                              size_t length)
{
    struct checked_file file;
    TRY(begin_file(writer, name, &file));
    return end_file(writer, name, &file, checked_file_add(&file, bytes, length));
}

void checkpoint_writer_add_tensors(struct checkpoint_writer *writer, const char *file_name,
                                   const struct tensor_part *parts, int64_t count)
{
    if (writer->status == STATUS_OK)
        keep_status(writer, write_tensors(writer, file_name, parts, count));
}

void checkpoint_writer_add_filled(struct checkpoint_writer *writer, const char *file_name,
                                  const struct tensor_part *parts, int64_t count,
                                  tensor_fill_function *fill, void *context)
{
    if (writer->status == STATUS_OK)
        keep_status(writer, write_filled(writer, file_name, parts, count, fill, context));
}

void checkpoint_writer_add_text(struct checkpoint_writer *writer, const char *file_name,
                                const char *bytes, size_t length)
{
    if (writer->status == STATUS_OK)
        keep_status(writer, write_text(writer, file_name, bytes, length));
}

/* Collective. The files of all ranks, in a fresh array. */
static struct manifest_file *gather_files(const struct checkpoint_writer *writer, int64_t *count)
{
    const struct world *world = writer->world;
    int64_t *counts = memory_alloc_zeroed((size_t)world->size, sizeof *counts);
    world_gather_all(world, &writer->file_count, sizeof writer->file_count, counts);
    int64_t most = 0;
    for (int rank = 0; rank < world->size; rank++)
        most = counts[rank] > most ? counts[rank] : most;

    size_t bytes_each = (size_t)most * sizeof(struct manifest_file);
    struct manifest_file *mine = memory_alloc_zeroed((size_t)most + 1, sizeof *mine);
    struct manifest_file *all = memory_alloc_zeroed((size_t)world->size + 1, bytes_each + 1);
    if (writer->file_count)
        memcpy(mine, writer->files, (size_t)writer->file_count * sizeof *mine);
    world_gather_all(world, mine, bytes_each, all);

    *count = 0; /* closes the gaps that ranks with fewer files leave */
    for (int rank = 0; rank < world->size; rank++) {
        memmove(all + *count, all + rank * most, (size_t)counts[rank] * sizeof *all);
        *count += counts[rank];
    }
    memory_free(counts);
    memory_free(mine);
    return all;
}

static enum status write_manifest(const struct checkpoint_writer *writer, const char *text,
                                  size_t length)
{
    struct checked_file file;
    char *path = path_join(writer->partial, MANIFEST_NAME);
    enum status status = checked_file_create(path, &file);
    if (status == STATUS_OK)
        status = checked_file_end(&file, checked_file_add(&file, text, length));
    memory_free(path);
    return status;
}

/* Local, on rank 0: all files are on the disk. */
static enum status publish(const struct checkpoint_writer *writer, struct manifest_file *files,
                           int64_t count)
{
    struct manifest manifest = {
        .step = writer->step, .world_size = writer->world->size, .files = files, .file_count = count
    };
    clock_timestamp(manifest.created, sizeof manifest.created);
    struct strbuf text = STRBUF_INIT;
    manifest_print(&manifest, &text);
    CHECK(manifest_find(&manifest, CHECKPOINT_STATE_NAME) >= 0, "checkpoint '%s' has no '%s'",
          writer->partial, CHECKPOINT_STATE_NAME);
    enum status status = write_manifest(writer, text.bytes, text.length);
    strbuf_release(&text);
    TRY(status);
    TRY(folder_sync(writer->partial));
    return checkpoint_folder_commit(writer->run_folder, writer->step);
}

static enum status commit(struct checkpoint_writer *writer)
{
    /* On a shared file system the node that made the entries syncs them. */
    if (writer->status == STATUS_OK && writer->file_count)
        keep_status(writer, folder_sync(writer->partial));
    if (writer->status != STATUS_OK)
        status_set(writer->status, writer->message);
    TRY(world_agree(writer->world, writer->status));

    int64_t count;
    enum status status = STATUS_OK;
    struct manifest_file *files = gather_files(writer, &count);
    if (writer->world->rank == 0)
        status = publish(writer, files, count);
    memory_free(files);
    return world_agree(writer->world, status);
}

enum status checkpoint_writer_commit(struct checkpoint_writer *writer)
{
    char message[STATUS_MESSAGE_BYTES];
    enum status status = commit(writer);
    if (status != STATUS_OK && writer->world->rank == 0) {
        snprintf(message, sizeof message, "%s", status_message());
        if (folder_remove(writer->partial) != STATUS_OK)
            log_warning("%s", status_message());
        status_set(status, message);
    }
    writer_free(writer);
    return status;
}
