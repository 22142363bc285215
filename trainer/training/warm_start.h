/* warm_start: a new run that begins with the weights of another (`init_from`). */
#ifndef TRAINER_TRAINING_WARM_START_H
#define TRAINER_TRAINING_WARM_START_H

#include "trainer/training/trainer.h"

/* Collective. Takes the parameters of the checkpoint, or of the run's newest, that
 * config->init_from names; optimizer, counters and data begin anew. Bad input where that is another
 * model, or, without accept_changes, has another tokenizer. A llama's greatest length may differ.
 */
enum status warm_start(struct trainer *trainer);

#endif
