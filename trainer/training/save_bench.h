/* save_bench: how long a checkpoint of a model with AdamW takes, beside plain files of as many
 * bytes on the same disk in the same run.
 *
 * A round: rank 0 writes the bytes to one file in blocks of 4 MiB and syncs it, as dd conv=fsync
 * does, through the page cache and past it; all ranks save, as training does; rank 0 reads the
 * checkpoint's files one after the other; all ranks load it. What is read is dropped from the page
 * cache before. Rounds follow each other, so noise hits all alike.
 */
#ifndef TRAINER_TRAINING_SAVE_BENCH_H
#define TRAINER_TRAINING_SAVE_BENCH_H

#include "trainer/model/model.h"
#include "trainer/reports/median.h"
#include "trainer/training/trainer.h"

enum save_time {
    SAVE_PLAIN_CACHED, /* write, fsync */
    SAVE_PLAIN_DIRECT, /* O_DIRECT, fsync; 0: this file system cannot */
    SAVE_TAKING,       /* that training would wait */
    SAVE_COMMIT,       /* from the beginning to the rename */
    SAVE_PLAIN_READ,
    SAVE_LOAD,
    SAVE_TIMES
};

struct save_bench;

/* Collective. A state of arbitrary values, whose checkpoints go to a new folder
 * in `folder`, which is removed in the end. */
enum status save_bench_open(const struct world *world, struct thread_pool *pool,
                            const struct model_config *model, const char *folder,
                            struct save_bench **out);
void save_bench_close(struct save_bench *bench);          /* Collective. NULL is allowed */
int64_t save_bench_bytes(const struct save_bench *bench); /* of a checkpoint's tensors */

/* Collective. The seconds of each, on the slowest rank. */
enum status save_bench_round(struct save_bench *bench, double seconds[SAVE_TIMES]);

#endif
