/* checkpoint_folder: the names of checkpoints in a run, and how they come and go.
 *
 *   RUN/checkpoints/
 *       step-00001000            committed
 *       step-00001000.replaced   committed, its successor is being renamed in
 *       step-00002000.partial    being written, or abandoned
 *       step-00000500.removed    being deleted, or abandoned
 *
 * Only the first two are ever read. Renaming is what changes a folder's meaning,
 * and it is atomic; so a kill at any moment leaves each folder of one kind.
 */
#ifndef CHECKPOINTS_CHECKPOINT_FOLDER_H
#define CHECKPOINTS_CHECKPOINT_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum checkpoint_folder_kind {
    CHECKPOINT_COMMITTED,
    CHECKPOINT_REPLACED,
    CHECKPOINT_PARTIAL,
    CHECKPOINT_REMOVED,
};

/* RUN/checkpoints; freed by the caller with memory_free. */
char *checkpoint_folder_parent(const char *run_folder);
/* RUN/checkpoints/step-NNNNNNNN and the kind's suffix; likewise. */
char *checkpoint_folder_path(const char *run_folder, int64_t step,
                             enum checkpoint_folder_kind kind);

/* False where `name` is no such folder's. */
bool checkpoint_folder_parse(const char *name, int64_t *step, enum checkpoint_folder_kind *kind);

/* Makes the step's partial folder, empty of what a killed run left. */
enum status checkpoint_folder_begin(const char *run_folder, int64_t step);

/* Puts the manifest into the partial folder, whose files are all on the disk, and commits it. */
enum status checkpoint_folder_publish(const char *run_folder, int64_t step, const char *manifest,
                                      size_t length);

/* Puts the finished partial folder in the place of the step's checkpoint. One that
 * is there is renamed aside first, and removed when the new one is durable: at
 * every moment one of them is complete under a name that readers try. */
enum status checkpoint_folder_commit(const char *run_folder, int64_t step);

/* Removes a committed checkpoint: renamed first, so that a kill leaves no torn one. */
enum status checkpoint_folder_remove(const char *run_folder, int64_t step,
                                     enum checkpoint_folder_kind kind);

#endif
