/* train_profile: where the time of a training went, from its first step to its end.
 *
 * Kernels count themselves (kernels->profile); the stages between them are timed here. With
 * `profile = true` the table stands on standard error at the end, and in RUN/profile.json:
 * see docs/benchmarks.md. Of this rank: rank 0's is told.
 */
#ifndef TRAINER_TRAINING_TRAIN_PROFILE_H
#define TRAINER_TRAINING_TRAIN_PROFILE_H

#include "base/clock.h"
#include "trainer/kernels/kernels.h"

enum train_stage {
    STAGE_READING,   /* waiting for tokens */
    STAGE_REDUCTION, /* of the gradient and the losses over the ranks */
    STAGE_GATHERING, /* the parameters from all ranks' slices */
    STAGE_AVERAGING, /* groups that train apart: outer_step.h */
    STAGE_CHECKING,  /* that all ranks hold and compute the same */
    STAGE_VALIDATION,
    STAGE_SAVING,
    STAGES
};

struct train_profile {
    double begun_s;
    int64_t first_step;
    struct kernel_profile before[KERNELS]; /* the first step; and validations since */
    double stage_seconds[STAGES];
};

struct trainer;

/* Local, all. */
void train_profile_begin(struct trainer *trainer);
/* Adds the time since `begun_s`, a reading of clock_seconds. */
void train_profile_add(struct trainer *trainer, enum train_stage stage, double begun_s);
/* The same for a stage that runs kernels: what they counted since `before`, a copy of
 * kernels->profile, is the stage's and no step's. */
void train_profile_add_with_kernels(struct trainer *trainer, enum train_stage stage, double begun_s,
                                    const struct kernel_profile before[KERNELS]);
/* Prints the table and writes RUN/profile.json; a warning where that fails. */
void train_profile_tell(const struct trainer *trainer);

#endif
