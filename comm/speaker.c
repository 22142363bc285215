#include "comm/speaker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void sleep_ms(long ms)
{
    struct timespec rest = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    nanosleep(&rest, NULL);
}

/* PMIx gives the ranks that a node has of a job a folder, which the launcher removes with the job,
 * and a name. A file there outlives the first speaker, whose abort may be slow to reach the rest.
 */
static bool node_has_a_speaker(void)
{
    const char *folder = getenv("PMIX_SERVER_TMPDIR"), *job = getenv("PMIX_NAMESPACE");
    char path[4096];
    if (!folder || !job)
        return false;
    int length = snprintf(path, sizeof path, "%s/eon-speaker-%s", folder, job);
    if (length < 0 || (size_t)length >= sizeof path)
        return false;
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return errno == EEXIST;
    close(file);
    return false;
}

void speaker_wait_for_turn(int rank, int patience_s)
{
    enum { TURN_MS = 250, LAST_TURN = 8 };
    sleep_ms((long)TURN_MS * (rank < LAST_TURN ? rank : LAST_TURN));
    if (node_has_a_speaker())
        sleep_ms(1000L * patience_s);
}
