#include "trainer/training/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/strbuf.h"

static int open_lock_file(const char *run_folder)
{
    char *path = path_join(run_folder, "lock");
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    memory_free(path);
    return descriptor;
}

enum status run_lock_take(const char *run_folder, int *lock)
{
    *lock = open_lock_file(run_folder);
    if (*lock >= 0 && flock(*lock, LOCK_EX | LOCK_NB) == 0)
        return STATUS_OK;
    int cause = errno;
    run_lock_release(*lock);
    *lock = RUN_LOCK_NONE;
    if (cause == EWOULDBLOCK)
        return bad_input("run '%s' is in use by another job", run_folder);
    log_warning("run '%s' cannot be locked against a second job: %s", run_folder, strerror(cause));
    return STATUS_OK;
}

void run_lock_release(int lock)
{
    if (lock != RUN_LOCK_NONE)
        close(lock);
}
