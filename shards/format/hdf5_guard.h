/* hdf5_guard: HDF5's calls, one at a time and without noise.
 *
 * HDF5 serialises all its calls, or is not thread-safe at all, depending on how
 * it was built. Every call of this project stands between hdf5_lock and
 * hdf5_unlock, so both builds work. Its error stack is not printed; what it had
 * to say becomes part of our one line. It loads no plugins: a filter that a
 * hostile file names is never code that runs.
 */
#ifndef SHARDS_HDF5_GUARD_H
#define SHARDS_HDF5_GUARD_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>

void hdf5_lock(void);
void hdf5_unlock(void);

/* Returns `ok`; where it is false, remembers why the call just made failed, since the next
 * call, be it a mere close, forgets. hdf5_reason says it, in HDF5's words (its innermost
 * error), until this thread's next note of a failure. */
bool hdf5_note(bool ok);
const char *hdf5_reason(void);

/* The file type of unsigned integers of 1, 2, 4 or 8 bytes: little-endian on every machine. */
hid_t hdf5_unsigned_type(size_t element_bytes);

#endif
