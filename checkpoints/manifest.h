/* manifest: what a committed checkpoint consists of. Written last: a folder
 * without a valid manifest.json is not a checkpoint.
 *
 * The text is JSON that carries its own checksum as the last member: SHA-256 of
 * every byte before the checksum's first digit. What follows the digits is
 * fixed, so no byte of a manifest can change unnoticed.
 *
 *   {
 *     "format": "eon-checkpoint", "version": 3, "step": 1000, "world_size": 4,
 *     "created": "2026-11-22T22:07:20Z",
 *     "files": [ { "name": "config.json", "size": 512, "crc32": "0a1b2c3d" }, ... ],
 *     "tensors": { "exp_avg.lm_head.weight": "4e5f6071", ... },
 *     "checksum": "64 hexadecimal digits"
 *   }
 */
#ifndef CHECKPOINTS_MANIFEST_H
#define CHECKPOINTS_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"
#include "base/status.h"
#include "base/strbuf.h"
#include "checkpoints/span_list.h"

#define MANIFEST_NAME    "manifest.json"
#define MANIFEST_VERSION 3

/* Longest name of a file in a checkpoint, with the NUL. */
enum { MANIFEST_NAME_BYTES = 128 };

struct manifest_file {
    char name[MANIFEST_NAME_BYTES];
    int64_t size_bytes;
    uint32_t crc32;
    uint32_t header_crc32; /* of a safetensors file's length and header; since version 3 */
};

struct manifest_tensor {
    char *name;
    uint32_t crc32; /* of all its bytes in row-major order, over all files */
};

struct manifest {
    int64_t version;
    int64_t step;
    int64_t world_size; /* of the run that wrote it; any size may read it */
    char created[32];   /* UTC */
    char checksum[SHA256_HEX];
    struct manifest_file *files; /* in the bytewise order of their names */
    int64_t file_count;
    struct manifest_tensor *tensors; /* in the bytewise order of their names; since version 3 */
    int64_t tensor_count;
};

/* Letters, digits, '.', '_' and '-', not first a '.', and not the manifest itself:
 * such a name stays in its folder and needs no quoting anywhere. */
bool manifest_name_is_allowed(const char *name);

/* Fills in files and tensors from the checksums of all ranks, which cover each from its first byte
 * on; the lists are joined on the way. */
void manifest_list(struct manifest *manifest, struct span_list *files, struct span_list *headers,
                   struct span_list *tensors);

/* Sorts the files and prints; fills the checksum. A name that comes twice is fatal. */
void manifest_print(struct manifest *manifest, struct strbuf *out);
/* `source` names the text in messages. */
enum status manifest_parse(const char *text, size_t length, const char *source,
                           struct manifest *out);
enum status manifest_read(const char *path, struct manifest *out);
void manifest_release(struct manifest *manifest);

/* Index of a file, or -1. */
int64_t manifest_find(const struct manifest *manifest, const char *name);
/* Whether the file holds tensors: by its name. */
bool manifest_file_holds_tensors(const struct manifest_file *file);
/* NULL: it lists no such tensor. */
const struct manifest_tensor *manifest_find_tensor(const struct manifest *manifest,
                                                   const char *name);

#endif
