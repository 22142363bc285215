/* run_saver: saves of a run, beside its training.
 *
 *   training  step | take the state | step | step | step | ...
 *   queue                             write, fsync ......... | rename
 *
 * The next save waits for the one before it.
 *
 * The state is taken in memory between two steps, each rank its part of it, and training goes on
 * while a thread writes. Between later steps the ranks ask each other whether all have written;
 * then rank 0 commits. See checkpoint_writer.c. Saves on the nodes themselves go the same way.
 */
#ifndef TRAINER_TRAINING_RUN_SAVER_H
#define TRAINER_TRAINING_RUN_SAVER_H

#include "checkpoints/checkpoint.h"
#include "trainer/training/trainer.h"

/* Which checkpoints of the run stay, as the settings say. */
struct checkpoint_retention run_saver_retention(const struct train_config *config);

/* One save, from when its state was taken. */
struct save_report {
    int64_t step;
    bool is_local;             /* on the nodes: checkpoints/local_tier.h */
    bool is_done;              /* committed, or failed */
    double taking_s, saving_s; /* that training waited for it; until it was done, in all */
};

struct run_saver;

/* Local. The trainer outlives it. */
struct run_saver *run_saver_open(const struct trainer *trainer);
void run_saver_close(struct run_saver *saver); /* no save is under way; NULL is allowed */

/* Collective. Takes the state of trainer->progress.step; none is under way. */
enum status run_saver_begin(struct run_saver *saver);
/* The same on the nodes themselves. Of these the last two are kept, until the run has a newer one.
 */
enum status run_saver_begin_local(struct run_saver *saver);
/* Local, the same on all ranks. */
bool run_saver_is_busy(const struct run_saver *saver);
bool run_saver_is_busy_with_run(const struct run_saver *saver); /* not with a local one */
/* Collective, between steps. Carries a save that is under way on, or with `waits` to its end. The
 * status is that of the save: OK while it goes on. */
enum status run_saver_advance(struct run_saver *saver, bool waits, struct save_report *report);

#endif
