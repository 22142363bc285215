#include "checkpoints/file_saver.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/direct_file.h"
#include "checkpoints/file_image.h"
#include "checkpoints/manifest.h"
#include "checkpoints/partner_files.h"
#include "checkpoints/safetensors_writer.h"

/* Blocks that are copied at once, for each thread. */
enum { BLOCKS_A_THREAD = 2, BLOCKS_AT_ONCE = 64 };

/* Lives until its last job. */
struct saved_file {
    struct file_saver *saver;
    struct direct_file file;
    char *path;
    bool is_shared, is_open;
};

struct saved_block {
    struct saved_file *file;
    unsigned char *bytes;
    size_t length;
    int64_t offset;
};

void file_saver_init(struct file_saver *saver, const char *folder, int64_t step,
                     struct write_queue *queue, struct thread_pool *pool)
{
    *saver = (struct file_saver){
        .folder = memory_copy_string(folder), .step = step, .queue = queue, .pool = pool
    };
    span_list_init(&saver->files);
    span_list_init(&saver->headers);
    span_list_init(&saver->tensors);
}

void file_saver_release(struct file_saver *saver)
{
    span_list_release(&saver->files);
    span_list_release(&saver->headers);
    span_list_release(&saver->tensors);
    memory_free(saver->folder);
}

void file_saver_keep(struct file_saver *saver, enum status status)
{
    if (status == STATUS_OK || saver->status != STATUS_OK)
        return;
    saver->status = status;
    memcpy(saver->message, status_message(), strlen(status_message()) + 1);
}

static void open_job(void *context)
{
    struct saved_file *saved = context;
    if (saved->saver->status != STATUS_OK)
        return;
    enum status status = direct_file_open(saved->path, saved->is_shared, &saved->file);
    saved->is_open = status == STATUS_OK;
    file_saver_keep(saved->saver, status);
}

static void write_job(void *context)
{
    struct saved_block *block = context;
    struct file_saver *saver = block->file->saver;
    if (saver->status == STATUS_OK)
        file_saver_keep(saver, direct_file_write(&block->file->file, block->bytes, block->length,
                                                 block->offset));
    write_queue_give_back(saver->queue, block->bytes);
    memory_free(block);
}

static void end_job(void *context)
{
    struct saved_file *saved = context;
    if (saved->is_open)
        file_saver_keep(saved->saver, direct_file_end(&saved->file, saved->saver->status));
    memory_free(saved->path);
    memory_free(saved);
}

static void sync_folder_job(void *context)
{
    struct file_saver *saver = context;
    if (saver->status == STATUS_OK)
        file_saver_keep(saver, folder_sync(saver->folder));
}

struct saved_file *saved_file_begin(struct file_saver *saver, const char *name, bool is_shared)
{
    struct saved_file *saved = memory_alloc_zeroed(1, sizeof *saved);
    *saved = (struct saved_file){ .saver = saver,
                                  .path = path_join(saver->folder, name),
                                  .is_shared = is_shared };
    saver->has_files = true;
    write_queue_add(saver->queue, open_job, saved);
    return saved;
}

void saved_file_write(struct saved_file *file, unsigned char *buffer, size_t length, int64_t offset)
{
    struct saved_block *block = memory_alloc(sizeof *block);
    *block = (struct saved_block){ file, buffer, length, offset };
    write_queue_add(file->saver->queue, write_job, block);
}

void saved_file_end(struct saved_file *file)
{
    write_queue_add(file->saver->queue, end_job, file);
}

struct copying {
    struct file_image *image;
    int64_t first;
    unsigned char *buffers[BLOCKS_AT_ONCE];
    size_t lengths[BLOCKS_AT_ONCE];
};

static void copy_block(void *context, int64_t block, int thread)
{
    struct copying *copying = context;
    (void)thread;
    copying->lengths[block] =
        file_image_copy(copying->image, copying->first + block, copying->buffers[block]);
}

/* Some blocks from copying->first on, as many as there are buffers for. */
static void copy_blocks(struct file_saver *saver, struct saved_file *saved, struct copying *copying)
{
    const int64_t left = copying->image->block_count - copying->first;
    int64_t wanted = saver->pool ? BLOCKS_A_THREAD * thread_pool_size(saver->pool) : 1;
    wanted = wanted < BLOCKS_AT_ONCE ? wanted : BLOCKS_AT_ONCE;
    int count =
        write_queue_take(saver->queue, (int)(wanted < left ? wanted : left), copying->buffers);
    if (saver->pool)
        thread_pool_run(saver->pool, count, copy_block, copying);
    else
        copy_block(copying, 0, 0);
    for (int i = 0; i < count; i++)
        saved_file_write(saved, copying->buffers[i], copying->lengths[i],
                         file_image_offset(copying->image, copying->first + i));
    copying->first += count;
}

static void add_image(struct file_saver *saver, const char *name, struct file_image *image,
                      bool is_shared)
{
    if (image->block_count == 0) /* others write it */
        return;
    struct copying copying = { .image = image };
    struct saved_file *saved = saved_file_begin(saver, name, is_shared);
    while (copying.first < image->block_count)
        copy_blocks(saver, saved, &copying);
    saved_file_end(saved);
}

