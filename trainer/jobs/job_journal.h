/* job_journal: what Slurm has made of a piece of work: a line when a job starts, one when it ends.
 *
 *   RUN/slurm.jsonl      OUT.slurm.jsonl of a corpus
 *   {"event": "submit", "time": "...", "job": "17"}
 *   {"event": "start", "time": "...", "job": "17", "chain": "17", "restart": 0, "nodes": "n[1-4]",
 *    "ranks": 8, "threads": 16, "launcher": "srun", "progress": 0, "successor": ""}
 *   {"event": "end", "time": "...", "job": "17", "restart": 0, "exit_status": 75, "progress": 120,
 *    "reason": "...", "faulty_nodes": "n3", "next": "requeued"}
 *
 * A start without its end is a job whose batch host was lost, or that was killed. Lines that are
 * none of these are passed over: a host may die while it writes.
 */
#ifndef TRAINER_JOBS_JOB_JOURNAL_H
#define TRAINER_JOBS_JOB_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "trainer/jobs/slurm_control.h"

#define JOB_JOURNAL_FILE "slurm.jsonl" /* in RUN */

enum { JOB_REASON_BYTES = 512, JOB_NODES_BYTES = 4096, JOB_TIME_BYTES = 32 };

/* One start of a job. Texts are cut to their room. */
struct job_attempt {
    char job[SLURM_WORD_BYTES];   /* its number */
    char chain[SLURM_WORD_BYTES]; /* number of the first job of those that follow each other */
    int64_t restart;              /* of this job, as Slurm counts: 0 is its first start */
    char begun[JOB_TIME_BYTES];   /* UTC */
    char nodes[JOB_NODES_BYTES];  /* Slurm's list */
    int ranks, threads;
    const char *launcher;
    int64_t begun_at;                 /* progress: steps, or bytes of a corpus */
    char successor[SLURM_WORD_BYTES]; /* a job that waits for the end of this one; "" */

    bool has_ended;
    char ended[JOB_TIME_BYTES];
    int exit_status;
    int64_t ended_at;
    char reason[JOB_REASON_BYTES];
    char faulty_nodes[JOB_NODES_BYTES]; /* "n1,n3", "" */
    char next[JOB_REASON_BYTES];        /* "requeued", "job 18", or why there is none */
};

struct job_journal {
    char *path;
    struct job_attempt *attempts; /* in their order */
    int64_t count;
    char submitted[SLURM_WORD_BYTES]; /* the job that `eon slurm submit` made last; "" */
};

/* A journal that is not there yet has no attempts. */
enum status job_journal_read(const char *path, struct job_journal *journal);
void job_journal_release(struct job_journal *journal);

/* Appends a line to the journal at `path`. */
enum status job_journal_note_submit(const char *path, const char *job);
/* Append a line, also to `journal` itself. */
enum status job_journal_begin(struct job_journal *journal, const struct job_attempt *attempt);
enum status job_journal_end(struct job_journal *journal, const struct job_attempt *attempt);

/* How often the chain has been started at this progress before, without coming further since. */
int64_t job_journal_fruitless_starts(const struct job_journal *journal, const char *chain,
                                     int64_t progress);

#endif
