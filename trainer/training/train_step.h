/* train_step: one optimizer update, from batches to new parameters. */
#ifndef TRAINER_TRAINING_TRAIN_STEP_H
#define TRAINER_TRAINING_TRAIN_STEP_H

#include "trainer/training/trainer.h"

struct step_report {
    double loss; /* mean over all targets of the global batch, in nats */
    int64_t targets;
    double executed_flops; /* of all ranks */
    double check_flops;    /* of all ranks, beside those: for comparing ranks, where that is due */
    double check_seconds;  /* on this rank, for the same */
    double gradient_norm;  /* of the mean gradient, before clipping; the mean over the groups */
    double learning_rate;
    bool skipped; /* loss or gradient was not finite: the parameters stay as they were */
};

/* Collective: every rank calls it with the same step, and gets the same report. The result
 * does not depend on the number of ranks: see docs/same-bits.md. */
enum status train_step(struct trainer *trainer, int64_t step, struct step_report *report);

#endif
