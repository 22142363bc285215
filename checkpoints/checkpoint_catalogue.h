/* checkpoint_catalogue: the checkpoints of a run, newest first.
 *
 * A candidate is a folder of the right name; whether it is a checkpoint shows
 * when it is opened. checkpoint_find, _open_newest and _prune build on this.
 */
#ifndef CHECKPOINTS_CHECKPOINT_CATALOGUE_H
#define CHECKPOINTS_CHECKPOINT_CATALOGUE_H

#include <stdint.h>

#include "checkpoints/checkpoint.h"
#include "checkpoints/checkpoint_folder.h"

struct checkpoint_candidate {
    int64_t step;
    enum checkpoint_folder_kind kind; /* committed or replaced */
};

struct checkpoint_catalogue {
    char *run_folder;
    struct checkpoint_candidate *candidates; /* of one step, the committed one comes first */
    int64_t count;
};

/* Local. A run that has no folder 'checkpoints' yet has no candidates. */
enum status checkpoint_catalogue_read(const char *run_folder,
                                      struct checkpoint_catalogue *catalogue);
void checkpoint_catalogue_release(struct checkpoint_catalogue *catalogue);

/* The candidate's folder; freed by the caller with memory_free. */
char *checkpoint_catalogue_path(const struct checkpoint_catalogue *catalogue, int64_t index);
/* Local. checkpoint_open, and its step must be that of its folder's name. */
enum status checkpoint_catalogue_open(const struct checkpoint_catalogue *catalogue, int64_t index,
                                      struct checkpoint **out);

/* Local. stays[i]: candidate i is one that the retention keeps. What is newer than the last valid
 * one of them stays even if it is not valid: a person may want to know why, and the run will write
 * over it. */
void checkpoint_catalogue_retain(const struct checkpoint_catalogue *catalogue,
                                 const struct checkpoint_retention *retention, bool *stays);

/* Local. Whether the folder is a run's that has checkpoints, rather than a checkpoint. */
bool checkpoint_is_run(const char *folder);

#endif
