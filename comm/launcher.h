/* launcher: does the world that MPI built agree with what Slurm promised?
 *
 * Started by a plain 'srun' without PMIx, or by hand in a batch script, every
 * process believes that it is rank 0 of 1, and the same training would run N
 * times over one folder. Private to comm/.
 *
 *   started by           SLURM_NTASKS says           verdict on another world size
 *   srun                 tasks of this step          bad input
 *   nobody (batch, sh)   tasks of the job, if any    bad input
 *   mpirun in a job      tasks of the job            fine, with a note: -n was explicit
 *   mpirun's daemon      daemons of its own step     says nothing about the ranks
 */
#ifndef COMM_LAUNCHER_H
#define COMM_LAUNCHER_H

#include "comm/world.h"

/* Local. What the environment says; to be read before MPI_Init, which adds to it. */
struct launcher {
    int64_t slurm_tasks; /* 0: not in a job, or the job does not say */
    int64_t slurm_rank;  /* what this process would be; 0 where unknown */
    bool is_mpirun, is_slurm_step;
};
struct launcher launcher_read(void);

/* Local. */
enum status launcher_check(const struct launcher *launcher, int size);

#endif
