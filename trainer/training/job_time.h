/* job_time: when the batch job ends that this run trains in, so that it saves and stops before that
 * without being told to.
 *
 *   now                                            end of the job: SLURM_JOB_END_TIME
 *    | longest round | 2 x longest save | margin |
 *
 * A round is a step with what follows it. Slurm sets the variable from version 23.02 on, and
 * `eon slurm run` where Slurm does not. Without it there is no end. The clock is rank 0's.
 */
#ifndef TRAINER_TRAINING_JOB_TIME_H
#define TRAINER_TRAINING_JOB_TIME_H

#include <stdbool.h>

struct job_time {
    double end_s; /* Unix time; 0: none */
    double margin_s, longest_round_s, longest_save_s;
};

/* Of a short job the margin is a tenth at most: it is to train, too. */
enum { JOB_TIME_SHARES = 10 };

/* Reads the environment; a value that is no time counts as none. `now_s`: Unix time. */
void job_time_init(struct job_time *job_time, double margin_s, double now_s);
void job_time_took_round(struct job_time *job_time, double seconds);
void job_time_took_save(struct job_time *job_time, double seconds);

/* Whether another round, and a save after it, might not be done by the end. `now_s`: Unix time. */
bool job_time_is_over(const struct job_time *job_time, double now_s);

#endif
