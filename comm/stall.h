/* stall: which rank is it that the others wait for?
 *
 * A rank is late when another has been in one operation for longer than the
 * timeout, and it is not there itself. What a rank does by itself (computing,
 * saving, validating) may take as long as it likes while nobody waits.
 *
 *   rank 0   operation 812   waiting since 600 s
 *   rank 1   operation 812   waiting since 598 s
 *   rank 2   after 811       silent since 603 s      <- late: it comes first,
 *   rank 3   after 811       computing leaf 3        <- late too, but alive
 *
 * Where all are in the same operation and none is silent, none is to blame: it
 * is MPI or the network then. Pure; private to comm/.
 */
#ifndef COMM_STALL_H
#define COMM_STALL_H

#include <stddef.h>

#include "comm/flight_recorder.h"
#include "comm/world.h"

enum stall_link {
    STALL_UNSEEN, /* has never reached rank 0 */
    STALL_HEARD,
    STALL_CLOSED, /* its connection ended, as a process' end makes it */
    STALL_LEFT,   /* said that it is done */
};

/* What rank 0 knows of a rank. Seconds are those that the watchdogs were awake for, so a job that
 * was suspended as a whole is not late when it goes on. */
struct stall_view {
    enum stall_link link;
    double silent_s; /* since its last word */
    double age_s;    /* how long it had been where `state` says, at its last word */
    char host[WORLD_HOST_BYTES];
    struct flight_state state;
};

struct stall_limits {
    double timeout_s;
    double silent_s; /* from here on a rank counts as silent */
};
struct stall_limits stall_limits_of(double timeout_s);

/* True where a rank is waited for too long; `message` names it, what it does and who waits. */
bool stall_find(const struct stall_view *views, int size, const struct stall_limits *limits,
                char *message, size_t message_bytes);

#endif
