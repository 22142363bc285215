/* The calls of tests/faults/disk_shim.h that change a file's bytes, or bring them to the disk. */
#include "tests/faults/disk_shim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static bool begin_on_descriptor(struct shim_call *call, enum call_kind kind, int descriptor)
{
    char path[SHIM_PATH_BYTES];
    int kept = errno;
    descriptor_path(descriptor, path);
    errno = kept;
    return shim_begin(call, kind, path);
}

enum { VECTORS_MOST = 1024, HERE = -1 };

static ssize_t raw_write(int descriptor, const struct iovec *vectors, int count, int64_t at)
{
    return at == HERE ? syscall(SYS_writev, descriptor, vectors, count)
                      : syscall(SYS_pwritev, descriptor, vectors, count, (long)at, 0L);
}

/* The first `length` bytes of the vectors; returns how many vectors those are. */
static int cut_vectors(const struct iovec *vectors, int count, size_t length, struct iovec *out)
{
    int kept = 0;
    for (; kept < count && (length > 0 || kept == 0); kept++) {
        out[kept] = vectors[kept];
        if (out[kept].iov_len > length)
            out[kept].iov_len = length;
        length -= out[kept].iov_len;
    }
    return kept;
}

static int64_t place_of_write(int descriptor, const struct stat *info, int64_t at)
{
    if (fcntl(descriptor, F_GETFL) & O_APPEND)
        return info->st_size;
    return at == HERE ? lseek(descriptor, 0, SEEK_CUR) : at;
}

static int64_t allocated(int descriptor)
{
    struct stat info;
    return fstat(descriptor, &info) == 0 ? (int64_t)info.st_blocks * 512 : 0;
}

static ssize_t write_watched(const struct shim_call *call, int descriptor,
                             const struct iovec *vectors, int count, int64_t at)
{
    struct iovec cut[VECTORS_MOST];
    struct stat info;
    size_t length = 0;
    for (int i = 0; i < count && i < VECTORS_MOST; i++)
        length += vectors[i].iov_len;
    if (count > VECTORS_MOST || fstat(descriptor, &info) != 0)
        return raw_write(descriptor, vectors, count, at);

    int64_t place = place_of_write(descriptor, &info, at), had = allocated(descriptor);
    size_t taken = shim_taken(call, descriptor, length, place + (int64_t)length - had);
    if (taken == 0 && length > 0)
        return -1;
    count = cut_vectors(vectors, count, taken, cut);
    journal_before(descriptor, place, (int64_t)taken);
    ssize_t written = raw_write(descriptor, cut, count, at);
    journal_after(descriptor);
    shim_grown(allocated(descriptor) - had);
    return written;
}

static ssize_t write_vectors(int descriptor, const struct iovec *vectors, int count, int64_t at)
{
    struct shim_call call;
    ssize_t written = -1;
    if (begin_on_descriptor(&call, CALL_WRITE, descriptor))
        written = call.is_watched ? write_watched(&call, descriptor, vectors, count, at)
                                  : raw_write(descriptor, vectors, count, at);
    shim_end(&call);
    return written;
}

ssize_t write(int descriptor, const void *bytes, size_t length)
{
    return write_vectors(descriptor, &(struct iovec){ (void *)bytes, length }, 1, HERE);
}

ssize_t writev(int descriptor, const struct iovec *vectors, int count)
{
    return write_vectors(descriptor, vectors, count, HERE);
}

static ssize_t write_to_place(int descriptor, const struct iovec *vectors, int count, off_t at)
{
    if (at < 0)
        return errno = EINVAL, -1;
    return write_vectors(descriptor, vectors, count, at);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t at)
{
    return write_to_place(descriptor, &(struct iovec){ (void *)bytes, length }, 1, at);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t at)
{
    return write_to_place(descriptor, &(struct iovec){ (void *)bytes, length }, 1, at);
}

