/* loan: parts of a flat vector on which another rank than their owner works for a while.
 *
 * Each rank owns parts of the vector (slice.h). What needs a whole matrix goes to
 * one rank, at the same place of that rank's vector, and comes back when it is done:
 *
 *   parts of      | rank 0        | rank 1        |
 *   matrices        [ A     ] [ B    :    ] [ C ]       rank 1 works on A and C, rank 0 on B
 *   loans           0 to 1        1 to 0                C is where it belongs
 *
 * All messages are posted at once and received in place, without a copy.
 */
#ifndef COMM_LOAN_H
#define COMM_LOAN_H

#include "comm/world.h"

struct loan {
    int64_t begin, end; /* elements of the vector */
    int owner, borrower;
};

/* Lists [begin, end) of a vector of `count` elements, cut by its owners' parts, as lent to
 * `borrower`; what that rank owns itself is left out. Returns how many there are; with NULL it
 * only counts. */
int64_t loans_of_range(const struct world *world, int64_t count, int64_t begin, int64_t end,
                       int borrower, struct loan *loans);

/* Collective; the list is the same on every rank, and no two loans overlap. Afterwards the
 * borrowers hold what the owners had. */
void loans_give(const struct world *world, float *vector, const struct loan *loans, int64_t count);
/* Collective. Afterwards the owners hold what the borrowers had. */
void loans_return(const struct world *world, float *vector, const struct loan *loans,
                  int64_t count);

#endif
