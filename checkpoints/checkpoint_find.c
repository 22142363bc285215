/* Which checkpoint a run resumes from: checkpoint_find of checkpoints/checkpoint.h. */
#include <inttypes.h>

#include "base/log.h"
#include "base/memory.h"
#include "checkpoints/checkpoint_catalogue.h"
#include "checkpoints/checkpoint_reader.h"

/* Collective. Rank 0 looks: on a shared file system others may still see an older folder. */
static enum status share_catalogue(const struct world *world, const char *run_folder,
                                   struct checkpoint_catalogue *catalogue)
{
    enum status status = STATUS_OK;
    *catalogue = (struct checkpoint_catalogue){ 0 };
    if (world->rank == 0)
        status = checkpoint_catalogue_read(run_folder, catalogue);
    TRY(world_agree(world, status));

    world_broadcast(world, &catalogue->count, sizeof catalogue->count, 0);
    if (world->rank != 0) {
        catalogue->run_folder = memory_copy_string(run_folder);
        catalogue->candidates =
            memory_alloc_zeroed((size_t)catalogue->count + 1, sizeof *catalogue->candidates);
    }
    world_broadcast(world, catalogue->candidates,
                    (size_t)catalogue->count * sizeof *catalogue->candidates, 0);
    return STATUS_OK;
}

/* Collective. What the ranks open, they try. */
static enum status try_candidate(const struct world *world,
                                 const struct checkpoint_catalogue *catalogue, int64_t index,
                                 checkpoint_trial *trial, void *context, struct checkpoint **out)
{
    enum status status = world_agree(world, checkpoint_catalogue_open(catalogue, index, out));
    if (status == STATUS_OK)
        status = world_require_same(world, checkpoint_manifest(*out)->checksum, SHA256_HEX,
                                    "a checkpoint's manifest");
    if (status == STATUS_OK)
        status = world_agree(world, checkpoint_verify(*out, checkpoint_manifest(*out)->version < 3,
                                                      world->rank, world->size, NULL));
    if (status == STATUS_OK)
        status = trial(context, *out);
    if (status != STATUS_OK) {
        checkpoint_close(*out);
        *out = NULL;
    }
    return status;
}

static enum status none_found(const char *run_folder, int64_t step, int64_t passed_over)
{
    if (step >= 0)
        return bad_input("cannot resume run '%s' from step %" PRId64 ": %s", run_folder, step,
                         passed_over ? "its checkpoint is not valid"
                                     : "there is no checkpoint of it");
    /* To start afresh here would swallow the loss of a whole training. */
    if (passed_over)
        return bad_input("cannot resume run '%s': none of its %" PRId64 " checkpoints is valid",
                         run_folder, passed_over);
    return STATUS_OK;
}

enum status checkpoint_find(const struct world *world, const char *run_folder, int64_t step,
                            checkpoint_trial *trial, void *context, struct checkpoint **out)
{
    struct checkpoint_catalogue catalogue;
    int64_t passed_over = 0;
    *out = NULL;
    TRY(share_catalogue(world, run_folder, &catalogue));
    for (int64_t i = 0; i < catalogue.count && !*out; i++) {
        if (step >= 0 && catalogue.candidates[i].step != step)
            continue;
        if (try_candidate(world, &catalogue, i, trial, context, out) == STATUS_OK)
            continue;
        passed_over++;
        if (world->rank == 0)
            log_warning("a checkpoint is passed over: %s", status_message());
    }
    checkpoint_catalogue_release(&catalogue);
    return *out ? STATUS_OK : none_found(run_folder, step, passed_over);
}