ssize_t pwritev(int descriptor, const struct iovec *vectors, int count, off_t at)
{
    return write_to_place(descriptor, vectors, count, at);
}

ssize_t pwritev64(int descriptor, const struct iovec *vectors, int count, off64_t at)
{
    return write_to_place(descriptor, vectors, count, at);
}

/* ---- Sizes and syncs ------------------------------------------------------------------------- */

static int raw_resize(int descriptor, int64_t at, int64_t length, const int *mode)
{
    return (int)(mode ? syscall(SYS_fallocate, descriptor, *mode, at, length)
                      : syscall(SYS_ftruncate, descriptor, at));
}

/* `mode`: of fallocate; NULL: the file ends at `at`, and if it is longer by then, with a hole. */
static int resize_watched(const struct shim_call *call, int descriptor, int64_t at, int64_t length,
                          const int *mode)
{
    const int64_t had = allocated(descriptor), growth = mode ? at + length - had : 0;
    if (growth > 0 && shim_taken(call, descriptor, (size_t)growth, growth) < (size_t)growth)
        return errno = ENOSPC, -1;
    journal_before(descriptor, at, mode ? length : INT64_MAX - at);
    int result = raw_resize(descriptor, at, length, mode);
    journal_after(descriptor);
    shim_grown(allocated(descriptor) - had);
    return result;
}

static int resize(int descriptor, int64_t at, int64_t length, const int *mode)
{
    struct shim_call call;
    int result = -1;
    if (begin_on_descriptor(&call, CALL_SIZE, descriptor))
        result = call.is_watched ? resize_watched(&call, descriptor, at, length, mode)
                                 : raw_resize(descriptor, at, length, mode);
    shim_end(&call);
    return result;
}

int ftruncate(int descriptor, off_t length)
{
    return resize(descriptor, length, 0, NULL);
}

int ftruncate64(int descriptor, off64_t length)
{
    return resize(descriptor, length, 0, NULL);
}

int fallocate(int descriptor, int mode, off_t at, off_t length)
{
    return resize(descriptor, at, length, &mode);
}

int fallocate64(int descriptor, int mode, off64_t at, off64_t length)
{
    return resize(descriptor, at, length, &mode);
}

int posix_fallocate(int descriptor, off_t at, off_t length)
{
    int kept = errno, result = resize(descriptor, at, length, &(int){ 0 }) == 0 ? 0 : errno;
    errno = kept;
    return result;
}

int posix_fallocate64(int descriptor, off64_t at, off64_t length)
{
    return posix_fallocate(descriptor, at, length);
}

static int sync_file(int descriptor, long number)
{
    struct shim_call call;
    int result = -1;
    if (begin_on_descriptor(&call, CALL_SYNC, descriptor)) {
        result = call.is_watched ? 0 : (int)syscall(number, descriptor);
        if (call.is_watched)
            journal_synced(descriptor);
    }
    shim_end(&call);
    return result;
}

int fsync(int descriptor)
{
    return sync_file(descriptor, SYS_fsync);
}

int fdatasync(int descriptor)
{
    return sync_file(descriptor, SYS_fdatasync);
}

/* Promises nothing: what it writes may still lie in the disk's cache. */
int sync_file_range(int descriptor, off64_t at, off64_t length, unsigned flags)
{
    struct shim_call call;
    int result = -1;
    if (begin_on_descriptor(&call, CALL_RANGE, descriptor))
        result =
            call.is_watched ? 0 : (int)syscall(SYS_sync_file_range, descriptor, at, length, flags);
    shim_end(&call);
    return result;
}

/* The descriptor is gone also where the call fails. One that only read changes nothing. */
int close(int descriptor)
{
    struct shim_call call;
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH))
        return raw_close(descriptor);
    bool succeeds = begin_on_descriptor(&call, CALL_CLOSE, descriptor);
    int error = errno, result = raw_close(descriptor);
    if (!succeeds) {
        errno = error;
        result = -1;
    }
    shim_end(&call);
    return result;
}
