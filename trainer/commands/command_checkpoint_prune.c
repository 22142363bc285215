/* eon checkpoint prune: removes what a run need not keep. */
#include <stdio.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint_catalogue.h"
#include "trainer/commands/command.h"
#include "trainer/training/run_lock.h"

struct prune_settings {
    int64_t keep_last, keep_every;
    bool keep_best, dry_run;
};

#define AT(member) offsetof(struct prune_settings, member)

/* clang-format off */
static const struct option_spec prune_options[] = {
    { .section = "What stays", .key = "keep_last", .type = OPTION_INTEGER, .offset = AT(keep_last),
      .default_text = "2", .min = 1, .max = 1e6, .help = "newest checkpoints that are valid" },
    { .key = "keep_every", .type = OPTION_INTEGER, .offset = AT(keep_every), .default_text = "0",
      .min = 0, .max = 1e12, .unit = "steps", .help = "those of its multiples; 0: none" },
    { .key = "keep_best", .type = OPTION_BOOL, .offset = AT(keep_best), .default_text = "false",
      .help = "the one of the least held-out loss, of those saved when it was measured" },
    { .section = "Output", .key = "dry_run", .type = OPTION_BOOL, .offset = AT(dry_run),
      .default_text = "false", .help = "only tell what would be removed" },
    { 0 }
};
/* clang-format on */

static enum status list_removed(const char *run_folder,
                                const struct checkpoint_retention *retention)
{
    struct checkpoint_catalogue catalogue;
    TRY(checkpoint_catalogue_read(run_folder, &catalogue));
    bool *stays = memory_alloc_zeroed((size_t)catalogue.count + 1, sizeof *stays);
    checkpoint_catalogue_retain(&catalogue, retention, stays);
    for (int64_t i = 0; i < catalogue.count; i++) {
        char *path = checkpoint_catalogue_path(&catalogue, i);
        printf("%s  %s\n", stays[i] ? "keep  " : "remove", path);
        memory_free(path);
    }
    memory_free(stays);
    checkpoint_catalogue_release(&catalogue);
    return STATUS_OK;
}

/* A run that trains prunes by itself, and would resume from what is removed here. */
static enum status prune(const char *run_folder, const struct checkpoint_retention *retention)
{
    int lock;
    TRY(run_lock_take(run_folder, &lock));
    enum status status = list_removed(run_folder, retention);
    if (status == STATUS_OK)
        status = checkpoint_prune(run_folder, retention);
    run_lock_release(lock);
    return status;
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    const struct prune_settings *settings = given;
    const struct checkpoint_retention retention = { settings->keep_last, settings->keep_every,
                                                    settings->keep_best };
    (void)count;
    if (!checkpoint_is_run(positionals[0]))
        return bad_input("cannot prune '%s': it is no run's folder with checkpoints",
                         positionals[0]);
    return settings->dry_run ? list_removed(positionals[0], &retention)
                             : prune(positionals[0], &retention);
}

const struct command command_checkpoint_prune = {
    .name = "checkpoint prune",
    .arguments = "RUN",
    .summary = "remove the checkpoints of a run that need not be kept",
    .description =
        "Lists all checkpoints of a run with what becomes of them, and removes the others: all\n"
        "but the newest valid ones, the multiples of keep_every, and the best by its held-out\n"
        "loss. A run does the same after each save, by its options of these names. A run that\n"
        "is being trained is refused.\n"
        "\n"
        "    eon checkpoint prune runs/first --keep_last=1 --keep_best --dry_run\n",
    .options = prune_options,
    .settings_bytes = sizeof(struct prune_settings),
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run,
};
