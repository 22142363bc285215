/* reading_bench: how fast the tokens of a corpus are read, and what bounds that.
 *
 *   scheduled  samples in the order of training: schedule, look-up, reading, all of the decoding
 *   sequence   the chunks one after the other, with all of the decoding
 *   inflate    deflate alone, of the same chunks, which are in memory then
 *
 * Files that were read before come from the page cache. Each call goes on where the last one
 * stopped, so that no decoded chunk is met again before the corpus has been read whole.
 */
#ifndef SHARDS_READING_BENCH_H
#define SHARDS_READING_BENCH_H

#include <stdint.h>

#include "base/status.h"

struct reading_bench;

struct reading_time {
    int64_t tokens;
    double seconds, cpu_seconds; /* the latter of all threads */
};

/* Of the training split. `threads` inflate in the schedule's order; else it is one. */
enum status reading_bench_open(const char *folder, int64_t seq_len, uint64_t seed, int threads,
                               struct reading_bench **out);
void reading_bench_close(struct reading_bench *bench);           /* NULL is allowed */
int64_t reading_bench_tokens(const struct reading_bench *bench); /* of the split */

/* About `tokens` tokens each. */
enum status reading_bench_scheduled(struct reading_bench *bench, int64_t tokens,
                                    struct reading_time *out);
enum status reading_bench_sequence(struct reading_bench *bench, int64_t tokens,
                                   struct reading_time *sequence, struct reading_time *inflate);
/* Seconds for finding the places of so many slots: schedule and shard, without reading. */
double reading_bench_places(struct reading_bench *bench, int64_t slots);

#endif
