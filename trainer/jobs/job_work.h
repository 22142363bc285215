/* job_work: the eon command that a batch job runs, where its journal lies, and how far it has come.
 */
#ifndef TRAINER_JOBS_JOB_WORK_H
#define TRAINER_JOBS_JOB_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum job_work_kind {
    JOB_WORK_TRAIN,  /* progress: the step of the newest checkpoint */
    JOB_WORK_SHARDS, /* progress: bytes of the corpus that is being built */
    JOB_WORK_OTHER   /* no journal, and not started again */
};

struct job_work {
    enum job_work_kind kind;
    char *folder;       /* RUN, or the corpus */
    char *journal_path; /* NULL: none */
    int64_t stop_after; /* a training that ends at this step on purpose; 0: at its last */
    int64_t threads;    /* of each rank, as the command says; 0: it does not */
};

/* `words`: what follows `eon`, such as "train" "my.ini" "--run=R". Bad input as the command itself
 * would say it, as far as its settings go. */
enum status job_work_read(const char *const *words, int count, struct job_work *work);
void job_work_release(struct job_work *work);

int64_t job_work_progress(const struct job_work *work);
/* A training that stopped where it was told to is as good as one that is done. */
bool job_work_is_at_stop(const struct job_work *work);

#endif
