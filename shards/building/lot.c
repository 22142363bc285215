#include "shards/building/lot.h"

#include <libdeflate.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

/* Also tells a machine of another byte order: lots are read where they were written. */
#define LOT_MAGIC 0x31746f6c6e6f65UL /* "eonlot1" */

/* Where each part lies in the file: header, parts, CRC-32 of all before it. */
struct lot_layout {
    int64_t records, hashes, keys, names, tokens, checksum;
};

static struct lot_layout layout_of(const struct lot_header *header)
{
    struct lot_layout at = { .records = sizeof *header };
    at.hashes = at.records + header->documents * (int64_t)sizeof(struct lot_record);
    at.keys = at.hashes + header->documents * LOT_HASH_BYTES;
    at.names = at.keys + (header->has_keys ? header->documents * MINHASH_BANDS * 8 : 0);
    at.tokens = at.names + header->name_bytes;
    at.checksum = at.tokens + header->tokens * header->token_bytes;
    return at;
}

static enum status put(int file, uint32_t *checksum, const void *bytes, int64_t length,
                       const char *path)
{
    if (length == 0)
        return STATUS_OK;
    *checksum = libdeflate_crc32(*checksum, bytes, (size_t)length);
    return file_write_all(file, bytes, (size_t)length, path);
}

static enum status write_parts(const void *context, int file, const char *path)
{
    const struct lot *lot = context;
    struct lot_header header = lot->header;
    uint32_t checksum = 0;
    header.magic = LOT_MAGIC;
    const struct lot_layout at = layout_of(&header);
    TRY(put(file, &checksum, &header, sizeof header, path));
    TRY(put(file, &checksum, lot->records, at.hashes - at.records, path));
    TRY(put(file, &checksum, lot->hashes, at.keys - at.hashes, path));
    TRY(put(file, &checksum, lot->keys, at.names - at.keys, path));
    TRY(put(file, &checksum, lot->names, at.tokens - at.names, path));
    TRY(put(file, &checksum, lot->tokens, at.checksum - at.tokens, path));
    return file_write_all(file, &checksum, sizeof checksum, path);
}

/* The checksum tells what a fallen machine did not keep, and it is made again. */
enum status lot_write(const struct lot *lot, const char *path)
{
    return file_put(path, write_parts, lot);
}

static enum status get(int file, void *out, int64_t at, int64_t length, const char *path)
{
    return length == 0 ? STATUS_OK : file_read_at(file, out, (size_t)length, at, path);
}

/* Parts of a file, side by side in memory. */
struct part_place {
    int64_t at, bytes; /* in the file */
    void **memory;     /* whose pointer leads to it */
};

static size_t room_of(int64_t bytes)
{
    return ((size_t)bytes + 64) / 64 * 64; /* aligned, and never nothing */
}

static void place_parts(struct lot *lot, const struct part_place *parts, int count)
{
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total += room_of(parts[i].bytes);
    if (total > lot->memory_bytes) {
        memory_free(lot->memory);
        lot->memory = memory_alloc(total);
        lot->memory_bytes = total;
    }
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        *parts[i].memory = lot->memory + at;
        at += room_of(parts[i].bytes);
    }
}

static enum status read_parts(struct lot *lot, int parts, int band, int file, const char *path)
{
    TRY(get(file, &lot->header, 0, sizeof lot->header, path));
    const struct lot_layout at = layout_of(&lot->header);
    const int64_t documents = lot->header.documents;
    struct part_place places[5];
    int count = 0;
    if (parts & LOT_RECORDS)
        places[count++] =
            (struct part_place){ at.records, at.hashes - at.records, (void **)&lot->records };
    if (parts & LOT_HASHES)
        places[count++] =
            (struct part_place){ at.hashes, at.keys - at.hashes, (void **)&lot->hashes };
    if (parts & LOT_KEYS && lot->header.has_keys)
        places[count++] = (struct part_place){ at.keys + band * documents * 8, documents * 8,
                                               (void **)&lot->keys };
    if (parts & LOT_NAMES)
        places[count++] =
            (struct part_place){ at.names, at.tokens - at.names, (void **)&lot->names };
    if (parts & LOT_TOKENS)
        places[count++] =
            (struct part_place){ at.tokens, at.checksum - at.tokens, (void **)&lot->tokens };
    place_parts(lot, places, count);
    for (int i = 0; i < count; i++)
        TRY(get(file, *places[i].memory, places[i].at, places[i].bytes, path));
    return STATUS_OK;
}

enum status lot_read(const char *path, int parts, int band, struct lot *lot)
{
    int file;
    int64_t size;
    TRY(file_open_regular(path, &file, &size));
    enum status status = read_parts(lot, parts, band, file, path);
    close(file);
    return status;
}

void lot_release(struct lot *lot)
{
    memory_free(lot->memory);
    *lot = (struct lot){ 0 };
}

/* The sums are small enough not to overflow once each count is. */
static bool has_shape(const struct lot_header *header, int64_t size, size_t token_bytes,
                      bool has_keys)
{
    const int64_t most = (int64_t)1 << 40;
    return header->magic == LOT_MAGIC && header->documents >= 0 && header->documents < most &&
           header->name_bytes >= 0 && header->name_bytes < most && header->tokens >= 0 &&
           header->tokens < most && header->token_bytes == (int64_t)token_bytes &&
           header->has_keys == has_keys &&
           layout_of(header).checksum + (int64_t)sizeof(uint32_t) == size;
}

static enum status checksum_holds(int file, int64_t end, const char *path, bool *holds)
{
    const int64_t piece_bytes = 1 << 20;
    unsigned char *piece = memory_alloc((size_t)piece_bytes);
    uint32_t checksum = 0, listed = 0;
    enum status status = STATUS_OK;
    for (int64_t at = 0; at < end && status == STATUS_OK; at += piece_bytes) {
        int64_t length = end - at < piece_bytes ? end - at : piece_bytes;
        status = get(file, piece, at, length, path);
        if (status == STATUS_OK)
            checksum = libdeflate_crc32(checksum, piece, (size_t)length);
    }
    if (status == STATUS_OK)
        status = get(file, &listed, end, sizeof listed, path);
    *holds = status == STATUS_OK && checksum == listed;
    memory_free(piece);
    return status;
}

enum status lot_check(const char *path, size_t token_bytes, bool has_keys, bool *good,
                      struct lot_header *header)
{
    int file;
    int64_t size;
    *good = false;
    if (!file_exists(path))
        return STATUS_OK;
    TRY(file_open_regular(path, &file, &size));
    enum status status = STATUS_OK;
    if (size >= (int64_t)sizeof *header) {
        status = get(file, header, 0, sizeof *header, path);
        if (status == STATUS_OK && has_shape(header, size, token_bytes, has_keys))
            status = checksum_holds(file, layout_of(header).checksum, path, good);
    }
    close(file);
    return status;
}
