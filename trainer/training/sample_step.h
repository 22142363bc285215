/* sample_step: a training step on random tokens, to be measured.
 *
 * Every rank computes one leaf: forward, loss, backward, the reduction, norm, AdamW, gather.
 */
#ifndef TRAINER_TRAINING_SAMPLE_STEP_H
#define TRAINER_TRAINING_SAMPLE_STEP_H

#include "comm/world.h"
#include "trainer/kernels/kernels.h"
#include "trainer/model/model.h"

enum step_phase { PHASE_FORWARD, PHASE_LOSS, PHASE_BACKWARD, PHASE_REDUCE, PHASE_UPDATE, PHASES };
extern const char *const step_phase_names[PHASES];

struct sample_plan {
    struct model_config model;
    int64_t sequences, positions; /* of each rank's leaf */
    enum recompute recompute;
};

struct sample_step;

/* Collective. All that is given must outlive the sample. */
struct sample_step *sample_step_create(const struct world *world, struct kernels *kernels,
                                       const struct sample_plan *plan);
void sample_step_free(struct sample_step *sample);

/* Of one step on this rank. */
struct sample_times {
    double phases[PHASES];
    /* Of which the main thread had nothing to do until data had moved, all ranks being there: the
     * communication that is exposed. */
    double reduction_s, gathering_s;
};

/* Collective. With `is_beside` gradients travel beside backward, and the parameters of the step
 * before beside forward, if that was of the same kind (see overlap.h). */
void sample_step_run(struct sample_step *sample, bool is_beside, struct sample_times *times);

/* The share of the embeddings in the parameters: they come first, so forward can hide nothing of
 * them, and backward is through with them last. */
double sample_step_embedded(const struct sample_step *sample);

#endif
