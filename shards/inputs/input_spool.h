/* input_spool: copies of inputs that can be read only once.
 *
 * Standard input and pipes are copied into a file before the build reads them, so
 * that ranks can share them and their digest is that of what was read.
 */
#ifndef SHARDS_INPUT_SPOOL_H
#define SHARDS_INPUT_SPOOL_H

#include <stdint.h>

#include "base/status.h"

/* Copies each input that is no regular file to FOLDER/N. */
enum status input_spool_fill(const char *const *inputs, int64_t count, const char *folder);

/* The paths to read: an input's copy where there is one, else itself. The caller frees each, and
 * the array. */
enum status input_spool_names(const char *const *inputs, int64_t count, const char *folder,
                              char ***out);

#endif
