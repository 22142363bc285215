/* direct_file: a new file of a checkpoint, written in large blocks.
 *
 * Past the page cache where the file system allows (O_DIRECT): what is written is not read again
 * soon, and copying it would take processor time and memory from the training beside it. What
 * cannot go that way, such as the end of a file, goes through the cache.
 */
#ifndef CHECKPOINTS_DIRECT_FILE_H
#define CHECKPOINTS_DIRECT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Of memory, lengths and places in the file that go past the cache: a page. */
#define DIRECT_FILE_ALIGNMENT ((size_t)4096)

struct direct_file {
    char *path;
    int descriptor;
    bool is_direct;
};

/* A file that exists already is an error, unless it is shared with other ranks, which write other
 * ranges of it. After success the file is to be given to direct_file_end. */
enum status direct_file_open(const char *path, bool is_shared, struct direct_file *file);
enum status direct_file_write(struct direct_file *file, const void *bytes, size_t length,
                              int64_t offset);
/* Ends the writing that went as `status` says: what is good is synced and closed, what is
 * not is only closed. Returns the first that failed. */
enum status direct_file_end(struct direct_file *file, enum status status);

#endif
