#include "checkpoints/direct_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum status direct_file_open(const char *path, bool is_shared, struct direct_file *file)
{
    const int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | (is_shared ? 0 : O_EXCL);
    int descriptor = open(path, flags, 0666);
    if (descriptor < 0)
        return failed("cannot create '%s': %s", path, strerror(errno));
    *file = (struct direct_file){
        .path = memory_copy_string(path),
        .descriptor = descriptor,
        .is_direct = fcntl(descriptor, F_SETFL, O_DIRECT) == 0,
    };
    return STATUS_OK;
}

static void go_through_cache(struct direct_file *file)
{
    fcntl(file->descriptor, F_SETFL, 0);
    file->is_direct = false;
}

/* How many of the bytes go past the cache. */
static size_t direct_length(const struct direct_file *file, const unsigned char *bytes,
                            size_t length, int64_t offset)
{
    const size_t rest = DIRECT_FILE_ALIGNMENT - 1;
    bool is_aligned = (((uintptr_t)bytes | (uintptr_t)offset) & rest) == 0;
    return file->is_direct && is_aligned ? length & ~rest : 0;
}

enum status direct_file_write(struct direct_file *file, const void *bytes, size_t length,
                              int64_t offset)
{
    const unsigned char *next = bytes;
    while (length > 0) {
        size_t direct = direct_length(file, next, length, offset);
        if (direct == 0 && file->is_direct)
            go_through_cache(file);
        ssize_t written = pwrite(file->descriptor, next, direct ? direct : length, offset);
        if (written < 0 && errno == EINVAL && direct > 0) { /* this file system only says it now */
            go_through_cache(file);
            continue;
        }
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return failed("cannot write '%s': %s", file->path,
                          written < 0 ? strerror(errno) : "nothing more is taken");
        next += written;
        offset += written;
        length -= (size_t)written;
    }
    return STATUS_OK;
}

enum status direct_file_end(struct direct_file *file, enum status status)
{
    /* A failed fsync may have dropped the dirty pages: asking again would lie. */
    if (status == STATUS_OK && fsync(file->descriptor) != 0)
        status = failed("cannot write '%s' to the disk: %s", file->path, strerror(errno));
    /* Network file systems may report a full disk or quota only here. */
    if (close(file->descriptor) != 0 && status == STATUS_OK)
        status = failed("cannot close '%s': %s", file->path, strerror(errno));
    memory_free(file->path);
    *file = (struct direct_file){ .descriptor = -1 };
    return status;
}
