/* checked_file: a file of a checkpoint is what its manifest says. The checksum is span_list.h's. */
#ifndef CHECKPOINTS_CHECKED_FILE_H
#define CHECKPOINTS_CHECKED_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/strbuf.h"
#include "base/thread_pool.h"

/* Bad input where the content of a regular file is not of this size and checksum. The pool's
 * threads read blocks of it side by side; NULL: the caller alone. */
enum status checked_file_verify(const char *path, int64_t size_bytes, uint32_t crc32,
                                struct thread_pool *pool);

/* Appends the whole file to `out`. Links are not followed; more than max_bytes is bad input. */
enum status checked_file_load(const char *path, size_t max_bytes, struct strbuf *out);
/* Checksum of bytes in memory that came from `path`. */
enum status checked_file_verify_bytes(const char *path, const void *bytes, size_t length,
                                      uint32_t crc32);

#endif
