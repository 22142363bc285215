/* The folder half of base/file.h. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

bool folder_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* A folder whose name is not on the disk is lost in a power failure with all that it holds, synced
 * or not. Another rank may create the same folder at the same moment: what counts is that it is
 * there in the end. */
static enum status create_one(const char *path)
{
    if (mkdir(path, 0777) == 0)
        return folder_sync_parent(path);
    int error = errno; /* before folder_exists asks */
    if (folder_exists(path))
        return STATUS_OK;
    if (error == EEXIST || error == ENOTDIR)
        return bad_input("cannot create folder '%s': a file is in its place", path);
    return failed("cannot create folder '%s': %s", path, strerror(error));
}

enum status folder_create(const char *path)
{
    enum status status = STATUS_OK;
    size_t length = strlen(path);
    char *partial = memory_copy_string(path);
    for (size_t i = 1; i < length && status == STATUS_OK; i++) {
        if (partial[i] != '/')
            continue;
        partial[i] = '\0';
        status = create_one(partial);
        partial[i] = '/';
    }
    if (status == STATUS_OK)
        status = create_one(path);
    memory_free(partial);
    return status;
}

enum status folder_sync(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return failed("cannot open folder '%s': %s", path, strerror(errno));
    /* EINVAL: a file system that keeps its folders in order by itself. */
    int error = fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno;
    close(descriptor);
    return error ? failed("cannot write folder '%s' to the disk: %s", path, strerror(error))
                 : STATUS_OK;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path) == 0 || errno == ENOENT
               ? 0
               : failed("cannot remove '%s': %s", path, strerror(errno));
}

enum status folder_remove(const char *path)
{
    enum { OPEN_FOLDERS = 16 };
    int result = nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    if (result == -1 && errno != ENOENT)
        return failed("cannot remove folder '%s': %s", path, strerror(errno));
    return result > 0 ? STATUS_FAILED : STATUS_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum status folder_list(const char *path, struct name_list *list)
{
    int64_t capacity = 0;
    struct dirent *entry;
    *list = (struct name_list){ 0 };
    DIR *folder = opendir(path);
    if (!folder)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES
                   ? bad_input("cannot open folder '%s': %s", path, strerror(errno))
                   : failed("cannot open folder '%s': %s", path, strerror(errno));

    while ((errno = 0, entry = readdir(folder))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (list->count == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            list->names = memory_realloc(list->names, (size_t)capacity * sizeof *list->names);
        }
        list->names[list->count++] = memory_copy_string(entry->d_name);
    }
    int error = errno;
    closedir(folder);
    if (error) {
        name_list_release(list);
        return failed("cannot read folder '%s': %s", path, strerror(error));
    }
    if (list->count)
        qsort(list->names, (size_t)list->count, sizeof *list->names, compare_names);
    return STATUS_OK;
}

void name_list_release(struct name_list *list)
{
    for (int64_t i = 0; i < list->count; i++)
        memory_free(list->names[i]);
    memory_free(list->names);
    *list = (struct name_list){ 0 };
}
