#include "checkpoints/tier_promotion.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "checkpoints/checked_file.h"
#include "checkpoints/checkpoint_catalogue.h"
#include "checkpoints/direct_file.h"
#include "checkpoints/span_list.h"
#include "checkpoints/tier_parts.h"
#include "checkpoints/write_queue.h"

#define MANIFEST_MAX_BYTES ((size_t)64 << 20)

/* Of a file, on one rank. The ranks of a node deal its files among them. */
enum { ABSENT, HELD, COPIED };
/* Beside the rank that is to copy a file. */
enum { NOBODY = -1, DONE = -2 };

struct promotion {
    const struct world *world;
    const struct tier_part *part;
    const char *run_folder;
    char *source;             /* this node's part; NULL: it has none */
    struct manifest manifest; /* of the source */
    char *partial;
    unsigned char *states; /* [file_count] */
    int32_t *copiers;      /* [file_count], the same on all ranks */
    struct arena block;
    bool is_torn; /* the parts make no whole: the same on all ranks */
};

static bool has_size(const char *path, int64_t size_bytes)
{
    int descriptor;
    int64_t found;
    if (file_open_regular(path, &descriptor, &found) != STATUS_OK)
        return false;
    close(descriptor);
    return found == size_bytes;
}

static void promotion_open(struct promotion *promotion, const char *local)
{
    const struct world *world = promotion->world;
    const size_t files = (size_t)promotion->part->file_count;
    promotion->partial =
        checkpoint_folder_path(promotion->run_folder, promotion->part->step, CHECKPOINT_PARTIAL);
    promotion->states = memory_alloc_zeroed(files + 1, sizeof *promotion->states);
    promotion->copiers = memory_alloc_zeroed(files + 1, sizeof *promotion->copiers);
    arena_init(&promotion->block, WRITE_BLOCK);
    promotion->source = tier_part_folder(promotion->part, local, &promotion->manifest);
    for (int64_t i = world->node_rank; promotion->source && i < promotion->manifest.file_count;
         i += world->node_size) {
        const struct manifest_file *file = &promotion->manifest.files[i];
        char *path = path_join(promotion->source, file->name);
        promotion->states[i] = has_size(path, file->size_bytes) ? HELD : ABSENT;
        memory_free(path);
    }
}

static void promotion_close(struct promotion *promotion)
{
    if (promotion->source)
        manifest_release(&promotion->manifest);
    arena_release(&promotion->block);
    memory_free(promotion->source);
    memory_free(promotion->partial);
    memory_free(promotion->states);
    memory_free(promotion->copiers);
}

/* On rank 0, of the states of all ranks. */
static int32_t copier_of(const unsigned char *states, int64_t files, int64_t file, int size)
{
    int32_t copier = NOBODY;
    for (int rank = size - 1; rank >= 0; rank--) {
        const unsigned char state = states[rank * files + file];
        if (state == COPIED)
            return DONE;
        if (state == HELD)
            copier = rank;
    }
    return copier;
}

/* Collective. Who copies what is not done yet; returns how many files that is. */
static int64_t assign(struct promotion *promotion)
{
    const struct world *world = promotion->world;
    const int64_t files = promotion->part->file_count;
    int64_t *ends = memory_alloc_zeroed((size_t)world->size, sizeof *ends), left = 0;
    unsigned char *states = world_gather(world, promotion->states, files, ends);
    for (int64_t i = 0; i < files && world->rank == 0; i++)
        promotion->copiers[i] = copier_of(states, files, i, world->size);
    memory_free(states);
    memory_free(ends);
    world_broadcast(world, promotion->copiers, (size_t)files * sizeof *promotion->copiers, 0);
    for (int64_t i = 0; i < files; i++)
        left += promotion->copiers[i] != DONE;
    return left;
}

/* The first file that nobody has, or -1. */
static int64_t lost_file(const struct promotion *promotion)
{
    for (int64_t i = 0; i < promotion->part->file_count; i++)
        if (promotion->copiers[i] == NOBODY)
            return i;
    return -1;
}

/* Collective. */
static enum status require_whole(struct promotion *promotion)
{
    const int64_t lost = lost_file(promotion);
    enum status status = STATUS_OK;
    promotion->is_torn = lost >= 0;
    if (lost >= 0 && promotion->world->rank == promotion->part->leader)
        status = bad_input("the local checkpoint of step %" PRId64
                           " is not whole: no node has a good '%s'",
                           promotion->part->step, promotion->manifest.files[lost].name);
    return world_agree(promotion->world, status);
}

