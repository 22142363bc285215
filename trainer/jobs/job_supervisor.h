/* job_supervisor: starts a job's ranks, passes on what Slurm signals, and waits for their end.
 *
 * The batch script has become this process, so that Slurm's signals to the script arrive here:
 * SIGUSR1 before the time limit (--signal=B:USR1@...), SIGTERM when the job is ended. Both ask the
 * launcher, by SIGUSR1, to have the ranks save and stop: mpirun would take SIGTERM for an order to
 * kill. What the ranks say on standard error goes through here, to learn which nodes failed.
 */
#ifndef TRAINER_JOBS_JOB_SUPERVISOR_H
#define TRAINER_JOBS_JOB_SUPERVISOR_H

#include <stdbool.h>

#include "base/subprocess.h"
#include "trainer/jobs/node_faults.h"

struct job_outcome {
    int exit_status; /* of the launcher, as a shell says it */
    bool was_warned; /* by SIGUSR1 */
    bool was_ended;  /* by SIGTERM */
};

/* Before the job's first call of Slurm: signals that come from now on wait for job_supervise, and
 * those calls are finished in spite of them. */
void job_supervisor_hold_signals(void);

/* Called once, when the first SIGTERM has been passed on: Slurm may kill this process soon. */
typedef void job_ending_function(void *context);

enum status job_supervise(const struct word_list *command, struct node_faults *faults,
                          job_ending_function *ending, void *context, struct job_outcome *out);

#endif
