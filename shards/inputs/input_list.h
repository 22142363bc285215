/* input_list: the files that command-line arguments stand for.
 *
 *   FILE      itself; links are followed
 *   FOLDER    all regular files below it, but for hidden ones (.name) and what
 *             hidden folders hold; links to files are followed, to folders not
 *   PATTERN   what glob(7) finds (*, ?, [a-z]), unless a file has that very name
 *   @LIST     the arguments that stand in the file LIST, one a line; none of
 *             them a list again
 *   -         standard input, once
 *
 * Order: that of the arguments; what one of them stands for is sorted bytewise by
 * its whole path, so that it depends on neither the locale nor the disk.
 *
 * A file that is named twice is kept twice: a user may weigh a source so. How
 * often that happens is counted, for a warning.
 */
#ifndef SHARDS_INPUT_LIST_H
#define SHARDS_INPUT_LIST_H

#include <stdint.h>

#include "base/status.h"

#define INPUT_LIST_MAX ((int64_t)10000000)

struct input_list {
    char **paths; /* as they are opened; "-": standard input */
    int64_t count, capacity;
    int64_t repeated;           /* files that came before already, by whatever name */
    const char *first_repeated; /* one of `paths`, or NULL */
};

/* A missing file, a folder without files and a pattern that nothing matches are bad input; then
 * the list is empty. */
enum status input_list_expand(const char *const *arguments, int64_t count, struct input_list *list);
void input_list_release(struct input_list *list);

#endif
