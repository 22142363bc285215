#include "checkpoints/checked_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "base/memory.h"

enum status checked_file_create(const char *path, struct checked_file *file)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return failed("cannot create '%s': %s", path, strerror(errno));
    *file = (struct checked_file){ .path = memory_copy_string(path), .descriptor = descriptor };
    return STATUS_OK;
}

enum status checked_file_add(struct checked_file *file, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    while (length > 0) {
        size_t block = length < CHECKED_FILE_BLOCK ? length : CHECKED_FILE_BLOCK;
        file->crc32 = (uint32_t)crc32(file->crc32, at, (uInt)block);
        TRY(file_write_all(file->descriptor, at, block, file->path));
        file->size_bytes += (int64_t)block;
        at += block;
        length -= block;
    }
    return STATUS_OK;
}

enum status checked_file_end(struct checked_file *file, enum status status)
{
    /* A failed fsync may have dropped the dirty pages: asking again would lie. */
    if (status == STATUS_OK && fsync(file->descriptor) != 0)
        status = failed("cannot write '%s' to the disk: %s", file->path, strerror(errno));
    /* Network file systems may report a full disk or quota only here. */
    if (close(file->descriptor) != 0 && status == STATUS_OK)
        status = failed("cannot close '%s': %s", file->path, strerror(errno));
    memory_free(file->path);
    *file = (struct checked_file){ .descriptor = -1,
                                   .size_bytes = file->size_bytes,
                                   .crc32 = file->crc32 };
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

enum status checked_file_verify(const char *path, int64_t size_bytes, uint32_t crc32_wanted)
{
    int descriptor;
    int64_t size_found;
    TRY(file_open_regular(path, &descriptor, &size_found));

    enum status status = STATUS_OK;
    uint32_t crc32_found = 0;
    unsigned char *block = memory_alloc(CHECKED_FILE_BLOCK);
    if (size_found != size_bytes)
        TRY_CLEANUP(bad_input("cannot trust '%s': it has %" PRId64
                              " bytes, the manifest says %" PRId64,
                              path, size_found, size_bytes));
    for (int64_t offset = 0; offset < size_bytes;) {
        int64_t left = size_bytes - offset;
        size_t length = left < (int64_t)CHECKED_FILE_BLOCK ? (size_t)left : CHECKED_FILE_BLOCK;
        TRY_CLEANUP(file_read_at(descriptor, block, length, offset, path));
        crc32_found = (uint32_t)crc32(crc32_found, block, (uInt)length);
        offset += (int64_t)length;
    }
    status = compare(path, crc32_found, crc32_wanted);
cleanup:
    memory_free(block);
    close(descriptor);
    return status;
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
    return compare(path, (uint32_t)crc32_z(0, bytes, length), crc32_wanted);
}
