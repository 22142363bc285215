/* file_digest: the sha256 and size of a file of any size, read in pieces. */
#ifndef SHARDS_FILE_DIGEST_H
#define SHARDS_FILE_DIGEST_H

#include <stdint.h>

#include "base/sha256.h"
#include "base/status.h"

enum status file_digest(const char *path, char hex[SHA256_HEX], int64_t *size_bytes);

#endif
