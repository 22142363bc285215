#include "trainer/jobs/job_launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/jobs/slurm_control.h"

const char *const job_launcher_names[] = { "srun", "mpirun", NULL };

enum status job_launcher_choose(enum job_launcher *out)
{
    const char *wanted = getenv("EON_LAUNCHER");
    if (!wanted || *wanted == '\0') {
        *out = slurm_has_pmix() ? LAUNCHER_SRUN : LAUNCHER_MPIRUN;
        return STATUS_OK;
    }
    for (int i = 0; job_launcher_names[i]; i++)
        if (strcmp(wanted, job_launcher_names[i]) == 0) {
            *out = (enum job_launcher)i;
            return STATUS_OK;
        }
    return bad_input("EON_LAUNCHER is '%s': srun or mpirun", wanted);
}

/* Slurm's PMIx plugin runs the two fences of MPI_Init by different methods, unless one is chosen. A
 * rank may then be sent a message while it still waits in the first, and Open MPI crashes: in 22 of
 * 460 starts of four ranks on a busy machine, and by one method alone in none of 400. */
static void add_srun(const struct job_layout *layout, struct word_list *command)
{
    setenv("SLURM_PMIX_FENCE", "tree", 0);
    word_list_add(command, "srun");
    word_list_add(command, "--mpi=pmix");
    word_list_add(command, "--kill-on-bad-exit=1"); /* a dead rank would leave the others waiting */
    word_list_add(command, "--export=ALL");
    word_list_addf(command, "--nodes=%d", layout->nodes);
    word_list_addf(command, "--ntasks=%d", layout->nodes * layout->ranks_per_node);
    word_list_addf(command, "--ntasks-per-node=%d", layout->ranks_per_node);
    word_list_addf(command, "--cpus-per-task=%d", layout->cpus_per_rank);
    word_list_add(command, "--distribution=block:block"); /* a rank's cores lie in one domain */
    word_list_add(command, "--cpu-bind=cores");
}

/* Where the site binds otherwise it has said so in one of these. */
static bool site_binds(void)
{
    return getenv("OMPI_MCA_hwloc_base_binding_policy") ||
           getenv("PRTE_MCA_hwloc_default_binding_policy");
}

/* mpirun reads from SLURM_TASKS_PER_NODE how many ranks a node takes: one, unless the job said. It
 * and its daemons take a SIGTERM of Slurm's for an order to kill the ranks, which have it too and
 * want to save: so they do not hear it. */
static void add_mpirun(const struct job_layout *layout, const char *eon, struct word_list *command)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "%d(x%d)", layout->ranks_per_node, layout->nodes);
    setenv("SLURM_TASKS_PER_NODE", text.bytes, 1);
    strbuf_reset(&text);
    strbuf_addf(&text, "%s slurm shield -- orted", eon);
    setenv("OMPI_MCA_orte_launch_agent", text.bytes, 0);
    strbuf_release(&text);
    word_list_add(command, eon);
    word_list_add(command, "slurm");
    word_list_add(command, "shield");
    word_list_add(command, "--");
    word_list_add(command, "mpirun");
    word_list_add(command, "-n");
    word_list_addf(command, "%d", layout->nodes * layout->ranks_per_node);
    word_list_add(command, "--map-by");
    if (site_binds())
        word_list_addf(command, "ppr:%d:node", layout->ranks_per_node);
    else
        word_list_addf(command, "ppr:%d:node:PE=%d", layout->ranks_per_node, layout->threads);
}

void job_launch_command(enum job_launcher launcher, const struct job_layout *layout,
                        const struct job_work *work, const char *eon, const char *const *words,
                        int count, struct word_list *command)
{
    if (launcher == LAUNCHER_SRUN)
        add_srun(layout, command);
    else
        add_mpirun(layout, eon, command);
    word_list_add(command, eon);
    for (int i = 0; i < count; i++)
        word_list_add(command, words[i]);
    if (work->kind != JOB_WORK_OTHER && work->threads == 0)
        word_list_addf(command, "--threads=%d", layout->threads);
}

void job_launch_environment(int64_t end_time)
{
    char text[32];
    setenv("OMP_NUM_THREADS", "1", 1);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    snprintf(text, sizeof text, "%lld", (long long)end_time);
    if (end_time > 0)
        setenv("SLURM_JOB_END_TIME", text, 1);
}
