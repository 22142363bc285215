/* job_layout: how a batch job's nodes are filled: one rank for each NUMA domain, with a thread for
 * each of its cores, unless the allocation asks for something else.
 *
 *   node   | domain 0        | domain 1        |
 *   cores  | 0 1 2 3 4 5 6 7 | 8 9 ...      15 |     ranks_per_node 2, threads 8
 *   cpus   | 16: each core has two             |     cpus_per_rank 16
 *
 * It is read on the node that runs the batch script, and taken for all.
 */
#ifndef TRAINER_JOBS_JOB_LAYOUT_H
#define TRAINER_JOBS_JOB_LAYOUT_H

#include <sched.h>

#include "base/status.h"

struct job_layout {
    int nodes, ranks_per_node;
    int threads;       /* of a rank: cores */
    int cpus_per_rank; /* hardware threads */
};

/* `sysfs`: /sys. From the processors that this process may use, and Slurm's SLURM_JOB_NUM_NODES,
 * SLURM_NTASKS_PER_NODE, SLURM_CPUS_PER_TASK and SLURM_CPUS_ON_NODE. Bad input where there is no
 * such job. */
enum status job_layout_read(const char *sysfs, struct job_layout *out);
/* The same of these processors. */
void job_layout_fill(const char *sysfs, const cpu_set_t *allowed, struct job_layout *layout);

#endif
