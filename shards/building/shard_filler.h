/* shard_filler: the shards of a layout, written by all threads of all ranks.
 *
 * In batches of a few shards a rank: first their segments are encoded, spread
 * over everybody; then each shard is put together by one thread. A build that
 * goes on leaves complete shards as they are.
 */
#ifndef SHARDS_SHARD_FILLER_H
#define SHARDS_SHARD_FILLER_H

#include "base/thread_pool.h"
#include "shards/building/build_team.h"
#include "shards/format/corpus_manifest.h"
#include "shards/building/shard_assembler.h"

struct shard_filler_plan {
    struct shard_assembly assembly;
    struct thread_pool *pool;
    const struct build_team *team;
    void (*progress)(int64_t done, int64_t total); /* shards; or NULL */
};

/* Collective. Afterwards all ranks can list them. */
enum status shards_fill(const struct shard_filler_plan *plan);

/* Local. Lists all shards in the manifest, by split and name. */
enum status shards_list(const struct shard_assembly *assembly, struct corpus_manifest *manifest);

#endif
