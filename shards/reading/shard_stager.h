/* shard_stager: copies shards to a node's own disk before training wants them.
 *
 * One for each node: a thread that walks the schedule ahead of training, and copies
 * the next shards into a folder until they fill its share of the disk. A copy is
 * compared with the shard's sha256 and renamed to it, so what has the name is
 * whole; readers take it where it is there, and the corpus' own file otherwise.
 * What the walk does not meet soon makes room. Several jobs may use one folder.
 *
 *   FOLDER/1a2b...9f.h5            a copy: the name is the sha256
 *   FOLDER/1a2b...9f.h5.partial    being made, by whoever holds its lock (flock)
 *
 * Nothing depends on it: a full disk or a folder that fails is a warning.
 */
#ifndef SHARDS_SHARD_STAGER_H
#define SHARDS_SHARD_STAGER_H

#include "shards/reading/corpus_mixture.h"

struct stager_plan {
    const char *folder;
    int64_t max_bytes; /* of all copies in the folder */
    uint64_t seed;
    int64_t leaves, leaf_sequences;
    const bool *is_here; /* [leaves] that are computed on this node, at least one; copied */
    int64_t first_step;
};

struct shard_stager;

/* `mixture` stays open until it is stopped; others may read from it meanwhile. */
struct shard_stager *shard_stager_start(const struct corpus_mixture *mixture,
                                        const struct stager_plan *plan);
void shard_stager_reached(struct shard_stager *stager, int64_t step); /* NULL is allowed */
void shard_stager_stop(struct shard_stager *stager);                  /* NULL is allowed */

#endif
