/* The writing half of checkpoints/checkpoint.h.
 *
 *   all     copy their part of the state; gather the checksums on rank 0; go on training
 *   queues  write and fsync the files in step-N.partial, fsync the folder
 *   all     agree on the status
 *   rank 0  its queue writes the manifest, fsyncs the folder, renames it, fsyncs the parent
 *   all     agree on the outcome; rank 0's queue removes old checkpoints
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "checkpoints/checkpoint_folder.h"
#include "checkpoints/direct_file.h"
#include "checkpoints/file_saver.h"
#include "checkpoints/manifest.h"

enum phase { ADDING, WRITING, PUBLISHING };

struct checkpoint_writer {
    const struct world *world;
    char *run_folder, *partial;
    struct file_saver saver;
    struct write_queue *own_queue; /* NULL: another's */
    struct checkpoint_retention retention;
    enum phase phase;
};

static void writer_free(struct checkpoint_writer *writer)
{
    write_queue_stop(writer->own_queue);
    file_saver_release(&writer->saver);
    memory_free(writer->run_folder);
    memory_free(writer->partial);
    memory_free(writer);
}

/* Created twice: first to name what is in the way of the run's folder, then empty of what a
 * killed run left. */
static enum status make_partial_folder(const struct checkpoint_writer *writer)
{
    write_queue_wait(writer->saver.queue); /* pruning after the last save would remove it again */
    TRY(folder_create(writer->partial));
    TRY(folder_remove(writer->partial));
    return folder_create(writer->partial);
}

enum status checkpoint_writer_begin(const struct world *world, const struct checkpoint_way *way,
                                    const char *run_folder, int64_t step,
                                    struct checkpoint_writer **out)
{
    CHECK(step >= 0, "a checkpoint cannot be of step %" PRId64, step);
    struct checkpoint_writer *writer = memory_alloc_zeroed(1, sizeof *writer);
    writer->world = world;
    writer->run_folder = memory_copy_string(run_folder);
    writer->partial = checkpoint_folder_path(run_folder, step, CHECKPOINT_PARTIAL);
    writer->retention = way->retention;
    if (!way->queue)
        writer->own_queue = write_queue_start(0);
    file_saver_init(&writer->saver, writer->partial, step,
                    way->queue ? way->queue : writer->own_queue, way->pool);

    *out = NULL;
    enum status status = world->rank == 0 ? make_partial_folder(writer) : STATUS_OK;
    status = world_agree(world, status);
    if (status == STATUS_OK)
        *out = writer;
    else
        writer_free(writer);
    return status;
}

void checkpoint_writer_add_tensors(struct checkpoint_writer *writer, const char *file_name,
                                   const struct tensor_part *parts, int64_t count)
{
    file_saver_add_tensors(&writer->saver, file_name, parts, count, NULL);
}

void checkpoint_writer_add_filled(struct checkpoint_writer *writer, const char *file_name,
                                  const struct tensor_part *parts, int64_t count,
                                  tensor_fill_function *fill, void *context)
{
    file_saver_add_filled(&writer->saver, file_name, parts, count, fill, context);
}

void checkpoint_writer_add_shared(struct checkpoint_writer *writer, const struct world *sharers,
                                  const char *file_name, const struct tensor_part *parts,
                                  int64_t count)
{
    file_saver_add_tensors(&writer->saver, file_name, parts, count, sharers);
}

void checkpoint_writer_add_text(struct checkpoint_writer *writer, const char *file_name,
                                const char *bytes, size_t length)
{
    file_saver_add_text(&writer->saver, file_name, bytes, length);
}

void checkpoint_writer_seal(struct checkpoint_writer *writer)
{
    struct file_saver *saver = &writer->saver;
    /* On a shared file system the node that made the entries syncs them. */
    if (saver->files.count > 0)
        file_saver_sync_folder(saver);
    span_list_gather(&saver->files, writer->world);
    span_list_gather(&saver->headers, writer->world);
    span_list_gather(&saver->tensors, writer->world);
    writer->phase = WRITING;
}

