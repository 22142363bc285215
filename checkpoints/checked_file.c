#include "checkpoints/checked_file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/span_list.h"

/* One block is checksummed while it is in the cache. */
#define BLOCK_BYTES ((size_t)1 << 20)

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
    unsigned char *block = memory_alloc(BLOCK_BYTES);
    if (size_found != size_bytes)
        TRY_CLEANUP(bad_input("cannot trust '%s': it has %" PRId64
                              " bytes, the manifest says %" PRId64,
                              path, size_found, size_bytes));
    for (int64_t offset = 0; offset < size_bytes;) {
        int64_t left = size_bytes - offset;
        size_t length = left < (int64_t)BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
        TRY_CLEANUP(file_read_at(descriptor, block, length, offset, path));
        crc32_found = span_checksum(crc32_found, block, length);
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
    return compare(path, span_checksum(0, bytes, length), crc32_wanted);
}
