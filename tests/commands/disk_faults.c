/* disk_faults: eon, of which one rank's disk fails, or is slow, where shards are read.
 *
 *   DISK_FAULT=eio:RANK:READS|slow:RANK:MILLISECONDS disk_faults train ...
 *
 * eio: after so many reads of chunks (long ones of files *.h5) all reads of shards fail. The linker
 * (--wrap) puts __wrap_pread in the place of pread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "trainer/commands/command.h"

ssize_t __real_pread(int descriptor, void *out, size_t length, off_t offset);
ssize_t __wrap_pread(int descriptor, void *out, size_t length, off_t offset);

enum { CHUNK_LEAST = 4096 };

static char kind[8];
static int number;

static bool is_shard(int descriptor)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path);
    return length > 3 && memcmp(path + length - 3, ".h5", 3) == 0;
}

ssize_t __wrap_pread(int descriptor, void *out, size_t length, off_t offset)
{
    if (kind[0] != '\0' && is_shard(descriptor)) {
        const struct timespec pause = { .tv_nsec = number * 1000000L };
        if (strcmp(kind, "slow") == 0)
            nanosleep(&pause, NULL);
        else if (number <= 0 || (length >= CHUNK_LEAST && --number == 0))
            return errno = EIO, -1;
    }
    return __real_pread(descriptor, out, length, offset);
}

int main(int count, char **arguments)
{
    const char *fault = getenv("DISK_FAULT"), *own = getenv("OMPI_COMM_WORLD_RANK");
    int rank = -1;
    if (fault && sscanf(fault, "%7[a-z]:%d:%d", kind, &rank, &number) != 3)
        return 2;
    if (atoi(own ? own : "0") != rank)
        kind[0] = '\0';
    return command_line_run(count, arguments);
}
