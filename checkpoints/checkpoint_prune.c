/* Which checkpoints a run keeps: checkpoint_prune and _prune_local of checkpoints/checkpoint.h. */
#include <inttypes.h>
#include <math.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint_catalogue.h"

/* *validation_loss: NaN where it has none. */
static bool is_valid(const struct checkpoint_catalogue *catalogue, int64_t index,
                     double *validation_loss)
{
    struct checkpoint *checkpoint;
    *validation_loss = NAN;
    if (checkpoint_catalogue_open(catalogue, index, &checkpoint) != STATUS_OK)
        return false;
    *validation_loss = checkpoint_state_number(checkpoint, "validation_loss");
    checkpoint_close(checkpoint);
    return true;
}

/* The step of the best one, or -1. */
static int64_t find_best(const struct checkpoint_catalogue *catalogue)
{
    int64_t best = -1;
    double least = INFINITY;
    for (int64_t i = 0; i < catalogue->count; i++) {
        double loss;
        if (is_valid(catalogue, i, &loss) && loss < least) { /* the newest come first */
            least = loss;
            best = catalogue->candidates[i].step;
        }
    }
    return best;
}

void checkpoint_catalogue_retain(const struct checkpoint_catalogue *catalogue,
                                 const struct checkpoint_retention *retention, bool *stays)
{
    const int64_t best_step = retention->best ? find_best(catalogue) : -1;
    int64_t kept = 0, kept_step = -1;
    for (int64_t i = 0; i < catalogue->count; i++) {
        const int64_t step = catalogue->candidates[i].step;
        const bool is_wanted = kept < retention->last || step == best_step ||
                               (retention->every > 0 && step % retention->every == 0);
        double loss;
        stays[i] = is_wanted && step != kept_step; /* not superseded */
        if (stays[i] && is_valid(catalogue, i, &loss)) {
            kept++;
            kept_step = step;
        }
    }
}

static enum status remove_old(const struct checkpoint_catalogue *catalogue,
                              const struct checkpoint_retention *retention)
{
    bool *stays = memory_alloc_zeroed((size_t)catalogue->count + 1, sizeof *stays);
    enum status status = STATUS_OK;
    checkpoint_catalogue_retain(catalogue, retention, stays);
    for (int64_t i = 0; i < catalogue->count && status == STATUS_OK; i++)
        if (!stays[i])
            status = checkpoint_folder_remove(catalogue->run_folder, catalogue->candidates[i].step,
                                              catalogue->candidates[i].kind);
    memory_free(stays);
    return status;
}

static enum status remove_abandoned(const char *run_folder)
{
    struct name_list names;
    char *parent = checkpoint_folder_parent(run_folder);
    enum status status = folder_list(parent, &names);
    for (int64_t i = 0; status == STATUS_OK && i < names.count; i++) {
        int64_t step;
        enum checkpoint_folder_kind kind;
        if (!checkpoint_folder_parse(names.names[i], &step, &kind) ||
            (kind != CHECKPOINT_PARTIAL && kind != CHECKPOINT_REMOVED))
            continue;
        char *path = path_join(parent, names.names[i]);
        status = folder_remove(path);
        memory_free(path);
    }
    name_list_release(&names);
    memory_free(parent);
    return status;
}

enum status checkpoint_prune(const char *run_folder, const struct checkpoint_retention *retention)
{
    struct checkpoint_catalogue catalogue;
    CHECK(retention->last > 0, "%" PRId64 " checkpoints cannot be kept", retention->last);
    if (!checkpoint_is_run(run_folder))
        return STATUS_OK;
    TRY(checkpoint_catalogue_read(run_folder, &catalogue));
    enum status status = remove_old(&catalogue, retention);
    checkpoint_catalogue_release(&catalogue);
    if (status == STATUS_OK)
        status = remove_abandoned(run_folder);
    return status;
}

enum status checkpoint_prune_local(const char *folder, int64_t step, int64_t last)
{
    struct checkpoint_catalogue catalogue;
    int64_t kept = 0, kept_step = -1;
    if (!checkpoint_is_run(folder))
        return STATUS_OK;
    TRY(checkpoint_catalogue_read(folder, &catalogue));
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < catalogue.count && status == STATUS_OK; i++) {
        const struct checkpoint_candidate *candidate = &catalogue.candidates[i];
        if (candidate->step <= step && candidate->step != kept_step && kept < last) {
            kept++;
            kept_step = candidate->step;
            continue;
        }
        status = checkpoint_folder_remove(folder, candidate->step, candidate->kind);
    }
    checkpoint_catalogue_release(&catalogue);
    return status == STATUS_OK ? remove_abandoned(folder) : status;
}
