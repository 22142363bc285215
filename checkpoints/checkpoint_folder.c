#include "checkpoints/checkpoint_folder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "checkpoints/direct_file.h"
#include "checkpoints/manifest.h"

enum { STEP_NAME_BYTES = 48 };

static const char *const suffixes[] = {
    [CHECKPOINT_COMMITTED] = "",
    [CHECKPOINT_REPLACED] = ".replaced",
    [CHECKPOINT_PARTIAL] = ".partial",
    [CHECKPOINT_REMOVED] = ".removed",
};

static void print_name(int64_t step, enum checkpoint_folder_kind kind, char name[STEP_NAME_BYTES])
{
    snprintf(name, STEP_NAME_BYTES, "step-%08" PRId64 "%s", step, suffixes[kind]);
}

char *checkpoint_folder_parent(const char *run_folder)
{
    return path_join(run_folder, "checkpoints");
}

char *checkpoint_folder_path(const char *run_folder, int64_t step, enum checkpoint_folder_kind kind)
{
    char name[STEP_NAME_BYTES];
    print_name(step, kind, name);
    char *parent = checkpoint_folder_parent(run_folder);
    char *path = path_join(parent, name);
    memory_free(parent);
    return path;
}

bool checkpoint_folder_parse(const char *name, int64_t *step, enum checkpoint_folder_kind *kind)
{
    static const char prefix[] = "step-";
    char canonical[STEP_NAME_BYTES];
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return false;
    *step = strtoll(name + sizeof prefix - 1, NULL, 10);
    if (*step < 0)
        return false;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        *kind = (enum checkpoint_folder_kind)i;
        print_name(*step, *kind, canonical);
        if (strcmp(name, canonical) == 0) /* one spelling a step: no two folders are the same */
            return true;
    }
    return false;
}

static enum status rename_folder(const char *from, const char *to)
{
    if (rename(from, to) != 0)
        return failed("cannot rename '%s' to '%s': %s", from, to, strerror(errno));
    return STATUS_OK;
}

enum status checkpoint_folder_remove(const char *run_folder, int64_t step,
                                     enum checkpoint_folder_kind kind)
{
    char *path = checkpoint_folder_path(run_folder, step, kind);
    char *removed = checkpoint_folder_path(run_folder, step, CHECKPOINT_REMOVED);
    enum status status = folder_remove(removed);
    if (status == STATUS_OK)
        status = rename_folder(path, removed);
    if (status == STATUS_OK)
        status = folder_remove(removed);
    memory_free(path);
    memory_free(removed);
    return status;
}

/* A stale .replaced folder has a committed successor here, which commit made durable. */
static enum status move_aside(const char *run_folder, int64_t step, const char *place,
                              const char *aside)
{
    if (file_exists(aside))
        TRY(checkpoint_folder_remove(run_folder, step, CHECKPOINT_REPLACED));
    return rename_folder(place, aside);
}

enum status checkpoint_folder_commit(const char *run_folder, int64_t step)
{
    char *parent = checkpoint_folder_parent(run_folder);
    char *partial = checkpoint_folder_path(run_folder, step, CHECKPOINT_PARTIAL);
    char *place = checkpoint_folder_path(run_folder, step, CHECKPOINT_COMMITTED);
    char *aside = checkpoint_folder_path(run_folder, step, CHECKPOINT_REPLACED);
    enum status status = STATUS_OK;

    bool replaces = file_exists(place);
    if (replaces)
        TRY_CLEANUP(move_aside(run_folder, step, place, aside));
    status = rename_folder(partial, place);
    if (status != STATUS_OK) {
        if (replaces && rename(aside, place) != 0)
            log_warning("checkpoint '%s' is kept as '%s'", place, aside);
        goto cleanup;
    }
    TRY_CLEANUP(folder_sync(parent));
    /* The checkpoint is safe: what is left over costs room, no more. */
    if (file_exists(aside) &&
        checkpoint_folder_remove(run_folder, step, CHECKPOINT_REPLACED) != STATUS_OK)
        log_warning("%s", status_message());
cleanup:
    memory_free(parent);
    memory_free(partial);
    memory_free(place);
    memory_free(aside);
    return status;
}

/* Created twice: first to name what is in the way of the run's folder. */
enum status checkpoint_folder_begin(const char *run_folder, int64_t step)
{
    char *partial = checkpoint_folder_path(run_folder, step, CHECKPOINT_PARTIAL);
    enum status status = folder_create(partial);
    if (status == STATUS_OK)
        status = folder_remove(partial);
    if (status == STATUS_OK)
        status = folder_create(partial);
    memory_free(partial);
    return status;
}

static enum status write_manifest(const char *folder, const char *text, size_t length)
{
    struct direct_file file;
    char *path = path_join(folder, MANIFEST_NAME);
    enum status status = direct_file_open(path, false, &file);
    if (status == STATUS_OK)
        status = direct_file_end(&file, direct_file_write(&file, text, length, 0));
    memory_free(path);
    return status;
}

enum status checkpoint_folder_publish(const char *run_folder, int64_t step, const char *manifest,
                                      size_t length)
{
    char *partial = checkpoint_folder_path(run_folder, step, CHECKPOINT_PARTIAL);
    enum status status = write_manifest(partial, manifest, length);
    if (status == STATUS_OK)
        status = folder_sync(partial);
    memory_free(partial);
    return status == STATUS_OK ? checkpoint_folder_commit(run_folder, step) : status;
}
