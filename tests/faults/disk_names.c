/* The calls of tests/faults/disk_shim.h that change names. */
#include "tests/faults/disk_shim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int raw_open(int folder, const char *path, int flags, mode_t mode)
{
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

int raw_close(int descriptor)
{
    return (int)syscall(SYS_close, descriptor);
}

int raw_rename(int from_folder, const char *from, int to_folder, const char *to)
{
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
}

int raw_unlink(int folder, const char *path, int flags)
{
    return (int)syscall(SYS_unlinkat, folder, path, flags);
}

void descriptor_path(int descriptor, char path[SHIM_PATH_BYTES])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, SHIM_PATH_BYTES - 1);
    path[length > 0 ? length : 0] = '\0';
}

/* Where a path leads: its folder is held open, since it may be renamed later. */
struct place {
    int folder;
    char name[NAME_MAX + 1];
    char path[SHIM_PATH_BYTES]; /* empty: not watched */
};

static void place_find(struct place *place, int folder, const char *path)
{
    char copy[SHIM_PATH_BYTES], parent[SHIM_PATH_BYTES];
    size_t length = strnlen(path, sizeof copy - 1);
    *place = (struct place){ .folder = -1 };
    memcpy(copy, path, length);
    while (length > 1 && copy[length - 1] == '/')
        length--;
    copy[length] = '\0';

    char *slash = strrchr(copy, '/');
    snprintf(place->name, sizeof place->name, "%.*s", NAME_MAX, slash ? slash + 1 : copy);
    if (slash)
        slash[slash == copy ? 1 : 0] = '\0';
    int kept = errno;
    place->folder = raw_open(folder, slash ? copy : ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    errno = kept;
    if (place->folder < 0)
        return;
    descriptor_path(place->folder, parent);
    if (snprintf(place->path, sizeof place->path, "%s/%s", parent, place->name) >=
            (int)sizeof place->path ||
        !shim_watches(place->path))
        place->path[0] = '\0';
}

static void place_release(struct place *place)
{
    int kept = errno;
    if (place->folder >= 0)
        raw_close(place->folder);
    errno = kept;
}

/* ---- Creation -------------------------------------------------------------------------------- */

static int open_watched(const struct place *place, int folder, const char *path, int flags,
                        mode_t mode)
{
    struct stat info;
    bool is_new = fstatat(place->folder, place->name, &info, AT_SYMLINK_NOFOLLOW) != 0;
    int descriptor = raw_open(folder, path, flags & ~O_TRUNC, mode);
    if (descriptor >= 0 && is_new)
        journal_created(place->folder, place->name);
    if (descriptor >= 0 && !is_new && (flags & O_TRUNC)) {
        journal_before(descriptor, 0, INT64_MAX);
        syscall(SYS_ftruncate, descriptor, 0L);
        journal_after(descriptor);
        shim_grown(-(int64_t)info.st_blocks * 512);
    }
    return descriptor;
}

static int open_any(int folder, const char *path, int flags, mode_t mode)
{
    struct place place;
    struct shim_call call;
    int descriptor = -1;
    if (!(flags & (O_CREAT | O_TRUNC)))
        return raw_open(folder, path, flags, mode);
    place_find(&place, folder, path);
    if (shim_begin(&call, CALL_CREATE, place.path))
        descriptor = call.is_watched ? open_watched(&place, folder, path, flags, mode)
                                     : raw_open(folder, path, flags, mode);
    shim_end(&call);
    place_release(&place);
    return descriptor;
}

/* The mode follows where a file may be made. */
#define OPEN_WITH_MODE(folder, path, flags)                                                        \
    va_list rest;                                                                                  \
    va_start(rest, flags);                                                                         \
    mode_t mode = (flags) & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                      \
    va_end(rest);                                                                                  \
    return open_any(folder, path, flags, mode)

int open(const char *path, int flags, ...)
{
    OPEN_WITH_MODE(AT_FDCWD, path, flags);
}

int open64(const char *path, int flags, ...)
{
    OPEN_WITH_MODE(AT_FDCWD, path, flags);
}

int openat(int folder, const char *path, int flags, ...)
{
    OPEN_WITH_MODE(folder, path, flags);
}

int openat64(int folder, const char *path, int flags, ...)
{
    OPEN_WITH_MODE(folder, path, flags);
}

int creat(const char *path, mode_t mode)
{
    return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int mkdirat(int folder, const char *path, mode_t mode)
{
    struct place place;
    struct shim_call call;
    int result = -1;
    place_find(&place, folder, path);
    if (shim_begin(&call, CALL_MKDIR, place.path)) {
        result = (int)syscall(SYS_mkdirat, folder, path, mode);
        if (result == 0 && call.is_watched)
            journal_created(place.folder, place.name);
    }
    shim_end(&call);
    place_release(&place);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

/* ---- Renaming and removal -------------------------------------------------------------------- */

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    struct place source, target;
    struct shim_call call;
    int result = -1;
    place_find(&source, from_folder, from);
    place_find(&target, to_folder, to);
    if (shim_begin(&call, CALL_RENAME, target.path[0] ? target.path : source.path)) {
        if (call.is_watched && flags == 0)
            result = journal_rename(source.folder, source.name, target.folder, target.name);
        else
            result = (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    }
    shim_end(&call);
    place_release(&source);
    place_release(&target);
    return result;
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return renameat2(from_folder, from, to_folder, to, 0);
}

int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int folder, const char *path, int flags)
{
    struct place place;
    struct shim_call call;
    struct stat info;
    int result = -1;
    place_find(&place, folder, path);
    if (shim_begin(&call, flags & AT_REMOVEDIR ? CALL_RMDIR : CALL_UNLINK, place.path)) {
        if (!call.is_watched) {
            result = raw_unlink(folder, path, flags);
        } else {
            bool is_there = fstatat(place.folder, place.name, &info, AT_SYMLINK_NOFOLLOW) == 0;
            result = journal_remove(place.folder, place.name, flags);
            if (result == 0 && is_there)
                shim_grown(-(int64_t)info.st_blocks * 512);
        }
    }
    shim_end(&call);
    place_release(&place);
    return result;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char *path)
{
    struct stat info;
    bool is_folder = lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
    return unlinkat(AT_FDCWD, path, is_folder ? AT_REMOVEDIR : 0);
}
