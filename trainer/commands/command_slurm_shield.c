/* eon slurm shield: starts a program that does not hear SIGTERM. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "trainer/commands/command.h"

static const struct option_spec no_options[] = { { 0 } };

/* The mask outlives exec; the program's own handlers do not matter then. */
static enum status run(const void *settings, const char *const *positionals, int count)
{
    (void)settings;
    (void)count;
    sigset_t deaf;
    sigemptyset(&deaf);
    sigaddset(&deaf, SIGTERM);
    CHECK(sigprocmask(SIG_BLOCK, &deaf, NULL) == 0, "sigprocmask: %s", strerror(errno));
    signal(SIGPIPE, SIG_DFL);
    execvp(positionals[0], (char *const *)positionals);
    return failed("cannot start '%s': %s", positionals[0], strerror(errno));
}

const struct command command_slurm_shield = {
    .name = "slurm shield",
    .arguments = "-- COMMAND...",
    .summary = "within a batch job: start a command that does not hear SIGTERM",
    .description =
        "For mpirun and its daemons: Slurm sends SIGTERM to all processes of a job that it ends,\n"
        "and what the ranks take for an order to save, mpirun takes for an order to kill them.\n"
        "Open MPI unblocks the signal again for the ranks.\n"
        "\n"
        "    eon slurm shield -- mpirun -n 4 eon train my.ini",
    .options = no_options,
    .settings_bytes = 0,
    .min_positionals = 1,
    .max_positionals = -1,
    .run = run,
};
