/* node_exclusion: a job that goes on gets none of the nodes that failed its chain, if enough others
 * work.
 */
#ifndef TRAINER_JOBS_NODE_EXCLUSION_H
#define TRAINER_JOBS_NODE_EXCLUSION_H

#include "trainer/jobs/job_journal.h"

/* `job` waits in its queue. `nodes`: how many it ran on; it needs as many, or as few as it was
 * submitted to take. Too few others are no error: then none is excluded, and that is told. */
enum status node_exclusion_apply(const struct job_journal *journal, const char *chain,
                                 const char *job, int64_t nodes);

#endif
