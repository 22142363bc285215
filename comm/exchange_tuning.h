/* exchange_tuning: how long the messages of a reduction between nodes are best, by trial.
 *
 * Long messages cost less each; short ones begin to travel sooner, and more of them share a link
 * evenly. What is best depends on the network and the nodes, so a part of the gradient is reduced
 * with each of some lengths before training begins. Some hundred milliseconds on 1 Gbit/s.
 */
#ifndef COMM_EXCHANGE_TUNING_H
#define COMM_EXCHANGE_TUNING_H

#include "base/thread_pool.h"
#include "comm/wire.h"
#include "comm/world.h"

enum { EXCHANGE_LENGTHS = 3 };
extern const int64_t exchange_lengths[EXCHANGE_LENGTHS]; /* elements, ascending */

struct exchange_tuning {
    int64_t block;                    /* elements of a message, for gradient_tree_set_wire */
    double seconds[EXCHANGE_LENGTHS]; /* of the trials; all 0: there is one node, and no message */
};

/* Collective. For a gradient of `count` elements. The same result on every rank. */
struct exchange_tuning exchange_tune(const struct world *world, struct thread_pool *pool,
                                     int64_t count, enum wire wire);

/* Pure. The index of the shortest time; of times within EXCHANGE_ALIKE of it the longest message.
 */
#define EXCHANGE_ALIKE 1.05
int exchange_choose(const double seconds[EXCHANGE_LENGTHS]);

#endif
