/* build_input: what a build reads, by whom, and under which name its lots lie.
 *
 * An input is known by its name, size and time of change: where one of them
 * changes, its lots are made again, and those of the others stay. Ranks agree on
 * who reads what without talking, since each computes the same.
 */
#ifndef SHARDS_BUILD_INPUT_H
#define SHARDS_BUILD_INPUT_H

#include <stdint.h>

#include "base/sha256.h"
#include "base/status.h"

struct build_input {
    const char *path; /* the caller's */
    int64_t bytes;
    char identity[SHA256_HEX];
    int reader; /* the one rank that reads it, or -1: all do, and share its lots */
};

/* Looks at the files; `rules` (a digest of all that decides what becomes of a document) goes into
 * the identities. The caller frees the array. */
enum status build_inputs_find(const char *const *paths, int64_t count, const char *rules,
                              struct build_input **out);

/* Gives each input a reader, the largest first to the rank with the least; where that would leave
 * ranks without work, the largest are shared by all. */
void build_inputs_share(struct build_input *inputs, int64_t count, int ranks);

/* Whether `rank` of `ranks` makes this lot. */
static inline int build_input_falls_to(const struct build_input *input, int64_t lot, int rank,
                                       int ranks)
{
    return input->reader >= 0 ? input->reader == rank : lot % ranks == rank;
}

#endif
