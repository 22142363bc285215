/* job_run: a batch job's whole life: the ranks on its nodes, and what follows their end. */
#ifndef TRAINER_JOBS_JOB_RUN_H
#define TRAINER_JOBS_JOB_RUN_H

#include <stdbool.h>

#include "base/status.h"

/* `words`: the eon command, such as "train" "my.ini". With `is_dry` it only prints the command that
 * would start the ranks. The status is the work's own, and has been told. */
enum status job_run(const char *const *words, int count, bool is_dry);

#endif
