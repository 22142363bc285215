/* watch_client: the other ranks' end of the watchdogs' talk. Private to comm/.
 * It belongs to the watchdog's thread: nothing here holds up the main thread. */
#ifndef COMM_WATCH_CLIENT_H
#define COMM_WATCH_CLIENT_H

#include "comm/watch_link.h"

struct watch_client {
    struct watch_place place;
    int socket; /* -1: not connected */
    size_t filled;
    struct watch_answer answer;
};

/* Tries rank 0's addresses, some seconds each, until one connects or `wake` can be read. */
bool watch_client_connect(struct watch_client *client, const struct world *world, int wake);
void watch_client_disconnect(struct watch_client *client);
void watch_client_tell(struct watch_client *client, const struct watch_report *report);
/* Waits for at most `timeout_ms`, or until `wake` can be read. Returns the last word that came from
 * rank 0, 0 for none; WATCH_END is not overtaken. */
int watch_client_listen(struct watch_client *client, int wake, int timeout_ms);

#endif
