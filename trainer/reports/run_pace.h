/* run_pace: how far a run has come, and how long it still takes, from RUN/metrics.jsonl. */
#ifndef TRAINER_REPORTS_RUN_PACE_H
#define TRAINER_REPORTS_RUN_PACE_H

#include <stdint.h>

struct run_pace {
    int64_t step;        /* of the last line; -1: none */
    int64_t steps;       /* of the whole run; 0: not known */
    double loss;         /* NaN: not known */
    double seconds_left; /* at the pace of the last line; NaN: not known */
};

/* Takes what it finds: a run that has not logged yet is no error. */
void run_pace_read(const char *run, struct run_pace *pace);

#endif
