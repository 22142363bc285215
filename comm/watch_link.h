/* watch_link: how the watchdogs of all ranks talk, beside MPI.
 *
 * Rank 0 listens on a port that the system chooses; the others connect to it
 * and say what they do. MPI has one owner in each rank, its main thread, which
 * may be the very one that hangs: so this is plain TCP.
 *
 *   rank 1 --- watch_report: alive, in operation 812, since 3 s ---> rank 0
 *   rank 1 <-- watch_answer: alive; or: write down all, we end  ---- rank 0
 *
 * Both begin with a secret that rank 0 draws and MPI distributes; what comes
 * without it is dropped. Private to comm/.
 */
#ifndef COMM_WATCH_LINK_H
#define COMM_WATCH_LINK_H

#include "comm/flight_recorder.h"
#include "comm/world.h"

struct watch_token {
    uint64_t words[2];
};

/* Where rank 0 listens. The same bytes on every rank. */
struct watch_place {
    struct watch_token token;
    char host[WORLD_HOST_BYTES];
    int32_t port;  /* 0: nowhere */
    int32_t count; /* of addresses */
    struct watch_address {
        int32_t is_ipv6;
        unsigned char bytes[16]; /* in network order; IPv4 in the first four */
    } addresses[12];
};

enum watch_word {
    WATCH_ALIVE = 1,
    WATCH_LEAVES,  /* this rank is done: its silence means nothing */
    WATCH_WRITTEN, /* the last operations are written down */
    WATCH_END,     /* from rank 0: write them down, the job ends */
};

struct watch_report {
    struct watch_token token;
    int32_t rank, word;
    double age_s; /* how long it has been where `state` says */
    char host[WORLD_HOST_BYTES];
    struct flight_state state;
};

struct watch_answer {
    struct watch_token token;
    int64_t word;
};

/* Reads what has come of a record of `length` bytes. True once it is whole; *filled is 0 then.
 * *closed is set where the connection has ended. Never waits. */
bool watch_receive(int socket, void *record, size_t length, size_t *filled, bool *closed);
/* False where the connection is of no use any more. Never waits: a record for which there is no
 * room is not sent, and the next one tells more. */
bool watch_send(int socket, const void *record, size_t length);

#endif
