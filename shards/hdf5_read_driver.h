/* hdf5_read_driver: the file below HDF5, read within its bounds.
 *
 * HDF5's own driver keeps an accumulator of metadata, which a hostile address
 * (just below the undefined one) makes copy from nowhere in 1.10.8: fuzz_shard
 * found that. This one asks for no accumulator, reads nothing beyond the end of
 * the file, and never writes.
 */
#ifndef SHARDS_HDF5_READ_DRIVER_H
#define SHARDS_HDF5_READ_DRIVER_H

#include <hdf5.h>

/* Files that are opened with `access` are read by it; negative where HDF5 refuses. Under
 * hdf5_lock. */
herr_t hdf5_use_read_driver(hid_t access);

#endif
