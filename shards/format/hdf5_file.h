/* hdf5_file: a file from outside that is open once, for HDF5 and for our own reading.
 *
 * HDF5 gets at it through a driver of ours, which can do less than HDF5's own, on purpose: it
 * reads this one descriptor, within the size that was checked, and tries again where a disk or
 * a file server hiccups. It also tells where a chunk lies without reading it: HDF5 before 1.14 has
 * no call for that but one that walks over all chunks.
 */
#ifndef SHARDS_HDF5_FILE_H
#define SHARDS_HDF5_FILE_H

#include <stdint.h>

#include "base/status.h"
#include "shards/format/chunk_codec.h"
#include "shards/format/hdf5_guard.h"

struct hdf5_file {
    const char *path;
    int descriptor;
    int64_t file_bytes;

    bool is_locating; /* chunks are not read: the next one's place is noted */
    uint64_t located_offset, located_bytes;
    enum status read_status; /* of the first read that failed for HDF5, and why */
    char read_message[STATUS_MESSAGE_BYTES];
};

/* A regular file, links not followed; `path` is borrowed. */
enum status hdf5_file_open(struct hdf5_file *file, const char *path);
void hdf5_file_close(struct hdf5_file *file); /* also after a failed opening */

/* The file in HDF5, for reading; < 0: it is none, and hdf5_reason says why. Under hdf5_lock, as all
 * below. */
hid_t hdf5_file_enter(struct hdf5_file *file);

/* Where a chunk of a dataset of this file lies, as the file says. False: hdf5_reason says why; a
 * chunk that was never written is no error, and has no bytes. */
bool hdf5_file_locate(struct hdf5_file *file, hid_t dataset, hsize_t first_element,
                      struct chunk_place *out);

#endif
