/* slurm_control: what a batch job asks of Slurm, and tells it, through Slurm's own commands.
 *
 * No accounting database is needed: a job that has ended is known to `squeue` for MinJobAge, which
 * is 300 s by default. Where the controller does not answer, each call is tried again for ten
 * minutes: it may be restarting.
 */
#ifndef TRAINER_JOBS_SLURM_CONTROL_H
#define TRAINER_JOBS_SLURM_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/file.h"
#include "base/status.h"
#include "base/subprocess.h"

enum { SLURM_WORD_BYTES = 64 };

/* A job, as the controller sees it now. Texts are cut to their room. */
struct slurm_job {
    char state[SLURM_WORD_BYTES];  /* "RUNNING"; "COMPLETING" while it ends, for whatever cause */
    char reason[SLURM_WORD_BYTES]; /* why it waits, or ended: "Priority", "TimeLimit", "None" */
    int64_t end_time;              /* Unix seconds; 0: not known */
    int64_t start_time;            /* the same; of a job that waits: when it may start */
    int64_t restarts;              /* grows as soon as the job is put back into its queue */
    bool may_be_requeued;
    bool is_preempted;
    int64_t nodes;
    char *node_list; /* "n[1-4]", "" where it has none */
};

/* *found: false where Slurm knows the job no more. */
enum status slurm_job_read(const char *job, struct slurm_job *out, bool *found);
void slurm_job_release(struct slurm_job *job);

/* Puts the running or ending job back into its queue. It ends this job's processes: soon. */
enum status slurm_requeue(const char *job);
/* A job that waits gets none of these nodes ("n1,n3"). */
enum status slurm_exclude(const char *job, const char *nodes);
enum status slurm_cancel(const char *job);
/* `command` is an sbatch with --parsable; *job is the new one's number. */
enum status slurm_submit(const struct word_list *command, char job[SLURM_WORD_BYTES]);

/* The names in a list such as "n[1-3]", in its order. */
enum status slurm_expand_nodes(const char *node_list, struct name_list *names);
/* Names of the partition's nodes that work, or will within minutes; `partition` NULL: of all. */
enum status slurm_working_nodes(const char *partition, struct name_list *names);
/* Whether `srun --mpi=pmix` is there. */
bool slurm_has_pmix(void);

#endif
