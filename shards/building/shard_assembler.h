/* shard_assembler: one thread's work on the shards of a layout.
 *
 *   train-00007.h5.segment-3   chunks encoded ahead, by whichever rank has time
 *   train-00007.h5             the shard
 *   train-00007.h5.sha256      its digest and size, written last: it is complete
 */
#ifndef SHARDS_SHARD_ASSEMBLER_H
#define SHARDS_SHARD_ASSEMBLER_H

#include "base/sha256.h"
#include "shards/building/shard_layout.h"

/* Which shards, and the folder that they come to lie in. */
struct shard_assembly {
    const struct shard_layout *layout;
    const char *tokenizer_digest;
    int64_t vocab_size;
    const char *folder;
};

/* train-00007.h5 */
void shard_file_name(const struct layout_shard *shard, struct strbuf *out);

int64_t shard_segments(const struct shard_assembly *assembly, const struct layout_shard *shard);
bool shard_is_complete(const struct shard_assembly *assembly, const struct layout_shard *shard);
/* Of a complete shard. */
enum status shard_read_digest(const struct shard_assembly *assembly,
                              const struct layout_shard *shard, char sha256[SHA256_HEX],
                              int64_t *file_bytes);

struct shard_assembler; /* scratch, for one thread */
struct shard_assembler *shard_assembler_create(const struct shard_assembly *assembly);
void shard_assembler_free(struct shard_assembler *assembler); /* NULL is allowed */

/* Writes a segment's file. */
enum status shard_assembler_encode(struct shard_assembler *assembler,
                                   const struct layout_shard *shard, int64_t segment);
/* Writes the shard, from its segments' files or, without those, from the lots. */
enum status shard_assembler_complete(struct shard_assembler *assembler,
                                     const struct layout_shard *shard, bool has_segments);

#endif
