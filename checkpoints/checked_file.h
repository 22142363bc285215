/* checked_file: a new file of a checkpoint, written in large blocks whose
 * checksum is computed on the way, and read again to prove it.
 *
 * The checksum is zlib's CRC-32. It finds accidents; who can write into the
 * folder can forge it.
 */
#ifndef CHECKPOINTS_CHECKED_FILE_H
#define CHECKPOINTS_CHECKED_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/strbuf.h"

/* One block is checksummed while it is in the cache, then written. */
#define CHECKED_FILE_BLOCK ((size_t)1 << 20)

struct checked_file {
    char *path;
    int descriptor;
    int64_t size_bytes;
    uint32_t crc32;
};

/* Creates the file; one that exists already is an error. After success the file
 * is to be given to checked_file_end. */
enum status checked_file_create(const char *path, struct checked_file *file);
enum status checked_file_add(struct checked_file *file, const void *bytes, size_t length);
/* Ends the writing that went as `status` says: what is good is synced and closed, what is
 * not is only closed. Returns the first that failed; size_bytes and crc32 stay readable. */
enum status checked_file_end(struct checked_file *file, enum status status);

/* Bad input where the content of a regular file is not of this size and checksum. */
enum status checked_file_verify(const char *path, int64_t size_bytes, uint32_t crc32);

/* Appends the whole file to `out`. Links are not followed; more than max_bytes is bad input. */
enum status checked_file_load(const char *path, size_t max_bytes, struct strbuf *out);
/* Checksum of bytes in memory that came from `path`. */
enum status checked_file_verify_bytes(const char *path, const void *bytes, size_t length,
                                      uint32_t crc32);

#endif
