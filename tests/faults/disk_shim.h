/* disk_shim: a disk that fails, fills up or loses power between a program and its files.
 *
 * A library for LD_PRELOAD: it stands before the C library's calls that change files below one
 * folder, counts them, and strikes one of them. The program may call from any thread.
 *
 *   DISK_SHIM='folder=/tmp/x trace=/tmp/calls at=17 do=kill_before lose=all' LD_PRELOAD=... eon ...
 *
 *   folder=PATH   real path; what lies below it is watched, and itself
 *   rank=N        only this rank is struck; without it, each
 *   trace=FILE    a line for each watched call, "KIND PATH", in FILE.RANK; "struck" after the one
 *   kind=KIND     only such calls count: write size sync range rename close create mkdir unlink
 *                 rmdir
 *   at=N from=N   the N-th call, from 1, is struck; or it and all that follow
 *   do=fail       it returns error=ENOSPC|EDQUOT|EIO|EINTR (a close closes nevertheless)
 *      short      a write takes a half
 *      kill_before kill_after      SIGKILL
 *   budget=BYTES  files below the folder may grow by so much on this rank: then ENOSPC
 *   lose=all      at a kill, what was not synced is undone: bytes, sizes, names
 *        some     at random: of the bytes some blocks of 4 KiB, of the names the newest ones,
 *                 seed=N by this seed
 *   mates=FILE    at a kill all ranks that have this file end at once and lose what was not synced
 *
 * A power failure. Synced are a file's bytes by fsync or fdatasync of the file, its name by fsync
 * of its folder: what POSIX promises, and no more, so that the result holds on every file system.
 * Each rank syncs its own writes alone, as on a node of its own. In `some`, blocks are independent,
 * and names are lost from the newest back, in the order in which a journal has them.
 *
 * Nothing is really synced: the machine under the test does not fall. Not seen are stdio's streams,
 * mmap and calls past the C library. */
#ifndef TESTS_FAULTS_DISK_SHIM_H
#define TESTS_FAULTS_DISK_SHIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum call_kind {
    CALL_WRITE,
    CALL_SIZE,
    CALL_SYNC,
    CALL_RANGE,
    CALL_RENAME,
    CALL_CLOSE,
    CALL_CREATE,
    CALL_MKDIR,
    CALL_UNLINK,
    CALL_RMDIR,
    CALL_KINDS
};

enum shim_path { SHIM_PATH_BYTES = 4096 };

/* ---- disk_names.c, disk_bytes.c: the calls; these of the system are not counted ---------------
 */

int raw_open(int folder, const char *path, int flags, mode_t mode);
int raw_close(int descriptor);
int raw_rename(int from_folder, const char *from, int to_folder, const char *to);
int raw_unlink(int folder, const char *path, int flags);

/* What a descriptor is open on; empty where there is none. */
void descriptor_path(int descriptor, char path[SHIM_PATH_BYTES]);

/* ---- disk_plan.c: what is struck, and how the process ends ---------------------------------- */

/* One watched call, from shim_begin to shim_end; no other thread is in one meanwhile. */
struct shim_call {
    enum call_kind kind;
    bool is_watched, is_struck;
};

/* Does not return where the process is to end before the call. False: it fails, with errno. */
bool shim_begin(struct shim_call *call, enum call_kind kind, const char *path);
void shim_end(struct shim_call *call); /* leaves errno */

bool shim_watches(const char *path);
bool shim_loses(void); /* what is not synced, at a kill: the journal is kept */
const char *shim_folder(void);
int shim_rank(void);

/* How many of a write's bytes are taken; 0: none, with errno. */
size_t shim_taken(const struct shim_call *call, int descriptor, size_t length, int64_t growth);
void shim_grown(int64_t bytes); /* negative: given back */

void *shim_need(void *memory); /* which is there */

/* Below `bound`, by the seed. */
uint64_t shim_random(uint64_t bound);
bool shim_loses_all(void);

/* ---- disk_journal.c, disk_unsynced_bytes.c: what is not synced --------------------------------
 */

void journal_begin(void);

/* Before a change of the file's bytes from `at` on, and after it; `size`: of the file by then. */
void journal_before(int descriptor, int64_t at, int64_t length);
void journal_after(int descriptor);

/* After a name has come to be. */
void journal_created(int folder, const char *name);

/* In the place of rename and unlink. They return 0, or -1 with errno. */
int journal_rename(int from_folder, const char *from, int to_folder, const char *to);
int journal_remove(int folder, const char *name, int flags);

/* A file or a folder has been synced. */
void journal_synced(int descriptor);

/* Undoes what is not synced, or some of it. */
void journal_undo(void);

/* The half of these that is about bytes. */
struct stat;
void journal_bytes_synced(const struct stat *file);
void journal_undo_bytes(void);

#endif
