/* eon slurm run: what a batch script becomes: it starts the ranks, and sees to what follows. */
#include "trainer/commands/command.h"
#include "trainer/jobs/job_run.h"

struct run_settings {
    bool dry_run;
};

/* clang-format off */
static const struct option_spec run_options[] = {
    { .key = "dry_run", .type = OPTION_BOOL, .offset = offsetof(struct run_settings, dry_run),
      .default_text = "false", .help = "only print the command that would start the ranks" },
    { 0 }
};
/* clang-format on */

static enum status run(const void *given, const char *const *positionals, int count)
{
    const struct run_settings *settings = given;
    return job_run(positionals, count, settings->dry_run);
}

const struct command command_slurm_run = {
    .name = "slurm run",
    .arguments = "-- COMMAND...",
    .summary = "within a batch job: run an eon command on all its nodes, and see to what follows",
    .description =
        "What slurm/train.sbatch becomes. One rank is started for each NUMA domain of the nodes,\n"
        "with a thread for each core, unless the job asks for something else\n"
        "(--ntasks-per-node, --cpus-per-task), by srun or mpirun. The warning before the time\n"
        "limit, a preemption and `scancel` have the run saved. A job that was not cancelled and "
        "is\n"
        "not done is put back into its queue, or followed by another, without the nodes that\n"
        "failed it, until three restarts have brought no progress: docs/clusters.md.\n"
        "\n"
        "    exec eon slurm run -- train my.ini --corpus=CORPUS --run=RUN",
    .options = run_options,
    .settings_bytes = sizeof(struct run_settings),
    .min_positionals = 1,
    .max_positionals = -1,
    .run = run,
};
