#include "checkpoints/checked_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/span_list.h"

/* What a thread reads in turn; the chunks are checksummed while they are in the cache. */
#define BLOCK_BYTES ((int64_t)16 << 20)
#define CHUNK_BYTES ((int64_t)256 << 10)

/* A file that is read in blocks. */
struct reading {
    const char *path;
    int descriptor;
    int64_t size_bytes;
    struct block_read {
        uint32_t crc32;
        enum status status;
        char message[STATUS_MESSAGE_BYTES]; /* where that is not OK */
    } * blocks;
};

static enum status read_chunks(const struct reading *reading, int64_t begin, uint32_t *crc32)
{
    unsigned char *chunk = memory_alloc((size_t)CHUNK_BYTES);
    enum status status = STATUS_OK;
    int64_t end = begin + BLOCK_BYTES;
    end = end < reading->size_bytes ? end : reading->size_bytes;
    for (int64_t at = begin; at < end && status == STATUS_OK; at += CHUNK_BYTES) {
        const size_t length = (size_t)(end - at < CHUNK_BYTES ? end - at : CHUNK_BYTES);
        status = file_read_at(reading->descriptor, chunk, length, at, reading->path);
        if (status == STATUS_OK)
            *crc32 = span_checksum(*crc32, chunk, length);
    }
    memory_free(chunk);
    return status;
}

static void read_block(void *context, int64_t block, int thread)
{
    const struct reading *reading = context;
    struct block_read *read = &reading->blocks[block];
    (void)thread;
    read->status = read_chunks(reading, block * BLOCK_BYTES, &read->crc32);
    if (read->status != STATUS_OK)
        snprintf(read->message, sizeof read->message, "%s", status_message());
}

/* The checksum of all blocks together, or what the first of them met. */
static enum status join_blocks(const struct reading *reading, int64_t count, uint32_t *crc32)
{
    struct span_list whole;
    enum status status = STATUS_OK;
    span_list_init(&whole);
    for (int64_t i = 0; i < count && status == STATUS_OK; i++) {
        const struct block_read *read = &reading->blocks[i];
        const int64_t begin = i * BLOCK_BYTES, end = begin + BLOCK_BYTES;
        if (read->status != STATUS_OK)
            status = status_set(read->status, read->message);
        span_list_add(&whole, "", begin, end < reading->size_bytes ? end : reading->size_bytes,
                      read->crc32);
    }
    *crc32 = count > 0 ? whole.spans[0].crc32 : 0;
    span_list_release(&whole);
    return status;
}

static enum status checksum_of(int descriptor, const char *path, int64_t size_bytes,
                               struct thread_pool *pool, uint32_t *crc32)
{
    const int64_t count = (size_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
    struct reading reading = { path, descriptor, size_bytes, NULL };
    reading.blocks = memory_alloc_zeroed((size_t)count + 1, sizeof *reading.blocks);
    if (pool)
        thread_pool_run(pool, count, read_block, &reading);
    for (int64_t i = 0; i < count && !pool; i++)
        read_block(&reading, i, 0);
    enum status status = join_blocks(&reading, count, crc32);
    memory_free(reading.blocks);
    return status;
}

static enum status compare(const char *path, uint32_t found, uint32_t wanted)
{
    if (found == wanted)
        return STATUS_OK;
    return bad_input("cannot trust '%s': its checksum is %08" PRIx32
                     ", the manifest says %08" PRIx32,
                     path, found, wanted);
}

enum status checked_file_verify(const char *path, int64_t size_bytes, uint32_t crc32_wanted,
                                struct thread_pool *pool)
{
    int descriptor;
    int64_t size_found;
    uint32_t crc32_found = 0;
    TRY(file_open_regular(path, &descriptor, &size_found));
    enum status status =
        size_found == size_bytes
            ? checksum_of(descriptor, path, size_bytes, pool, &crc32_found)
            : bad_input("cannot trust '%s': it has %" PRId64 " bytes, the manifest says %" PRId64,
                        path, size_found, size_bytes);
    close(descriptor);
    return status == STATUS_OK ? compare(path, crc32_found, crc32_wanted) : status;
}

enum status checked_file_load(const char *path, size_t max_bytes, struct strbuf *out)
{
    int descriptor;
    int64_t size_bytes;
    TRY(file_open_regular(path, &descriptor, &size_bytes));
    enum status status = STATUS_OK;
    if ((uint64_t)size_bytes > max_bytes) {
        status = bad_input("cannot read '%s': %" PRId64 " bytes, more than the %zu allowed", path,
                           size_bytes, max_bytes);
    } else {
        strbuf_reserve(out, (size_t)size_bytes);
        status = file_read_at(descriptor, out->bytes + out->length, (size_t)size_bytes, 0, path);
    }
    if (status == STATUS_OK && size_bytes > 0) {
        out->length += (size_t)size_bytes;
        out->bytes[out->length] = '\0';
    }
    close(descriptor);
    return status;
}

enum status checked_file_verify_bytes(const char *path, const void *bytes, size_t length,
                                      uint32_t crc32_wanted)
{
    return compare(path, span_checksum(0, bytes, length), crc32_wanted);
}
