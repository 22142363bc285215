/* shard_libraries: what the libraries under the shards are and can do here, for `eon doctor`. */
#ifndef SHARDS_SHARD_LIBRARIES_H
#define SHARDS_SHARD_LIBRARIES_H

#include <stdbool.h>

#define LIBRARY_VERSION_BYTES 32

struct shard_libraries {
    char hdf5[LIBRARY_VERSION_BYTES];       /* "1.10.8" */
    char isal[LIBRARY_VERSION_BYTES];       /* "2.30.0", compiled against */
    char libdeflate[LIBRARY_VERSION_BYTES]; /* "1.14", compiled against */
    char pcre2[LIBRARY_VERSION_BYTES];      /* "10.42 2022-12-11" */
    bool hdf5_is_thread_safe;               /* or else serialised by us alone: both work */
    bool hdf5_matches_headers;              /* the library loaded is the one compiled against */
    bool deflate, shuffle, fletcher32;      /* HDF5's filters, to write and to read */
    bool pcre2_knows_unicode;
};

struct shard_libraries shard_libraries_here(void);

#endif
