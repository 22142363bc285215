#include "tests/faults/disk_mates.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/faults/disk_shim.h"

/* At the beginning of the file: zeros make a new one. */
struct mates {
    _Atomic int are_ending, joined, undone;
};

static struct mates *mates;
static void (*end_self)(void);

static void *wait_for_the_end(void *unused)
{
    (void)unused;
    while (!mates_are_ending())
        syscall(SYS_futex, &mates->are_ending, FUTEX_WAIT, 0, NULL, NULL, 0);
    end_self();
    return NULL;
}

void mates_join(const char *path, void (*end)(void))
{
    pthread_t thread;
    int descriptor = raw_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    void *shared = MAP_FAILED;
    if (descriptor >= 0 && syscall(SYS_ftruncate, descriptor, (long)sizeof *mates) == 0)
        shared = mmap(NULL, sizeof *mates, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (shared == MAP_FAILED)
        abort();
    raw_close(descriptor);
    mates = shared;
    end_self = end;
    atomic_fetch_add(&mates->joined, 1);
    if (pthread_create(&thread, NULL, wait_for_the_end, NULL) != 0)
        abort();
    pthread_detach(thread);
}

void mates_leave(void)
{
    if (mates)
        atomic_fetch_sub(&mates->joined, 1);
}

bool mates_are_ending(void)
{
    return mates && atomic_load(&mates->are_ending);
}

/* Within 10 s: one may have been killed by others. */
static void wait_for_the_others(void)
{
    const struct timespec pause = { .tv_nsec = 1000000 };
    enum { PAUSES = 10000 };
    for (int i = 0; i < PAUSES && atomic_load(&mates->undone) < atomic_load(&mates->joined); i++)
        nanosleep(&pause, NULL);
}

void mates_end(void (*undo)(void))
{
    if (mates) {
        atomic_store(&mates->are_ending, 1);
        syscall(SYS_futex, &mates->are_ending, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    }
    undo();
    if (mates) {
        atomic_fetch_add(&mates->undone, 1);
        wait_for_the_others();
    }
    for (;;)
        kill(getpid(), SIGKILL);
}
