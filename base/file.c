#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

/* A wrong or forbidden name is the user's to mend; anything else is the machine's. */
static enum status cannot_open(const char *path, int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EACCES:
    case EPERM:
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO:
        return bad_input("cannot open '%s': %s", path, strerror(error));
    default:
        return failed("cannot open '%s': %s", path, strerror(error));
    }
}

/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
static enum status open_regular(const char *path, int extra_flags, int *descriptor,
                                int64_t *size_bytes)
{
    struct stat info;
    int opened = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | extra_flags);
    if (opened < 0)
        return cannot_open(path, errno);
    if (fstat(opened, &info) != 0) {
        int error = errno;
        close(opened);
        return failed("cannot read '%s': %s", path, strerror(error));
    }
    if (!S_ISREG(info.st_mode)) {
        close(opened);
        return bad_input("cannot read '%s': it is not a regular file", path);
    }
    *descriptor = opened;
    *size_bytes = info.st_size;
    return STATUS_OK;
}

enum status file_open_regular(const char *path, int *descriptor, int64_t *size_bytes)
{
    return open_regular(path, O_NOFOLLOW, descriptor, size_bytes);
}

enum status file_read(const char *path, size_t max_bytes, struct strbuf *out)
{
    int descriptor;
    int64_t size;
    TRY(open_regular(path, 0, &descriptor, &size));

    enum status status = STATUS_OK;
    if ((uint64_t)size > max_bytes) {
        status = bad_input("cannot read '%s': %lld bytes, more than the %zu allowed", path,
                           (long long)size, max_bytes);
    } else {
        strbuf_reserve(out, (size_t)size);
        status = file_read_at(descriptor, out->bytes + out->length, (size_t)size, 0, path);
    }
    if (status == STATUS_OK && size > 0) {
        out->length += (size_t)size;
        out->bytes[out->length] = '\0';
    }
    close(descriptor);
    return status;
}

bool file_worth_a_retry(int descriptor, int error, int *attempts)
{
    static const int pauses_ms[] = { 50, 200, 800 };
    struct pollfd readable = { .fd = descriptor, .events = POLLIN };
    switch (error) {
    case EINTR:
        return true;
    case EAGAIN:
        poll(&readable, 1, -1);
        return true;
    case EIO:
    case ESTALE:
    case ETIMEDOUT:
        if (*attempts == (int)(sizeof pauses_ms / sizeof *pauses_ms))
            return false;
        poll(NULL, 0, pauses_ms[(*attempts)++]);
        return true;
    default:
        return false;
    }
}

enum status file_read_at(int descriptor, void *out, size_t length, int64_t offset, const char *path)
{
    int attempts = 0;
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(descriptor, (char *)out + done, length - done, offset + (int64_t)done);
        if (got > 0) {
            done += (size_t)got;
        } else if (got == 0) {
            return bad_input("cannot read '%s': truncated at byte %lld", path,
                             (long long)offset + (long long)done);
        } else if (!file_worth_a_retry(descriptor, errno, &attempts)) {
            return failed("cannot read '%s' at byte %lld: %s", path,
                          (long long)offset + (long long)done, strerror(errno));
        }
    }
    return STATUS_OK;
}

/* Failed writes are not retried: after an error the kernel may drop the pages,
 * and a later success would say nothing about them. */
enum status file_write_all(int descriptor, const void *bytes, size_t length, const char *path)
{
    for (size_t done = 0; done < length;) {
        ssize_t written = write(descriptor, (const char *)bytes + done, length - done);
        if (written > 0)
            done += (size_t)written;
        else if (written == 0 || errno != EINTR)
            return failed("cannot write '%s': %s", path,
                          written == 0 ? "nothing was taken" : strerror(errno));
    }
    return STATUS_OK;
}

struct content {
    const void *bytes;
    size_t length;
};

static enum status write_and_sync(const void *context, int descriptor, const char *path)
{
    const struct content *content = context;
    TRY(file_write_all(descriptor, content->bytes, content->length, path));
    if (fsync(descriptor) != 0)
        return failed("cannot write '%s' to the disk: %s", path, strerror(errno));
    return STATUS_OK;
}

enum status folder_sync_parent(const char *path)
{
    char *folder = memory_copy_string(path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder ? 1 : 0] = '\0'; /* the parent of "/x" is "/" */
    enum status status = folder_sync(slash ? folder : ".");
    memory_free(folder);
    return status;
}

static enum status create_filled(const char *path, file_fill_function *fill, const void *context)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return failed("cannot create '%s': %s", path, strerror(errno));
    enum status status = fill(context, descriptor, path);
    if (close(descriptor) != 0 && status == STATUS_OK)
        status = failed("cannot close '%s': %s", path, strerror(errno));
    return status;
}

enum status file_put(const char *path, file_fill_function *fill, const void *context)
{
    struct strbuf aside = STRBUF_INIT;
    strbuf_addf(&aside, "%s.new", path);
    enum status status = create_filled(aside.bytes, fill, context);
    if (status == STATUS_OK && rename(aside.bytes, path) != 0)
        status = failed("cannot rename '%s' to '%s': %s", aside.bytes, path, strerror(errno));
    strbuf_release(&aside);
    return status;
}

/* The name beside the target is fixed, so that what a killed writer left is
 * written over by the next one and does not pile up. */
enum status file_replace(const char *path, const void *bytes, size_t length)
{
    struct strbuf partial = STRBUF_INIT;
    strbuf_addf(&partial, "%s.partial", path);

    const struct content content = { bytes, length };
    enum status status = create_filled(partial.bytes, write_and_sync, &content);
    if (status == STATUS_OK && rename(partial.bytes, path) != 0)
        status = failed("cannot rename '%s' to '%s': %s", partial.bytes, path, strerror(errno));
    if (status == STATUS_OK)
        status = folder_sync_parent(path);
    else
        unlink(partial.bytes);
    strbuf_release(&partial);
    return status;
}

bool file_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}
