/* partner: the node that keeps a copy of what this node would lose with itself.
 *
 *   node 0   ranks 0 1 2    gives to node 1: ranks 0 and 2 to rank 3, rank 1 to rank 4
 *   node 1   ranks 3 4      gives to node 2: both to rank 5
 *   node 2   rank  5        gives to node 0: to rank 0
 *
 * What goes over is blocks with labels, of any number. A rank gives one and takes one at a time, in
 * whatever order they are ready; of several ranks that give to it, it takes one after the other.
 */
#ifndef COMM_PARTNER_H
#define COMM_PARTNER_H

#include <stdbool.h>
#include <stdint.h>

#include "comm/world.h"

enum { PARTNER_NAME_BYTES = 128 };

/* What a block is: the giver's words, but for the length, which is one of 1 byte to 16 MiB. */
struct partner_label {
    char name[PARTNER_NAME_BYTES];
    int64_t offset;
    int64_t length;
    uint32_t checksum;
    int32_t is_last; /* of that name */
};

/* How a rank gives and takes: all of it called in partner_exchange, by the same thread. */
struct partner_hands {
    void *context;
    /* The next block, or NULL: there is none. It stays until it was `given`. */
    void *(*next)(void *context, struct partner_label *label);
    void (*given)(void *context, void *bytes);
    /* Room for a block that comes, which is then `taken`. */
    void *(*room)(void *context, const struct partner_label *label);
    void (*taken)(void *context, const struct partner_label *label, void *bytes);
};

/* Collective. On one node alone nothing is asked for. */
void partner_exchange(const struct world *world, const struct partner_hands *hands);

/* Local. Of a world that was started. */
int partner_node_count(const struct world *world);
bool partner_is_on_first_node(const struct world *world); /* the one of rank 0 */

#endif
