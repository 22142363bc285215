#include "comm/launcher.h"

#include <stdlib.h>

#include "base/log.h"

static int64_t number_in_environment(const char *name)
{
    const char *text = getenv(name);
    char *end;
    if (!text)
        return 0;
    long long value = strtoll(text, &end, 10);
    return end != text && *end == '\0' && value > 0 ? value : 0;
}

struct launcher launcher_read(void)
{
    return (struct launcher){
        .slurm_tasks = number_in_environment("SLURM_NTASKS"),
        .slurm_rank = number_in_environment("SLURM_PROCID"),
        .is_mpirun = getenv("OMPI_COMM_WORLD_SIZE") != NULL,
        .is_slurm_step = getenv("SLURM_STEP_ID") != NULL,
    };
}

enum status launcher_check(const struct launcher *launcher, int size)
{
    long long tasks = launcher->slurm_tasks;
    if (!tasks || tasks == size)
        return STATUS_OK;
    if (!launcher->is_mpirun)
        return bad_input("the world has %d rank%s, but Slurm started %lld tasks (SLURM_NTASKS): "
                         "start with 'srun --mpi=pmix' or 'mpirun', or unset SLURM_NTASKS to run "
                         "alone on purpose",
                         size, size == 1 ? "" : "s", tasks);
    if (!launcher->is_slurm_step)
        log_info("note: mpirun started %d rank%s in a Slurm job of %lld tasks", size,
                 size == 1 ? "" : "s", tasks);
    return STATUS_OK;
}
