#include "shards/building/staging_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"

static char *with_suffix(const char *path, const char *suffix)
{
    struct strbuf name = STRBUF_INIT;
    strbuf_addf(&name, "%s%s", path, suffix);
    char *copy = memory_copy_string(name.bytes);
    strbuf_release(&name);
    return copy;
}

/* "a/b//" is "a/b"; "/" stays. */
static char *without_last_slashes(const char *path)
{
    char *copy = memory_copy_string(path);
    for (size_t length = strlen(copy); length > 1 && copy[length - 1] == '/'; length--)
        copy[length - 1] = '\0';
    return copy;
}

/* The folder that `path` lies in; the caller frees it. */
static char *parent_of(const char *path)
{
    char *parent = memory_copy_string(path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL) {
        memory_free(parent);
        return memory_copy_string(".");
    }
    slash[slash == parent ? 1 : 0] = '\0';
    return parent;
}

static enum status rename_folder(const char *from, const char *to)
{
    if (rename(from, to) != 0)
        return failed("cannot rename folder '%s' to '%s': %s", from, to, strerror(errno));
    return STATUS_OK;
}

/* Opens and locks TARGET.partial; a writer that lives is left alone. */
static enum status lock_partial(struct staging_folder *staging)
{
    staging->descriptor = open(staging->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (staging->descriptor < 0)
        return failed("cannot open folder '%s': %s", staging->path, strerror(errno));
    if (flock(staging->descriptor, LOCK_EX | LOCK_NB) == 0)
        return STATUS_OK;
    int error = errno;
    /* Parallel file systems are often mounted without locks: then it is up to the user. */
    if (error == ENOSYS || error == EOPNOTSUPP || error == ENOLCK)
        return STATUS_OK;
    close(staging->descriptor);
    staging->descriptor = -1;
    if (error == EWOULDBLOCK)
        return failed("cannot write '%s': another process is writing it", staging->target);
    return failed("cannot lock folder '%s': %s", staging->path, strerror(error));
}

/* One that is there is a dead writer's, or a living one's, which is locked. */
static enum status create_partial(struct staging_folder *staging)
{
    if (mkdir(staging->path, 0777) != 0 && errno != EEXIST)
        return failed("cannot create folder '%s': %s", staging->path, strerror(errno));
    return lock_partial(staging);
}

/* What a dead writer left, but for the folder `kept`. */
static enum status clear_partial(const struct staging_folder *staging, const char *kept)
{
    struct name_list list;
    enum status status = STATUS_OK;
    TRY(folder_list(staging->path, &list));
    for (int64_t i = 0; i < list.count && status == STATUS_OK; i++) {
        char *path = path_join(staging->path, list.names[i]);
        if (strcmp(list.names[i], kept) != 0)
            status = folder_remove(path);
        memory_free(path);
    }
    name_list_release(&list);
    return status;
}

/* Mends what a crash within a commit left behind. */
static enum status mend_replaced(const struct staging_folder *staging)
{
    if (!file_exists(staging->replaced))
        return STATUS_OK;
    if (file_exists(staging->target))
        return folder_remove(staging->replaced);
    return rename_folder(staging->replaced, staging->target);
}

static enum status check_target(const struct staging_folder *staging, bool overwrite,
                                const char *marker)
{
    if (!file_exists(staging->target))
        return STATUS_OK;
    if (!overwrite)
        return bad_input("cannot write '%s': it exists; --overwrite replaces it", staging->target);
    char *marker_path = path_join(staging->target, marker);
    bool marked = file_exists(marker_path);
    memory_free(marker_path);
    if (!marked)
        return bad_input("cannot replace '%s': it has no %s", staging->target, marker);
    return STATUS_OK;
}

static enum status begin_checked(struct staging_folder *staging, bool overwrite, const char *marker,
                                 const char *kept)
{
    if (staging->target[0] == '\0' || strcmp(staging->target, "/") == 0)
        return bad_input("cannot write '%s': it names no folder", staging->target);
    char *parent = parent_of(staging->target);
    enum status status = folder_create(parent);
    memory_free(parent);
    TRY(status);
    TRY(create_partial(staging));
    TRY(clear_partial(staging, kept));
    TRY(mend_replaced(staging));
    return check_target(staging, overwrite, marker);
}

enum status staging_folder_begin(struct staging_folder *staging, const char *target, bool overwrite,
                                 const char *marker, const char *kept)
{
    *staging = (struct staging_folder){ .descriptor = -1 };
    staging->target = without_last_slashes(target);
    staging->path = with_suffix(staging->target, ".partial");
    staging->replaced = with_suffix(staging->target, ".replaced");
    enum status status = begin_checked(staging, overwrite, marker, kept);
    if (status == STATUS_OK)
        return STATUS_OK;
    char *left = path_join(staging->path, kept);
    if (file_exists(left))
        staging_folder_leave(staging);
    else
        staging_folder_release(staging);
    memory_free(left);
    return status;
}

enum status staging_folder_commit(struct staging_folder *staging)
{
    TRY(folder_sync(staging->path));
    bool replaces = file_exists(staging->target);
    if (replaces)
        TRY(rename_folder(staging->target, staging->replaced));
    TRY(rename_folder(staging->path, staging->target));
    close(staging->descriptor);
    staging->descriptor = -1;

    char *parent = parent_of(staging->target);
    enum status status = folder_sync(parent);
    memory_free(parent);
    if (status == STATUS_OK && replaces)
        status = folder_remove(staging->replaced);
    return status;
}

void staging_folder_leave(struct staging_folder *staging)
{
    if (staging->descriptor >= 0)
        close(staging->descriptor);
    staging->descriptor = -1;
    staging_folder_release(staging);
}

void staging_folder_release(struct staging_folder *staging)
{
    if (staging->descriptor >= 0) { /* ours, and not committed */
        folder_remove(staging->path);
        close(staging->descriptor);
    }
    memory_free(staging->target);
    memory_free(staging->path);
    memory_free(staging->replaced);
    *staging = (struct staging_folder){ .descriptor = -1 };
}
