/* job_chain: what follows the end of a job: another start, or none, and why.
 *
 * Two ways lead to another start. Slurm puts the job back into its queue (`scontrol requeue`, or by
 * itself after a preemption or the failure of a node), where the job may be requeued. Where a site
 * forbids that, a job of the same kind was submitted at the start, which waits for the end of this
 * one, however it comes, and which the last of the chain cancels. EON_CHAIN (requeue, dependent,
 * none) chooses; otherwise the job's own flag does.
 */
#ifndef TRAINER_JOBS_JOB_CHAIN_H
#define TRAINER_JOBS_JOB_CHAIN_H

#include "trainer/jobs/job_journal.h"
#include "trainer/jobs/job_supervisor.h"
#include "trainer/jobs/job_work.h"

/* A job that made no progress is started again so often. */
enum { FRUITLESS_RESTARTS = 3 };

enum job_chain_way { CHAIN_REQUEUE, CHAIN_DEPENDENT, CHAIN_NONE };

struct job_chain {
    enum job_chain_way way;
    struct job_work work;
    struct job_journal journal;
    struct job_attempt attempt; /* this start */
    struct slurm_job job;       /* as it was at the start */
    bool is_requeued;           /* by job_chain_ending */
};

/* Takes the chain up: reads the journal, and what Slurm knows of the job in SLURM_JOB_ID. With
 * *goes_on false this job has nothing to do, and *why says so: the one before was cancelled, or the
 * work is done or makes no progress. Takes `work`. */
enum status job_chain_open(struct job_chain *chain, const struct job_work *work, bool *goes_on,
                           char why[JOB_REASON_BYTES]);
void job_chain_close(struct job_chain *chain);

/* Where the way needs it, submits the job that waits for this one's end. */
enum status job_chain_prepare(struct job_chain *chain);

/* A job_ending_function of the chain: one whose time is over is put back into its queue at once, as
 * Slurm may kill it before its ranks have saved. */
void job_chain_ending(void *chain);

/* Tells from the outcome why the job ended, decides what follows, does it, and notes both. Returns
 * the exit status for the batch script. */
int job_chain_end(struct job_chain *chain, const struct job_outcome *outcome,
                  const struct node_faults *faults);

#endif
