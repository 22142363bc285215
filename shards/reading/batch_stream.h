/* batch_stream: a leaf's tokens, read ahead by a thread of its own.
 *
 * The stream walks (step, leaf) in the order in which this rank will ask: its
 * leaves [first, end) of each step, from `first_step` on. The reader thread is
 * the only one that calls HDF5; it keeps up to `ahead` leaves ready, and reads
 * any other leaf when asked.
 */
#ifndef SHARDS_BATCH_STREAM_H
#define SHARDS_BATCH_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "shards/reading/corpus_mixture.h"

struct batch_stream_plan {
    uint64_t seed;
    int64_t leaves, leaf_sequences, seq_len;
    int64_t first_leaf, end_leaf; /* of this rank; may be empty */
    int64_t first_step;
    int ahead;            /* leaves */
    bool document_starts; /* are read too */
};

/* A leaf: [leaf_sequences, seq_len] each. */
struct leaf_tokens {
    int32_t *tokens, *targets;
    int32_t *document_starts; /* as of corpus_read_sample; NULL: not in the plan */
};

struct batch_stream;
/* Takes over `mixture`, each corpus of which has samples, until the stream is closed (which does
 * not close the mixture). */
struct batch_stream *batch_stream_open(struct corpus_mixture *mixture,
                                       const struct batch_stream_plan *plan);
/* The leaf is valid until the next call. Blocks until it is there; a reader's error rises here. */
enum status batch_stream_take(struct batch_stream *stream, int64_t step, int64_t leaf,
                              const struct leaf_tokens **out);
/* Any leaf of any step, out of turn: the walk goes on as it was. Valid until the next such call.
 * Not of a stream without leaves. */
enum status batch_stream_fetch(struct batch_stream *stream, int64_t step, int64_t leaf,
                               const struct leaf_tokens **out);
/* What a stream of this plan takes. */
size_t batch_stream_bytes(const struct batch_stream_plan *plan);
double batch_stream_wait_seconds(const struct batch_stream *stream); /* spent blocked so far */
void batch_stream_close(struct batch_stream *stream);                /* NULL is allowed */

#endif
