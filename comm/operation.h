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

#include "comm/world.h"

/* Collective: one reduction of 16 bytes. `name` is a literal; `bytes` is the same on every rank,
 * 0 where the ranks' parts have sizes of their own. */
void operation_begin(const struct world *world, const char *name, int64_t bytes);
void operation_end(const struct world *world); /* Local */

#endif
