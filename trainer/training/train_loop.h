/* train_loop: step after step, with its log, validations and checkpoints, until
 * the last step or a signal. */
#ifndef TRAINER_TRAINING_TRAIN_LOOP_H
#define TRAINER_TRAINING_TRAIN_LOOP_H

#include "trainer/training/train_config.h"

/* Collective. STATUS_STOPPED after a signal or `stop_after`: saved, resumable. */
enum status train_loop_run(const struct world *world, const struct train_config *config);

#endif
