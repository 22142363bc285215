/* watch_server: rank 0's end of the watchdogs' talk. Private to comm/.
 *
 * Whoever connects may stay until he says something without the secret, or
 * until his place is needed. A rank that connects again replaces its old self. */
#ifndef COMM_WATCH_SERVER_H
#define COMM_WATCH_SERVER_H

#include "comm/watch_link.h"

struct watch_server;

/* Local. Listens, and says in `place` where: port 0 where that is impossible, and NULL then. */
struct watch_server *watch_server_open(const struct world *world, struct watch_place *place);
void watch_server_close(struct watch_server *server); /* NULL is allowed */

/* Called for each report; with a NULL report when a rank's connection has ended. */
typedef void watch_listener(void *context, int rank, const struct watch_report *report);
/* Waits for at most `timeout_ms`, or until `wake` can be read. */
void watch_server_listen(struct watch_server *server, int wake, int timeout_ms,
                         watch_listener *listener, void *context);
/* To all ranks that are connected. */
void watch_server_tell(struct watch_server *server, enum watch_word word);

#endif
