/* run_state: what of a trainer goes into a checkpoint, and comes back at any world size.
 *
 *   model.safetensors, optimizer-0000i-of-0000n.safetensors, ...   see run_tensors.h
 *   config.json, tokenizer.json, tokenizer_config.json             for transformers
 *   state.json                                                     progress ("digested"), kernel
 *                                                                  set, data, ledger
 */
#ifndef TRAINER_TRAINING_RUN_STATE_H
#define TRAINER_TRAINING_RUN_STATE_H

#include "checkpoints/checkpoint.h"
#include "trainer/training/trainer.h"

/* Local; of a local checkpoint collective. This rank's part of all files. */
void run_state_write(const struct trainer *trainer, struct checkpoint_writer *writer,
                     bool is_local);

/* Local. Whether this run can go on from there: takes progress and ledger. Another optimizer or
 * number of groups is bad input; another kernel set or corpus too, unless the settings accept
 * changes. */
enum status run_state_read(struct trainer *trainer, const struct checkpoint *checkpoint);

/* Collective. Takes parameters and moments. Bad input where they are not what the manifest says:
 * then they are to be read from another checkpoint. */
enum status run_state_load(struct trainer *trainer, struct checkpoint *checkpoint);

#endif
