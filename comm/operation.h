/* operation: what every collective of comm/ begins and ends with.
 *
 * Before any data moves, all ranks compare what they are about to do: number,
 * name and size. Ranks that disagree end the job there, with one message that
 * says who means what. The time that a rank spends in that comparison is the
 * time that it waits for the others (see flight_recorder.h).
 *
 *   rank 0   computes      |compare| moves data |
 *   rank 1   computes  waits        | moves data |
 *   rank 2   computes         |     | moves data |      the one the others waited for
 *
 * Operations within an operation belong to it and are not compared. In a world
 * of one nothing happens, unless it counts alone (groups.h). Private to comm/.
 */
#ifndef COMM_OPERATION_H
#define COMM_OPERATION_H

#include <stdbool.h>

#include "comm/world.h"

/* Collective: one reduction of 16 bytes. `name` is a literal; `bytes` is the same on every rank,
 * 0 where the ranks' parts have sizes of their own. */
void operation_begin(const struct world *world, const char *name, int64_t bytes);
void operation_end(const struct world *world); /* Local */

/* An operation beside the computation, in the background's thread (background.h). It does not spin,
 * and the rank counts as working until its main thread has nothing else to do. */
void operation_begin_beside(const struct world *world, const char *name, int64_t bytes);
void operation_end_beside(const struct world *world); /* Local */
bool operation_is_beside(void);                       /* Local */

/* Local, of the main thread. It waits for some of the data, or goes on. */
void operation_expect(const struct world *world, bool waits);
/* Local, of the main thread: it waits for the operation's end. When all ranks do, they have met:
 *
 *   rank 0   computes     | waits | moving data: exposed |
 *   rank 1   computes             | moving data: exposed |
 *   behind   compare | data moves, as it becomes final   |
 */
void operation_await(const struct world *world);
/* Local. Does the main thread wait, in either case? Of what is beside nothing it always does. */
bool operation_is_awaited(void);
/* Local. For the end: it will not compute before that. */
bool operation_is_alone(void);
/* Local, again and again while an operation goes on that ends in operation_end_met: sees whether
 * all ranks have met. */
void operation_look(const struct world *world);
/* Collective. Ends an operation that every rank awaits. */
void operation_end_met(const struct world *world);

#endif
