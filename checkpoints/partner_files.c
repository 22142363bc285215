#include "checkpoints/partner_files.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "checkpoints/manifest.h"
#include "checkpoints/span_list.h"
#include "comm/partner.h"

_Static_assert((int)PARTNER_NAME_BYTES >= (int)MANIFEST_NAME_BYTES, "a label holds any name");

void partner_files_release(struct partner_files *files)
{
    for (int64_t i = 0; i < files->count; i++) {
        memory_free(files->files[i].name);
        file_image_release(&files->files[i].image);
        strbuf_release(&files->files[i].header);
    }
    memory_free(files->files);
    *files = (struct partner_files){ 0 };
}

void partner_files_add(struct partner_files *files, const char *name, struct file_image *image,
                       struct strbuf *header)
{
    if (files->count == files->capacity) {
        files->capacity = 2 * files->capacity + 4;
        files->files = memory_realloc(files->files, (size_t)files->capacity * sizeof *files->files);
    }
    files->files[files->count++] =
        (struct partner_file){ memory_copy_string(name), *image, *header };
    *image = (struct file_image){ 0 };
    *header = (struct strbuf)STRBUF_INIT;
}

/* The one block that is given next, and the one file that is being taken. */
struct exchange {
    struct partner_files *files;
    int64_t file, block;
    struct file_saver *saver;
    struct saved_file *taken; /* NULL: the next block begins one */
};

static unsigned char *take_buffer(struct file_saver *saver)
{
    unsigned char *buffer;
    write_queue_take(saver->queue, 1, &buffer);
    return buffer;
}

static void *next(void *context, struct partner_label *label)
{
    struct exchange *exchange = context;
    const struct partner_files *files = exchange->files;
    while (exchange->file < files->count &&
           exchange->block == files->files[exchange->file].image.block_count) {
        exchange->file++;
        exchange->block = 0;
    }
    if (exchange->file == files->count)
        return NULL;
    struct partner_file *file = &files->files[exchange->file];
    unsigned char *buffer = take_buffer(exchange->saver);
    const size_t length = file_image_copy(&file->image, exchange->block, buffer);
    memcpy(label->name, file->name, strlen(file->name) + 1);
    label->offset = file_image_offset(&file->image, exchange->block);
    label->length = (int64_t)length;
    label->checksum = span_checksum(0, buffer, length);
    label->is_last = ++exchange->block == file->image.block_count;
    return buffer;
}

static void given(void *context, void *bytes)
{
    struct exchange *exchange = context;
    write_queue_give_back(exchange->saver->queue, bytes);
}

static void *room(void *context, const struct partner_label *label)
{
    struct exchange *exchange = context;
    CHECK(label->length <= (int64_t)WRITE_BLOCK && manifest_name_is_allowed(label->name),
          "a node gives %" PRId64 " bytes of '%s' to the next", label->length, label->name);
    return take_buffer(exchange->saver);
}

static void fail_job(void *context)
{
    file_saver_keep(context, failed("a block that came from the node before for '%s' is not what "
                                    "was sent",
                                    ((struct file_saver *)context)->folder));
}

/* Ranks of one node may take parts of the same file. */
static void taken(void *context, const struct partner_label *label, void *bytes)
{
    struct exchange *exchange = context;
    struct file_saver *saver = exchange->saver;
    if (span_checksum(0, bytes, (size_t)label->length) != label->checksum)
        write_queue_add(saver->queue, fail_job, saver);
    if (!exchange->taken)
        exchange->taken = saved_file_begin(saver, label->name, true);
    saved_file_write(exchange->taken, bytes, (size_t)label->length, label->offset);
    if (!label->is_last)
        return;
    saved_file_end(exchange->taken);
    exchange->taken = NULL;
}

void partner_files_exchange(struct partner_files *files, struct file_saver *saver,
                            const struct world *world)
{
    struct exchange exchange = { .files = files, .saver = saver };
    const struct partner_hands hands = { &exchange, next, given, room, taken };
    partner_exchange(world, &hands);
    partner_files_release(files);
}
