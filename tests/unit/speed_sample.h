/* speed_sample: what a start of a run might have measured. */
#ifndef TESTS_UNIT_SPEED_SAMPLE_H
#define TESTS_UNIT_SPEED_SAMPLE_H

#include "trainer/reports/scaling_study.h"

/* Valid: one rank a node, of `threads`. */
struct speed_record speed_sample(int64_t nodes, int64_t threads, int64_t tokens_per_step,
                                 double tokens_per_second);

/* Room for `capacity` points, each named as given. */
struct scaling_study study_sample(int64_t capacity);
void study_sample_add(struct scaling_study *study, const char *name, struct speed_record speed);

#endif
