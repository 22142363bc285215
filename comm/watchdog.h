/* watchdog: a job does not hang. The rank that the others wait for is named, and all end.
 *
 * One thread in each rank looks at its own rank's flight recorder every half
 * second and tells rank 0 (watch_link.h); rank 0's judges (stall.h). It ends
 * the job when a rank has been in one operation for longer than the timeout:
 * all ranks write their last operations down, rank 0 says who is late and what
 * that rank does. Should rank 0 itself be silent, the lowest of those that wait
 * for it says so. The threads do not use MPI until they end the job.
 *
 * Where the connections cannot be made training is none the worse: each rank
 * then watches itself, and a job that hangs ends without the culprit's name.
 */
#ifndef COMM_WATCHDOG_H
#define COMM_WATCHDOG_H

#include "comm/world.h"

struct watchdog;

/* Collective. `timeout_s` is rank 0's; 0: nothing is watched. Last operations are written to
 * FOLDER/rank-N.txt, made when it comes to that; NULL: to standard error. Returns NULL in a world
 * of one and where nothing is watched. `world` must outlive it. */
struct watchdog *watchdog_start(const struct world *world, double timeout_s, const char *folder);
/* Collective: returns once all ranks are there, so that one who is late on the way is still named.
 * NULL, on all ranks, is allowed. */
void watchdog_stop(struct watchdog *watchdog);

#endif
