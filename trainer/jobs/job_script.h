/* job_script: the batch scripts of slurm/, found and submitted.
 *
 * `eon slurm submit` puts the words of its sbatch into the environment of the job, as a JSON array
 * in EON_SBATCH, so that the job can submit one like itself.
 */
#ifndef TRAINER_JOBS_JOB_SCRIPT_H
#define TRAINER_JOBS_JOB_SCRIPT_H

#include "base/subprocess.h"
#include "trainer/jobs/slurm_control.h"

/* This program's own path; freed by the caller with memory_free. */
enum status job_script_program(char **path);
/* slurm/NAME beside the build folder, or in the share/eon of an installation. */
enum status job_script_find(const char *name, char **path);

/* `sbatch` with all its options, the script and its arguments; *command: the same after the site's
 * file, if there is one. */
void job_script_command(const struct word_list *sbatch, struct word_list *command);
/* Runs that, with EON and EON_SBATCH for the job. */
enum status job_script_submit(const struct word_list *sbatch, char job[SLURM_WORD_BYTES]);

/* How few nodes the job was submitted to take; `otherwise` where job_script_submit did not. */
int64_t job_script_least_nodes(int64_t otherwise);

/* Submits the job's like once more, to start when `job` has ended. *successor is "" where the
 * job was not submitted by job_script_submit. */
enum status job_script_submit_successor(const char *job, const char *chain,
                                        char successor[SLURM_WORD_BYTES]);

#endif