/* Returns the status of the writing; what cannot be read is not good. */
static enum status copy_blocks(struct promotion *promotion, const struct manifest_file *file,
                               int source, const char *path, struct direct_file *copy,
                               bool *is_good)
{
    unsigned char *block = promotion->block.base;
    uint32_t crc32 = 0;
    *is_good = false;
    for (int64_t offset = 0; offset < file->size_bytes;) {
        const int64_t left = file->size_bytes - offset;
        const size_t length = left < (int64_t)WRITE_BLOCK ? (size_t)left : WRITE_BLOCK;
        if (file_read_at(source, block, length, offset, path) != STATUS_OK) {
            log_warning("%s", status_message());
            return STATUS_OK;
        }
        crc32 = span_checksum(crc32, block, length);
        TRY(direct_file_write(copy, block, length, offset));
        offset += (int64_t)length;
    }
    *is_good = crc32 == file->crc32;
    if (!*is_good)
        log_warning("cannot trust '%s': its checksum is %08" PRIx32
                    ", the manifest says %08" PRIx32,
                    path, crc32, file->crc32);
    return STATUS_OK;
}

static enum status copy_to(struct promotion *promotion, const struct manifest_file *file,
                           const char *from, const char *to, bool *is_good)
{
    int source;
    int64_t size_bytes;
    struct direct_file copy;
    *is_good = false;
    if (file_open_regular(from, &source, &size_bytes) != STATUS_OK) {
        log_warning("%s", status_message());
        return STATUS_OK;
    }
    enum status status = direct_file_open(to, false, &copy);
    if (status == STATUS_OK)
        status = direct_file_end(&copy, copy_blocks(promotion, file, source, from, &copy, is_good));
    if (status == STATUS_OK && !*is_good)
        unlink(to); /* another node's comes in its place */
    close(source);
    return status;
}

/* Local: the files that are this rank's. */
static enum status copy_files(struct promotion *promotion)
{
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < promotion->part->file_count && status == STATUS_OK; i++) {
        bool is_good;
        if (promotion->copiers[i] != promotion->world->rank)
            continue;
        const struct manifest_file *file = &promotion->manifest.files[i];
        char *from = path_join(promotion->source, file->name);
        char *to = path_join(promotion->partial, file->name);
        status = copy_to(promotion, file, from, to, &is_good);
        promotion->states[i] = is_good ? COPIED : ABSENT;
        memory_free(from);
        memory_free(to);
    }
    return status == STATUS_OK ? folder_sync(promotion->partial) : status;
}

/* With the manifest as it is. */
static enum status publish(const struct promotion *promotion)
{
    struct strbuf text = STRBUF_INIT;
    char *path = path_join(promotion->source, MANIFEST_NAME);
    enum status status = checked_file_load(path, MANIFEST_MAX_BYTES, &text);
    if (status == STATUS_OK)
        status = checkpoint_folder_publish(promotion->run_folder, promotion->part->step, text.bytes,
                                           text.length);
    memory_free(path);
    strbuf_release(&text);
    return status;
}

static enum status copy_and_publish(struct promotion *promotion)
{
    const struct world *world = promotion->world;
    enum status status = STATUS_OK;
    if (world->rank == 0)
        status = checkpoint_folder_begin(promotion->run_folder, promotion->part->step);
    TRY(world_agree(world, status));
    do {
        TRY(world_agree(world, copy_files(promotion)));
    } while (assign(promotion) > 0 && lost_file(promotion) < 0);
    TRY(require_whole(promotion));
    return world_agree(world,
                       world->rank == promotion->part->leader ? publish(promotion) : STATUS_OK);
}

/* Collective. */
static enum status promote(struct promotion *promotion)
{
    const struct world *world = promotion->world;
    enum status status = STATUS_OK;
    if (world->rank == promotion->part->leader && !promotion->source)
        status = failed("the local checkpoint of step %" PRId64 " is gone", promotion->part->step);
    TRY(world_agree(world, status));
    assign(promotion);
    TRY(require_whole(promotion));
    status = copy_and_publish(promotion);
    if (status == STATUS_OK || world->rank != 0)
        return status;
    char message[STATUS_MESSAGE_BYTES];
    snprintf(message, sizeof message, "%s", status_message());
    if (folder_remove(promotion->partial) != STATUS_OK)
        log_warning("%s", status_message());
    return status_set(status, message);
}

enum status tier_promote(const struct world *world, const char *local, const char *run_folder,
                         const struct tier_part *part, bool *is_torn)
{
    struct promotion promotion = { .world = world, .part = part, .run_folder = run_folder };
    promotion_open(&promotion, local);
    enum status status = promote(&promotion);
    *is_torn = promotion.is_torn;
    promotion_close(&promotion);
    return status;
}
