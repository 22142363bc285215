#include "shards/format/file_digest.h"

#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

enum status file_digest(const char *path, char hex[SHA256_HEX], int64_t *size_bytes)
{
    const int64_t piece_bytes = 256 << 10;
    int descriptor;
    TRY(file_open_regular(path, &descriptor, size_bytes));

    enum status status = STATUS_OK;
    unsigned char *piece = memory_alloc((size_t)piece_bytes);
    struct sha256 hash;
    sha256_init(&hash);
    for (int64_t at = 0; at < *size_bytes && status == STATUS_OK; at += piece_bytes) {
        int64_t left = *size_bytes - at;
        size_t length = (size_t)(left < piece_bytes ? left : piece_bytes);
        status = file_read_at(descriptor, piece, length, at, path);
        if (status == STATUS_OK)
            sha256_add(&hash, piece, length);
    }
    sha256_finish_hex(&hash, hex);
    memory_free(piece);
    close(descriptor);
    return status;
}
