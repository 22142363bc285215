#include "checkpoints/checkpoint_catalogue.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

static int compare_newest_first(const void *a, const void *b)
{
    const struct checkpoint_candidate *first = a, *second = b;
    if (first->step != second->step)
        return first->step > second->step ? -1 : 1;
    return (int)first->kind - (int)second->kind;
}

enum status checkpoint_catalogue_read(const char *run_folder,
                                      struct checkpoint_catalogue *catalogue)
{
    struct name_list names = { 0 };
    char *parent = checkpoint_folder_parent(run_folder);
    enum status status = file_exists(parent) ? folder_list(parent, &names) : STATUS_OK;
    memory_free(parent);
    *catalogue = (struct checkpoint_catalogue){ 0 };
    TRY(status);

    catalogue->run_folder = memory_copy_string(run_folder);
    catalogue->candidates =
        memory_alloc_zeroed((size_t)names.count + 1, sizeof *catalogue->candidates);
    for (int64_t i = 0; i < names.count; i++) {
        struct checkpoint_candidate candidate;
        if (checkpoint_folder_parse(names.names[i], &candidate.step, &candidate.kind) &&
            (candidate.kind == CHECKPOINT_COMMITTED || candidate.kind == CHECKPOINT_REPLACED))
            catalogue->candidates[catalogue->count++] = candidate;
    }
    name_list_release(&names);
    qsort(catalogue->candidates, (size_t)catalogue->count, sizeof *catalogue->candidates,
          compare_newest_first);
    return STATUS_OK;
}

void checkpoint_catalogue_release(struct checkpoint_catalogue *catalogue)
{
    memory_free(catalogue->run_folder);
    memory_free(catalogue->candidates);
    *catalogue = (struct checkpoint_catalogue){ 0 };
}

char *checkpoint_catalogue_path(const struct checkpoint_catalogue *catalogue, int64_t index)
{
    const struct checkpoint_candidate *candidate = &catalogue->candidates[index];
    return checkpoint_folder_path(catalogue->run_folder, candidate->step, candidate->kind);
}

enum status checkpoint_catalogue_open(const struct checkpoint_catalogue *catalogue, int64_t index,
                                      struct checkpoint **out)
{
    char *path = checkpoint_catalogue_path(catalogue, index);
    enum status status = checkpoint_open(path, out);
    if (status == STATUS_OK && checkpoint_step(*out) != catalogue->candidates[index].step) {
        status = bad_input("cannot trust checkpoint '%s': its manifest is of step %" PRId64, path,
                           checkpoint_step(*out));
        checkpoint_close(*out);
        *out = NULL;
    }
    memory_free(path);
    return status;
}

static enum status open_newest_of_run(const char *run_folder, struct checkpoint **out)
{
    struct checkpoint_catalogue catalogue;
    TRY(checkpoint_catalogue_read(run_folder, &catalogue));
    for (int64_t i = 0; i < catalogue.count && !*out; i++) {
        enum status status = checkpoint_catalogue_open(&catalogue, i, out);
        if (status == STATUS_OK)
            status = checkpoint_verify(*out, true, 0, 1, NULL);
        if (status != STATUS_OK) {
            log_warning("%s; the checkpoint before it is tried", status_message());
            checkpoint_close(*out);
            *out = NULL;
        }
    }
    int64_t count = catalogue.count;
    checkpoint_catalogue_release(&catalogue);
    if (*out)
        return STATUS_OK;
    return bad_input("cannot open run '%s': %s", run_folder,
                     count ? "none of its checkpoints is valid" : "it has no checkpoint");
}

static enum status open_verified(const char *folder, struct checkpoint **out)
{
    TRY(checkpoint_open(folder, out));
    enum status status = checkpoint_verify(*out, true, 0, 1, NULL);
    if (status != STATUS_OK) {
        checkpoint_close(*out);
        *out = NULL;
    }
    return status;
}

enum status checkpoint_open_newest(const char *run_or_checkpoint, struct checkpoint **out)
{
    *out = NULL;
    if (checkpoint_is_run(run_or_checkpoint))
        return open_newest_of_run(run_or_checkpoint, out);
    return open_verified(run_or_checkpoint, out);
}

bool checkpoint_is_run(const char *folder)
{
    char *parent = checkpoint_folder_parent(folder);
    bool is_run = folder_exists(parent);
    memory_free(parent);
    return is_run;
}
