/* node_layouts: the ranks of a test placed on nodes of its choice, all of them this machine.
 *
 * They take the same path as on real nodes, but for the network below MPI. */
#ifndef TESTS_MPI_NODE_LAYOUTS_H
#define TESTS_MPI_NODE_LAYOUTS_H

#include "tests/mpi/mpi_test.h"

enum node_layout {
    LAYOUT_AS_IT_IS,    /* one node */
    LAYOUT_PAIRS,       /* 0 1 | 2 3 | 4 */
    LAYOUT_THREES,      /* 0 1 2 | 3 4: uneven */
    LAYOUT_ROUND_ROBIN, /* 0 2 4 | 1 3 */
    LAYOUT_APART,       /* 0 | 1 | 2 | 3 | 4 */
    LAYOUTS
};
extern const char *const node_layout_names[LAYOUTS];

/* Collective. A world like test_world, with its nodes so. */
struct world node_layout_open(enum node_layout layout);
void node_layout_close(struct world *world);

#endif
