/* The bytes that are not synced yet, newest first, and how they are undone:
 * tests/faults/disk_shim.h.
 *
 * The old ones are kept. A descriptor of our own leads to the file, which may have lost its name.
 */
#include "tests/faults/disk_shim.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BLOCK = 4096 };

struct byte_change {
    struct byte_change *older;
    dev_t device;
    ino_t inode;
    int descriptor;
    int64_t at, end, old_end; /* [at, end) was changed, of which [at, old_end) was there before */
    int64_t size_before, size_after;
    unsigned char *old;
};

static struct byte_change *byte_changes;

void journal_before(int descriptor, int64_t at, int64_t length)
{
    char path[64];
    struct stat file;
    if (!shim_loses() || fstat(descriptor, &file) != 0)
        return;
    struct byte_change *change = shim_need(calloc(1, sizeof *change));
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    change->device = file.st_dev;
    change->inode = file.st_ino;
    change->descriptor = raw_open(AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    change->at = at;
    change->end = length > INT64_MAX - at ? INT64_MAX : at + length;
    change->size_before = file.st_size;
    change->old_end = change->end < file.st_size ? change->end : file.st_size;
    if (change->old_end < at)
        change->old_end = at;
    size_t kept = (size_t)(change->old_end - at);
    change->old = shim_need(malloc(kept + 1));
    if (change->descriptor < 0 || pread(change->descriptor, change->old, kept, at) != (ssize_t)kept)
        abort();
    change->older = byte_changes;
    byte_changes = change;
}

void journal_after(int descriptor)
{
    struct stat file;
    if (!shim_loses() || fstat(descriptor, &file) != 0)
        return;
    byte_changes->size_after = file.st_size;
    if (byte_changes->end > file.st_size && byte_changes->end > byte_changes->old_end)
        byte_changes->end =
            file.st_size > byte_changes->old_end ? file.st_size : byte_changes->old_end;
}

static void forget_bytes(struct byte_change **at)
{
    struct byte_change *change = *at;
    *at = change->older;
    raw_close(change->descriptor);
    free(change->old);
    free(change);
}

static void put(const struct byte_change *change, const void *bytes, int64_t from, int64_t to)
{
    if (to > from && syscall(SYS_pwrite64, change->descriptor, bytes, to - from, from) != to - from)
        abort();
}

/* The block's old bytes, and zeros where the file had none. */
static void undo_block(const struct byte_change *change, int64_t from, int64_t to)
{
    static const unsigned char zeros[BLOCK];
    int64_t middle = change->old_end < from ? from : change->old_end < to ? change->old_end : to;
    put(change, change->old + (from - change->at), from, middle);
    put(change, zeros, middle, to);
}

/* Another rank may have made the file longer since: then its bytes stay. */
static void undo_bytes(const struct byte_change *change, bool whole)
{
    struct stat now;
    for (int64_t from = change->at, to; from < change->end; from = to) {
        to = (from / BLOCK + 1) * BLOCK;
        to = to < change->end ? to : change->end;
        if (whole || shim_random(2))
            undo_block(change, from, to);
    }
    if (fstat(change->descriptor, &now) == 0 && change->size_after > change->size_before &&
        now.st_size == change->size_after && (whole || shim_random(2)))
        syscall(SYS_ftruncate, change->descriptor, change->size_before);
}

void journal_bytes_synced(const struct stat *file)
{
    for (struct byte_change **at = &byte_changes; *at;)
        if ((*at)->device == file->st_dev && (*at)->inode == file->st_ino)
            forget_bytes(at);
        else
            at = &(*at)->older;
}

void journal_undo_bytes(void)
{
    while (byte_changes) {
        undo_bytes(byte_changes, shim_loses_all());
        forget_bytes(&byte_changes);
    }
}