static enum status write_manifest(const struct checkpoint_writer *writer, const char *text,
                                  size_t length)
{
    struct direct_file file;
    char *path = path_join(writer->partial, MANIFEST_NAME);
    enum status status = direct_file_open(path, false, &file);
    if (status == STATUS_OK)
        status = direct_file_end(&file, direct_file_write(&file, text, length, 0));
    memory_free(path);
    return status;
}

/* All files are on the disk. */
static enum status publish(struct checkpoint_writer *writer)
{
    struct file_saver *saver = &writer->saver;
    struct strbuf text = STRBUF_INIT;
    struct manifest manifest = { .step = saver->step, .world_size = writer->world->size };
    clock_timestamp(manifest.created, sizeof manifest.created);
    manifest_list(&manifest, &saver->files, &saver->headers, &saver->tensors);
    CHECK(manifest_find(&manifest, CHECKPOINT_STATE_NAME) >= 0, "checkpoint '%s' has no '%s'",
          writer->partial, CHECKPOINT_STATE_NAME);
    manifest_print(&manifest, &text);
    manifest_release(&manifest);
    enum status status = write_manifest(writer, text.bytes, text.length);
    strbuf_release(&text);
    TRY(status);
    TRY(folder_sync(writer->partial));
    return checkpoint_folder_commit(writer->run_folder, saver->step);
}

static void publish_job(void *context)
{
    struct checkpoint_writer *writer = context;
    file_saver_keep(&writer->saver, publish(writer));
}

/* Outlives the writer. */
struct pruning {
    char *run_folder;
    struct checkpoint_retention retention;
};

static void prune_job(void *context)
{
    struct pruning *pruning = context;
    if (checkpoint_prune(pruning->run_folder, &pruning->retention) != STATUS_OK)
        log_warning("old checkpoints of run '%s' stay: %s", pruning->run_folder, status_message());
    memory_free(pruning->run_folder);
    memory_free(pruning);
}

static void start_pruning(const struct checkpoint_writer *writer)
{
    struct pruning *pruning = memory_alloc(sizeof *pruning);
    *pruning = (struct pruning){ memory_copy_string(writer->run_folder), writer->retention };
    write_queue_add(writer->saver.queue, prune_job, pruning);
}

static enum status agree(const struct checkpoint_writer *writer)
{
    const struct file_saver *saver = &writer->saver;
    if (saver->status != STATUS_OK)
        status_set(saver->status, saver->message);
    return world_agree(writer->world, saver->status);
}

/* After an error, whose message stays. */
static void remove_partial(const struct checkpoint_writer *writer, enum status status)
{
    char message[STATUS_MESSAGE_BYTES];
    snprintf(message, sizeof message, "%s", status_message());
    if (folder_remove(writer->partial) != STATUS_OK)
        log_warning("%s", status_message());
    status_set(status, message);
}

enum status checkpoint_writer_advance(struct checkpoint_writer *writer, bool *is_done)
{
    const bool is_first = writer->world->rank == 0;
    CHECK(writer->phase != ADDING, "a checkpoint that is not sealed cannot advance");
    *is_done = false;
    if (world_any(writer->world, !write_queue_is_idle(writer->saver.queue)))
        return STATUS_OK;
    enum status status = agree(writer);
    if (status == STATUS_OK && writer->phase == WRITING) {
        if (is_first)
            write_queue_add(writer->saver.queue, publish_job, writer);
        writer->phase = PUBLISHING;
        return STATUS_OK;
    }
    if (status != STATUS_OK && is_first)
        remove_partial(writer, status);
    if (status == STATUS_OK && is_first && writer->retention.last > 0)
        start_pruning(writer);
    *is_done = true;
    writer_free(writer);
    return status;
}

enum status checkpoint_writer_commit(struct checkpoint_writer *writer)
{
    bool is_done = false;
    enum status status = STATUS_OK;
    if (writer->phase == ADDING)
        checkpoint_writer_seal(writer);
    while (!is_done) {
        write_queue_wait(writer->saver.queue);
        status = checkpoint_writer_advance(writer, &is_done);
    }
    return status;
}
