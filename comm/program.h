/* program: is it the same one on every rank?
 *
 * A build that is older on one node adds in another order, or speaks of another
 * thing at the same place of a conversation. Private to comm/.
 */
#ifndef COMM_PROGRAM_H
#define COMM_PROGRAM_H

#include "comm/world.h"

/* Collective. Compares digests of the running program's file (/proc/self/exe). One that cannot be
 * read counts as empty: where no rank can, nothing is refused. */
enum status program_require_same(const struct world *world);

#endif
