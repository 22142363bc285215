/* Which checkpoints a run keeps: checkpoint_prune of checkpoints/checkpoint.h. */
#include <inttypes.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint_catalogue.h"

static bool is_valid(const struct checkpoint_catalogue *catalogue, int64_t index)
{
    struct checkpoint *checkpoint;
    if (checkpoint_catalogue_open(catalogue, index, &checkpoint) != STATUS_OK)
        return false;
    checkpoint_close(checkpoint);
    return true;
}

/* What is newer than the last one kept stays even if it is not valid: a person may want to
 * know why, and the run will write over it. */
static enum status remove_old(const struct checkpoint_catalogue *catalogue, int64_t keep_last)
{
    int64_t kept = 0, kept_step = -1;
    for (int64_t i = 0; i < catalogue->count; i++) {
        const struct checkpoint_candidate *candidate = &catalogue->candidates[i];
        bool is_superseded = candidate->step == kept_step;
        if (kept < keep_last && !is_superseded) {
            if (is_valid(catalogue, i)) {
                kept++;
                kept_step = candidate->step;
            }
            continue;
        }
        TRY(checkpoint_folder_remove(catalogue->run_folder, candidate->step, candidate->kind));
    }
    return STATUS_OK;
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

enum status checkpoint_prune(const char *run_folder, int64_t keep_last)
{
    struct checkpoint_catalogue catalogue;
    CHECK(keep_last > 0, "%" PRId64 " checkpoints cannot be kept", keep_last);
    if (!checkpoint_is_run(run_folder))
        return STATUS_OK;
    TRY(checkpoint_catalogue_read(run_folder, &catalogue));
    enum status status = remove_old(&catalogue, keep_last);
    checkpoint_catalogue_release(&catalogue);
    if (status == STATUS_OK)
        status = remove_abandoned(run_folder);
    return status;
}
