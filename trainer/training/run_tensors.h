/* run_tensors: the tensors of a trainer in a checkpoint, and their names.
 *
 *   model.safetensors                          all parameters, of which each rank writes a part
 *   optimizer-0000i-of-0000n.safetensors       exp_avg.NAME and exp_avg_sq.NAME, or
 *                                              momentum_buffer.NAME, of rank i's slice
 *   group-0000g-of-0000G.safetensors           groups > 1: the parameters of a group, by its ranks
 *                                              together, as group.3.NAME; exp_avg.NAME is
 *                                              group.3.exp_avg.NAME then, and
 *                                              outer.momentum_buffer.NAME stands beside it
 */
#ifndef TRAINER_TRAINING_RUN_TENSORS_H
#define TRAINER_TRAINING_RUN_TENSORS_H

#include "checkpoints/checkpoint.h"
#include "trainer/training/trainer.h"

/* Local. This rank's files, and its part of those that ranks share. */
void run_tensors_write(const struct trainer *trainer, struct checkpoint_writer *writer);
/* Collective. This rank's slices, and its share of its node's parameters, which are to be published
 * afterwards. Bad input where the data are not what the checkpoint's manifest says. */
enum status run_tensors_read(const struct trainer *trainer, struct checkpoint *checkpoint);

#endif
