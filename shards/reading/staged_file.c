#include "shards/reading/staged_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "base/strbuf.h"

enum { PIECE_BYTES = 1 << 20 };

char *staged_file_path(const char *folder, const char *sha256)
{
    struct strbuf name = STRBUF_INIT;
    strbuf_addf(&name, "%s.h5", sha256);
    char *path = path_join(folder, name.bytes);
    strbuf_release(&name);
    return path;
}

bool staged_file_is_name(const char *name)
{
    const size_t digits = strspn(name, "0123456789abcdef");
    return digits == SHA256_HEX - 1 &&
           (strcmp(name + digits, ".h5") == 0 || strcmp(name + digits, ".h5.partial") == 0);
}

/* Opens the file that the copy is made in and locks it. *descriptor stays -1 where another job has
 * it. Whoever held it may have renamed it in the meantime: then it is another file by now. */
static enum status lock_partial(const char *path, int *descriptor)
{
    struct stat opened, named;
    int file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file < 0)
        return failed("cannot create '%s': %s", path, strerror(errno));
    if (flock(file, LOCK_EX | LOCK_NB) == 0 && fstat(file, &opened) == 0 &&
        lstat(path, &named) == 0 && opened.st_ino == named.st_ino &&
        opened.st_dev == named.st_dev) {
        *descriptor = file;
        return STATUS_OK;
    }
    close(file);
    return STATUS_OK;
}

bool staged_file_remove(const char *path)
{
    static const char partial[] = ".partial";
    const size_t length = strlen(path), ending = sizeof partial - 1;
    int descriptor = -1;
    if (length < ending || strcmp(path + length - ending, partial) != 0)
        return unlink(path) == 0;
    if (lock_partial(path, &descriptor) != STATUS_OK || descriptor < 0)
        return false;
    bool removed = unlink(path) == 0;
    close(descriptor);
    return removed;
}

static enum status copy_bytes(const char *from, int source, const char *path, int target,
                              int64_t bytes, const char *sha256, const atomic_bool *given_up,
                              enum staged_outcome *outcome)
{
    struct sha256 hash;
    char hex[SHA256_HEX];
    unsigned char *piece = memory_alloc(PIECE_BYTES);
    enum status status = STATUS_OK;
    int64_t at = 0;
    sha256_init(&hash);
    for (; at < bytes && status == STATUS_OK && !atomic_load(given_up); at += PIECE_BYTES) {
        const size_t length = (size_t)(bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES);
        if (file_read_at(source, piece, length, at, from) != STATUS_OK)
            break;
        sha256_add(&hash, piece, length);
        status = file_write_all(target, piece, length, path);
    }
    memory_free(piece);
    sha256_finish_hex(&hash, hex);
    *outcome = strcmp(hex, sha256) == 0 ? STAGED
               : atomic_load(given_up)  ? STAGED_BY_OTHER
                                        : STAGED_UNFIT;
    return status;
}

static enum status fill(const char *from, const char *path, int target, int64_t bytes,
                        const char *sha256, const atomic_bool *given_up,
                        enum staged_outcome *outcome)
{
    int source = -1;
    int64_t source_bytes;
    *outcome = STAGED_UNFIT;
    if (ftruncate(target, 0) != 0) /* what a killed job left */
        return failed("cannot write '%s': %s", path, strerror(errno));
    if (file_open_regular(from, &source, &source_bytes) != STATUS_OK)
        return STATUS_OK;
    enum status status = STATUS_OK;
    if (source_bytes == bytes)
        status = copy_bytes(from, source, path, target, bytes, sha256, given_up, outcome);
    close(source);
    if (status == STATUS_OK && *outcome == STAGED && fsync(target) != 0)
        status = failed("cannot write '%s' to the disk: %s", path, strerror(errno));
    return status;
}

/* With the file for the copy locked. */
static enum status make_copy(const char *from, const char *partial, int target, const char *to,
                             int64_t bytes, const char *sha256, const atomic_bool *given_up,
                             enum staged_outcome *outcome)
{
    enum status status = STATUS_OK;
    *outcome = STAGED;
    if (file_exists(to)) { /* made by another job just now */
        unlink(partial);
        return STATUS_OK;
    }
    status = fill(from, partial, target, bytes, sha256, given_up, outcome);
    if (status == STATUS_OK && *outcome == STAGED && rename(partial, to) != 0)
        status = failed("cannot rename '%s' to '%s': %s", partial, to, strerror(errno));
    if (status != STATUS_OK || *outcome != STAGED)
        unlink(partial);
    return status;
}

enum status staged_file_copy(const char *from, const char *to, int64_t bytes, const char *sha256,
                             const atomic_bool *given_up, enum staged_outcome *outcome)
{
    struct strbuf partial = STRBUF_INIT;
    int target = -1;
    *outcome = STAGED_BY_OTHER;
    strbuf_addf(&partial, "%s.partial", to);
    enum status status = lock_partial(partial.bytes, &target);
    if (target >= 0) {
        status = make_copy(from, partial.bytes, target, to, bytes, sha256, given_up, outcome);
        close(target); /* and with it the lock */
    }
    strbuf_release(&partial);
    return status;
}
