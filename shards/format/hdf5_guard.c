#include "shards/format/hdf5_guard.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

static pthread_mutex_t library_mutex = PTHREAD_MUTEX_INITIALIZER;

/* HDF5's own handler at exit crashes where a file could not be closed for want of disk space
 * (1.10.8). Nothing is left to it: whoever opens something here closes it. */
static void leave_out_exit_handler(void)
{
    H5dont_atexit();
}

void hdf5_lock(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, leave_out_exit_handler);
    int error = pthread_mutex_lock(&library_mutex);
    CHECK(error == 0, "cannot lock HDF5: error %d", error);
    /* In a thread-safe build the error stack, with its printing, belongs to the thread. */
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
}

void hdf5_unlock(void)
{
    int error = pthread_mutex_unlock(&library_mutex);
    CHECK(error == 0, "cannot unlock HDF5: error %d", error);
}

static _Thread_local char noted_reason[256];

static herr_t note_innermost(unsigned depth, const H5E_error2_t *error, void *unused)
{
    (void)unused;
    if (depth != 0 || error->desc == NULL)
        return 0;
    /* Where the system failed, HDF5 tells its view of the call, with pointers and times;
     * the system's own words are among them. */
    static const char system_says[] = "error message = '";
    const char *words = strstr(error->desc, system_says);
    if (words != NULL) {
        words += strlen(system_says);
        snprintf(noted_reason, sizeof noted_reason, "%.*s", (int)strcspn(words, "'"), words);
    } else {
        snprintf(noted_reason, sizeof noted_reason, "%s", error->desc);
    }
    return 0;
}

bool hdf5_note(bool ok)
{
    if (!ok) {
        snprintf(noted_reason, sizeof noted_reason, "HDF5 gives no reason");
        H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, note_innermost, NULL);
    }
    return ok;
}

const char *hdf5_reason(void)
{
    return noted_reason;
}

hid_t hdf5_unsigned_type(size_t element_bytes)
{
    switch (element_bytes) {
    case 1:
        return H5T_STD_U8LE;
    case 2:
        return H5T_STD_U16LE;
    case 4:
        return H5T_STD_U32LE;
    case 8:
        return H5T_STD_U64LE;
    }
    fatal("no column has elements of %zu bytes", element_bytes);
}
