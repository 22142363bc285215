#include "shards/staging_folder.h"

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

static enum status create_partial(struct staging_folder *staging)
{
    bool created = mkdir(staging->path, 0777) == 0;
    if (!created && errno == EEXIST) { /* a dead writer's, or a living one's */
        TRY(lock_partial(staging));
        TRY(folder_remove(staging->path));
        close(staging->descriptor);
        staging->descriptor = -1;
        created = mkdir(staging->path, 0777) == 0;
    }
    if (!created)
        return failed("cannot create folder '%s': %s", staging->path, strerror(errno));
    return lock_partial(staging);
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

static enum status begin_checked(struct staging_folder *staging, bool overwrite, const char *marker)
{
    if (staging->target[0] == '\0' || strcmp(staging->target, "/") == 0)
        return bad_input("cannot write '%s': it names no folder", staging->target);
    char *parent = parent_of(staging->target);
    enum status status = folder_create(parent);
    memory_free(parent);
    TRY(status);
    TRY(create_partial(staging));
    TRY(mend_replaced(staging));
    return check_target(staging, overwrite, marker);
}

enum status staging_folder_begin(struct staging_folder *staging, const char *target, bool overwrite,
                                 const char *marker)
{
    *staging = (struct staging_folder){ .descriptor = -1 };
    staging->target = without_last_slashes(target);
    staging->path = with_suffix(staging->target, ".partial");
    staging->replaced = with_suffix(staging->target, ".replaced");
    enum status status = begin_checked(staging, overwrite, marker);
    if (status != STATUS_OK)
        staging_folder_release(staging);
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
