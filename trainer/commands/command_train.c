#include "trainer/commands/command.h"

#include "trainer/training/train_loop.h"

/* Positional 0, the config, has been read into the settings already. */
static enum status run(const struct world *world, const void *settings,
                       const char *const *positionals, int count)
{
    (void)positionals;
    (void)count;
    struct train_config config = *(const struct train_config *)settings;
    TRY(world_agree(world, train_config_complete(&config)));
    return train_loop_run(world, &config);
}

const struct command command_train = {
    .name = "train",
    .arguments = "[CONFIG.ini]",
    .summary = "train a model on a corpus, over any number of ranks",
    .description =
        "Trains with the settings of CONFIG.ini, which options override. The run's folder holds\n"
        "everything: the same command again goes on where the run stopped, at any number of\n"
        "ranks, and ends with the same bits. SIGTERM and SIGUSR1 save and stop with status 75.\n"
        "\n"
        "    mpirun -n 4 eon train configs/llama-small.ini --corpus=CORPUS --run=runs/first",
    .options = train_options,
    .settings_bytes = sizeof(struct train_config),
    .max_positionals = 1,
    .takes_config = true,
    .run_collective = run,
};
