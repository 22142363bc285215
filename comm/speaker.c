#include "comm/speaker.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void sleep_ms(long ms)
{
    struct timespec rest = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    nanosleep(&rest, NULL);
}

/* An address in Linux's abstract space of socket names: a node has each once, no file system is
 * asked, and the kernel frees it with its process. PMIx gives all ranks of a job one name. */
static bool node_has_a_speaker(void)
{
    const char *job = getenv("PMIX_NAMESPACE");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (!job)
        return false;
    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "eon-%lu-%s",
             (unsigned long)getuid(), job);
    int held = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); /* till the process ends */
    return held >= 0 && bind(held, (struct sockaddr *)&address, sizeof address) != 0 &&
           errno == EADDRINUSE;
}

void speaker_wait_for_turn(int rank, int patience_s)
{
    enum { TURN_MS = 250, LAST_TURN = 8 };
    sleep_ms((long)TURN_MS * (rank < LAST_TURN ? rank : LAST_TURN));
    if (node_has_a_speaker())
        sleep_ms(1000L * patience_s);
}