static void list_file(struct file_saver *saver, const char *name, const struct file_image *image)
{
    int64_t at = image->begin;
    for (int64_t i = 0; i < image->piece_count; i++) {
        const struct image_piece *piece = &image->pieces[i];
        span_list_add(&saver->files, name, at, at + piece->length, piece->crc32);
        at += piece->length;
    }
}

/* Source 0 of the image is the header; then comes one for each range of each part. */
static void list_tensors(struct file_saver *saver, const char *name,
                         const struct tensor_part *parts, const struct file_image *image)
{
    const struct tensor_part *part = parts;
    int64_t source_of_part = 1;
    for (int64_t i = 0; i < image->piece_count; i++) {
        const struct image_piece *piece = &image->pieces[i];
        int64_t begin = piece->source_offset;
        if (piece->source == 0) {
            span_list_add(&saver->headers, name, begin, begin + piece->length, piece->crc32);
            continue;
        }
        while (piece->source >= source_of_part + part->range_count) {
            source_of_part += part->range_count;
            part++;
        }
        begin += part->ranges[piece->source - source_of_part].begin * (int64_t)sizeof(float);
        span_list_add(&saver->tensors, part->name, begin, begin + piece->length, piece->crc32);
    }
}

static void add_part(struct file_image *image, const struct tensor_part *part)
{
    const float *data = part->data;
    for (int64_t i = 0; i < part->range_count; i++) {
        const int64_t count = part->ranges[i].end - part->ranges[i].begin;
        file_image_add(image, data, count * (int64_t)sizeof *data);
        data += count;
    }
}

static void check_name(const char *name)
{
    CHECK(manifest_name_is_allowed(name), "a checkpoint cannot hold a file '%s'", name);
}

/* Begins the image of a file of tensors with its header. */
static void begin_image(const struct file_saver *saver, const struct tensor_part *parts,
                        int64_t count, const struct world *sharers, struct strbuf *header,
                        struct file_image *image)
{
    safetensors_print_header(saver->step, parts, count, header);
    int64_t bytes = (int64_t)header->length;
    for (int64_t i = 0; i < count; i++)
        bytes += tensor_part_count(&parts[i]) * (int64_t)sizeof(float);
    file_image_init(image, bytes, sharers);
    file_image_add(image, header->bytes, (int64_t)header->length);
}

void file_saver_add_tensors(struct file_saver *saver, const char *name,
                            const struct tensor_part *parts, int64_t count,
                            const struct file_share *share)
{
    struct strbuf header = STRBUF_INIT;
    struct file_image image;
    check_name(name);
    begin_image(saver, parts, count, share->sharers, &header, &image);
    for (int64_t i = 0; i < count; i++)
        add_part(&image, &parts[i]);
    add_image(saver, name, &image, share->sharers != NULL);
    if (share->is_listed) {
        list_file(saver, name, &image);
        list_tensors(saver, name, parts, &image);
    }
    if (share->partner)
        partner_files_add(share->partner, name, &image, &header);
    file_image_release(&image);
    strbuf_release(&header);
}

struct filling {
    tensor_fill_function *fill;
    void *context;
    enum status status; /* of the first that failed */
};

static void fill_bytes(void *context, int64_t source, int64_t offset, int64_t length, void *out)
{
    struct filling *filling = context;
    const int64_t begin = offset / (int64_t)sizeof(float);
    if (filling->status == STATUS_OK)
        filling->status = filling->fill(filling->context, source - 1, begin,
                                        begin + length / (int64_t)sizeof(float), out);
}

void file_saver_add_filled(struct file_saver *saver, const char *name,
                           const struct tensor_part *parts, int64_t count,
                           tensor_fill_function *fill, void *context)
{
    struct strbuf header = STRBUF_INIT;
    struct file_image image;
    struct filling filling = { .fill = fill, .context = context };
    check_name(name);
    CHECK(!saver->pool, "tensors of '%s' are asked for by one thread", name);
    begin_image(saver, parts, count, NULL, &header, &image);
    for (int64_t i = 0; i < count; i++)
        file_image_add_filled(&image, tensor_part_count(&parts[i]) * (int64_t)sizeof(float),
                              fill_bytes, &filling);
    add_image(saver, name, &image, false);
    list_file(saver, name, &image);
    list_tensors(saver, name, parts, &image);
    if (filling.status != STATUS_OK) {
        write_queue_wait(saver->queue); /* until then the status is the thread's */
        file_saver_keep(saver, filling.status);
    }
    file_image_release(&image);
    strbuf_release(&header);
}

void file_saver_add_text(struct file_saver *saver, const char *name, const char *bytes,
                         size_t length, bool is_listed)
{
    struct file_image image;
    check_name(name);
    CHECK(length > 0, "file '%s' of a checkpoint is empty", name);
    file_image_init(&image, (int64_t)length, NULL);
    file_image_add(&image, bytes, (int64_t)length);
    add_image(saver, name, &image, false);
    if (is_listed)
        list_file(saver, name, &image);
    file_image_release(&image);
}

void file_saver_sync_folder(struct file_saver *saver)
{
    write_queue_add(saver->queue, sync_folder_job, saver);
}
