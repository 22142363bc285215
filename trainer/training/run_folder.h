/* run_folder: RUN/ at the start of a training: made, or found and resumed.
 *
 *   config.ini  metrics.jsonl  ledger.json  speed.json  lock  checkpoints/step-NNNNNNNN/
 *
 * State is what checkpoints hold. The logs beside them are no condition of going on: a damaged
 * ledger.json or metrics.jsonl is told, and kept under its name with ".damaged".
 */
#ifndef TRAINER_TRAINING_RUN_FOLDER_H
#define TRAINER_TRAINING_RUN_FOLDER_H

#include "trainer/training/trainer.h"

/* Collective. Makes the folder, locks it until trainer_close, and loads what the `resume` setting
 * asks for into the trainer. Bad input where settings that decide the run's bits differ from those
 * it was started with, or where a new run would lie on top of one that has checkpoints. */
enum status run_folder_open(struct trainer *trainer);

#endif
