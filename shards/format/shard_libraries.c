#define PCRE2_CODE_UNIT_WIDTH 8

#include "shards/format/shard_libraries.h"

#include <hdf5.h>
#include <isa-l.h>
#include <libdeflate.h>
#include <pcre2.h>
#include <stdint.h>
#include <stdio.h>

#include "shards/format/hdf5_guard.h"

static bool filter_works(H5Z_filter_t filter)
{
    const unsigned both = H5Z_FILTER_CONFIG_ENCODE_ENABLED | H5Z_FILTER_CONFIG_DECODE_ENABLED;
    unsigned flags = 0;
    return H5Zfilter_avail(filter) > 0 && H5Zget_filter_info(filter, &flags) >= 0 &&
           (flags & both) == both;
}

static void ask_hdf5(struct shard_libraries *found)
{
    unsigned major = 0, minor = 0, release = 0;
    hbool_t is_thread_safe = 0;
    hdf5_lock();
    H5get_libversion(&major, &minor, &release);
    H5is_library_threadsafe(&is_thread_safe);
    found->hdf5_is_thread_safe = is_thread_safe > 0;
    found->hdf5_matches_headers = major == H5_VERS_MAJOR && minor == H5_VERS_MINOR;
    found->deflate = filter_works(H5Z_FILTER_DEFLATE);
    found->shuffle = filter_works(H5Z_FILTER_SHUFFLE);
    found->fletcher32 = filter_works(H5Z_FILTER_FLETCHER32);
    hdf5_unlock();
    snprintf(found->hdf5, sizeof found->hdf5, "%u.%u.%u", major, minor, release);
}

struct shard_libraries shard_libraries_here(void)
{
    struct shard_libraries found = { 0 };
    uint32_t unicode = 0;
    ask_hdf5(&found);
    snprintf(found.isal, sizeof found.isal, "%d.%d.%d", ISAL_MAJOR_VERSION, ISAL_MINOR_VERSION,
             ISAL_PATCH_VERSION);
    snprintf(found.libdeflate, sizeof found.libdeflate, "%s", LIBDEFLATE_VERSION_STRING);
    pcre2_config(PCRE2_CONFIG_VERSION, found.pcre2); /* at most 24 bytes: pcre2api(3) */
    pcre2_config(PCRE2_CONFIG_UNICODE, &unicode);
    found.pcre2_knows_unicode = unicode != 0;
    return found;
}
