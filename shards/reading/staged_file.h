/* staged_file: a verified copy of a shard, made by one job at a time. See shard_stager.h. */
#ifndef SHARDS_STAGED_FILE_H
#define SHARDS_STAGED_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* Where the copy of a shard lies, if there is one; the caller frees it. */
char *staged_file_path(const char *folder, const char *sha256);
/* Whether a file of this name, in the folder of the copies, is one or is to become one. */
bool staged_file_is_name(const char *name);
/* Removes a copy, or what is left of one that nobody is making now. False: it stays. */
bool staged_file_remove(const char *path);

/* What became of a copy. */
enum staged_outcome {
    STAGED, /* it is there */
    STAGED_BY_OTHER /* another job is making it, or `given_up` was set in the meantime */,
    STAGED_UNFIT /* the shard cannot be read or is not what is listed: its reader will tell */
};

/* Copies beside `to`, compares size and sha256, syncs and renames; removes what was copied where it
 * does not come to that. An error is one of writing. */
enum status staged_file_copy(const char *from, const char *to, int64_t bytes, const char *sha256,
                             const atomic_bool *given_up, enum staged_outcome *outcome);

#endif
