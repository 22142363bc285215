/* job_launch: the command that starts a job's ranks: srun or mpirun.
 *
 * EON_LAUNCHER (srun, mpirun) chooses; otherwise it is srun where Slurm has PMIx, else mpirun.
 */
#ifndef TRAINER_JOBS_JOB_LAUNCH_H
#define TRAINER_JOBS_JOB_LAUNCH_H

#include "base/subprocess.h"
#include "trainer/jobs/job_layout.h"
#include "trainer/jobs/job_work.h"

enum job_launcher { LAUNCHER_SRUN, LAUNCHER_MPIRUN };
extern const char *const job_launcher_names[]; /* "srun", "mpirun", NULL */

/* Bad input where EON_LAUNCHER is something else. */
enum status job_launcher_choose(enum job_launcher *out);

/* `words` are the eon command's; `eon` is the program. The command gets the layout's threads unless
 * it says how many. Environment variables that the launcher reads are set. */
void job_launch_command(enum job_launcher launcher, const struct job_layout *layout,
                        const struct job_work *work, const char *eon, const char *const *words,
                        int count, struct word_list *command);

/* What ranks need to know of the job, in the environment that they inherit: no threads but eon's
 * own; when the job ends (0: not known). */
void job_launch_environment(int64_t end_time);

#endif
