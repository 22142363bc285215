/* manifest: what a committed checkpoint consists of. Written last: a folder
 * without a valid manifest.json is not a checkpoint.
 *
 * The text is JSON that carries its own checksum as the last member: SHA-256 of
 * every byte before the checksum's first digit. What follows the digits is
 * fixed, so no byte of a manifest can change unnoticed.
 *
 *   {
 *     "format": "eon-checkpoint", "version": 2, "step": 1000, "world_size": 4,
 *     "created": "2026-11-22T22:07:20Z",
 *     "files": [ { "name": "config.json", "size": 512, "crc32": "0a1b2c3d" }, ... ],
 *     "checksum": "64 hexadecimal digits"
 *   }
 */
#ifndef CHECKPOINTS_MANIFEST_H
#define CHECKPOINTS_MANIFEST_H

#include <stdint.h>

#include "base/sha256.h"
#include "base/status.h"
#include "base/strbuf.h"

#define MANIFEST_NAME    "manifest.json"
#define MANIFEST_VERSION 2

/* Longest name of a file in a checkpoint, with the NUL. */
enum { MANIFEST_NAME_BYTES = 128 };

struct manifest_file {
    char name[MANIFEST_NAME_BYTES];
    int64_t size_bytes;
    uint32_t crc32;
};

struct manifest {
    int64_t step;
    int64_t world_size; /* of the run that wrote it; any size may read it */
    char created[32];   /* UTC */
    char checksum[SHA256_HEX];
    struct manifest_file *files; /* in the bytewise order of their names */
    int64_t file_count;
};

/* Letters, digits, '.', '_' and '-', not first a '.', and not the manifest itself:
 * such a name stays in its folder and needs no quoting anywhere. */
bool manifest_name_is_allowed(const char *name);

/* Sorts the files and prints; fills the checksum. A name that comes twice is fatal. */
void manifest_print(struct manifest *manifest, struct strbuf *out);
/* `source` names the text in messages. */
enum status manifest_parse(const char *text, size_t length, const char *source,
                           struct manifest *out);
enum status manifest_read(const char *path, struct manifest *out);
void manifest_release(struct manifest *manifest);

/* Index of a file, or -1. */
int64_t manifest_find(const struct manifest *manifest, const char *name);

#endif
