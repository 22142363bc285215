/* job_request: what a user asks of Slurm for a job: the options that submitting commands share. */
#ifndef TRAINER_JOBS_JOB_REQUEST_H
#define TRAINER_JOBS_JOB_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/options.h"
#include "base/subprocess.h"

struct job_request {
    char *time, *partition, *account, *qos, *job_name, *sbatch;
    int64_t warn_seconds;
    bool exclusive;
};

extern const struct option_spec job_request_options[];

/* Adds "sbatch" and these options. The job is called after its folder where the request has no
 * name. The log goes to FOLDER/LOG: see sbatch for the %j in it. */
void job_request_words(const struct job_request *request, const char *folder, const char *log,
                       struct word_list *words);

#endif
