/* The names that are not synced yet, newest first, and how they are undone:
 * tests/faults/disk_shim.h.
 *
 * What is removed or renamed over goes to a graveyard beside the watched folder, from where it can
 * come back, so that no inode's number is used again meanwhile. */
#include "tests/faults/disk_shim.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct name_change {
    struct name_change *older;
    enum { CREATED, RENAMED, REMOVED } how;
    int folder, to_folder;
    struct stat parent, itself;
    char name[NAME_MAX + 1], to_name[NAME_MAX + 1];
    char grave[64]; /* of what was removed, or renamed over; empty: nothing was */
};

static struct name_change *name_changes;
static int graveyard, graves;

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int keep_open(int descriptor)
{
    return descriptor < 0 ? -1 : fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
}

void journal_begin(void)
{
    char path[SHIM_PATH_BYTES];
    snprintf(path, sizeof path, "%s.graveyard", shim_folder());
    syscall(SYS_mkdirat, AT_FDCWD, path, 0777);
    graveyard = raw_open(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (graveyard < 0)
        abort();
}

static struct name_change *add_name(int folder, const char *name)
{
    struct name_change *change = shim_need(calloc(1, sizeof *change));
    change->folder = keep_open(folder);
    change->to_folder = -1;
    fstat(folder, &change->parent);
    snprintf(change->name, sizeof change->name, "%s", name);
    change->older = name_changes;
    return name_changes = change;
}

static void forget_name(struct name_change **at)
{
    struct name_change *change = *at;
    *at = change->older;
    raw_close(change->folder);
    if (change->to_folder >= 0)
        raw_close(change->to_folder);
    free(change);
}

void journal_created(int folder, const char *name)
{
    if (shim_loses())
        add_name(folder, name)->how = CREATED;
}

static void print_grave(char grave[64])
{
    snprintf(grave, 64, "%d.%d.%d", shim_rank(), (int)getpid(), graves++);
}

int journal_rename(int from_folder, const char *from, int to_folder, const char *to)
{
    char grave[64] = "";
    struct stat old;
    bool replaces = shim_loses() && fstatat(to_folder, to, &old, AT_SYMLINK_NOFOLLOW) == 0;
    if (replaces && !S_ISDIR(old.st_mode)) { /* a folder there is empty: no loss */
        print_grave(grave);
        if (linkat(to_folder, to, graveyard, grave, 0) != 0)
            return -1;
    }
    if (raw_rename(from_folder, from, to_folder, to) != 0)
        return -1;
    if (!shim_loses())
        return 0;
    struct name_change *change = add_name(from_folder, from);
    change->how = RENAMED;
    change->to_folder = keep_open(to_folder);
    fstat(to_folder, &change->parent); /* whose sync brings it to the disk */
    snprintf(change->to_name, sizeof change->to_name, "%s", to);
    memcpy(change->grave, grave, sizeof grave);
    return 0;
}

static bool is_empty_folder(int folder, const char *name)
{
    struct stat info;
    int descriptor = raw_open(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (descriptor < 0)
        return false;
    char entries[1024]; /* "." and ".." take 48 bytes */
    long bytes = syscall(SYS_getdents64, descriptor, entries, sizeof entries);
    bool is_folder = fstat(descriptor, &info) == 0 && S_ISDIR(info.st_mode);
    raw_close(descriptor);
    errno = ENOTEMPTY;
    return is_folder && bytes >= 0 && bytes <= 48;
}

int journal_remove(int folder, const char *name, int flags)
{
    struct stat info;
    char grave[64];
    if (!shim_loses())
        return raw_unlink(folder, name, flags);
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    if (!(flags & AT_REMOVEDIR) && S_ISDIR(info.st_mode))
        return errno = EISDIR, -1;
    if ((flags & AT_REMOVEDIR) && !is_empty_folder(folder, name))
        return -1;
    print_grave(grave);
    if (raw_rename(folder, name, graveyard, grave) != 0)
        return -1;
    struct name_change *change = add_name(folder, name);
    change->how = REMOVED;
    change->itself = info;
    memcpy(change->grave, grave, sizeof grave);
    return 0;
}

/* What was renamed or removed in a folder that is gone for good is so too. */
static void forget_names_in(const struct stat *folder)
{
    for (struct name_change **at = &name_changes; *at;) {
        if (!is_same(&(*at)->parent, folder)) {
            at = &(*at)->older;
            continue;
        }
        const struct stat gone = (*at)->itself;
        bool was_folder = (*at)->how == REMOVED && S_ISDIR(gone.st_mode);
        forget_name(at);
        if (was_folder) {
            forget_names_in(&gone);
            at = &name_changes;
        }
    }
}

void journal_synced(int descriptor)
{
    struct stat info;
    if (!shim_loses() || fstat(descriptor, &info) != 0)
        return;
    if (S_ISDIR(info.st_mode))
        forget_names_in(&info);
    journal_bytes_synced(&info);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)place;
    return raw_unlink(AT_FDCWD, path, kind == FTW_DP ? AT_REMOVEDIR : 0);
}

/* A folder whose name is lost is lost with all that it holds. */
static void undo_name(const struct name_change *change)
{
    enum { OPEN_FOLDERS = 8 };
    char path[SHIM_PATH_BYTES];
    if (change->how == CREATED) {
        snprintf(path, sizeof path, "/proc/self/fd/%d/%s", change->folder, change->name);
        nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    }
    if (change->how == RENAMED) {
        raw_rename(change->to_folder, change->to_name, change->folder, change->name);
        if (change->grave[0])
            raw_rename(graveyard, change->grave, change->to_folder, change->to_name);
    }
    if (change->how == REMOVED)
        raw_rename(graveyard, change->grave, change->folder, change->name);
}

void journal_undo(void)
{
    uint64_t names = 0;
    if (!shim_loses())
        return;
    for (const struct name_change *change = name_changes; change; change = change->older)
        names++;
    if (!shim_loses_all())
        names = shim_random(names + 1);
    journal_undo_bytes();
    for (; names > 0; names--) {
        undo_name(name_changes);
        forget_name(&name_changes);
    }
}
