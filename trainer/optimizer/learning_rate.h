/* learning_rate: warm-up, then a schedule. A pure function of the step.
 *
 *   constant   lr
 *   linear     from lr down to lr_min at the last step
 *   cosine     half a cosine from lr down to lr_min (Loshchilov and Hutter, arXiv 1608.03983)
 *   wsd        constant, then linear to lr_min over the last `decay_fraction`
 *              (warm-up-stable-decay: Hu et al., MiniCPM, arXiv 2404.06395)
 */
#ifndef TRAINER_OPTIMIZER_LEARNING_RATE_H
#define TRAINER_OPTIMIZER_LEARNING_RATE_H

#include <stdint.h>

enum schedule_kind { SCHEDULE_CONSTANT, SCHEDULE_LINEAR, SCHEDULE_COSINE, SCHEDULE_WSD };
extern const char *const schedule_names[];

struct learning_rate {
    enum schedule_kind kind;
    double peak, minimum;
    int64_t warmup_steps, total_steps;
    double decay_fraction; /* wsd: the share of total_steps that decays */
};

/* For step 0, 1, ...: warm-up gives peak (step + 1) / warmup_steps, so that step 0 learns too. */
double learning_rate_at(const struct learning_rate *schedule, int64_t step);

#endif
