/* staging_folder: a new folder, complete or not there at all.
 *
 * The content is written into TARGET.partial, which is renamed at the end:
 *
 *   begin   TARGET.partial     locked while its writer lives; what a dead writer
 *                              left there is removed, but for one folder
 *   commit  TARGET.partial  -> TARGET
 *
 * An existing TARGET is refused, or, where the caller asks for it, replaced at
 * the commit: it waits as TARGET.replaced until the new one is in its place. A
 * crash between the two renames is mended by the next begin.
 */
#ifndef SHARDS_STAGING_FOLDER_H
#define SHARDS_STAGING_FOLDER_H

#include <stdbool.h>

#include "base/status.h"

struct staging_folder {
    char *target;
    char *path;     /* TARGET.partial: write here */
    char *replaced; /* TARGET.replaced */
    int descriptor; /* of `path`, holds the lock */
};

/* `marker` is a file that a folder must hold to be replaced: what is no such folder stays. `kept`
 * is the name of a folder in TARGET.partial that outlives its writer, for the next one to go on. */
enum status staging_folder_begin(struct staging_folder *staging, const char *target, bool overwrite,
                                 const char *marker, const char *kept);

/* Puts the folder, whose files are synced already, in its place. */
enum status staging_folder_commit(struct staging_folder *staging);

/* Frees, and leaves TARGET.partial for a later writer. */
void staging_folder_leave(struct staging_folder *staging);

/* Removes what was not committed, and frees. */
void staging_folder_release(struct staging_folder *staging);

#endif
