/* topology: which ranks share a node's memory. Private to comm/.
 *
 * What crosses nodes is spread over a node's ranks: with a rank of another node
 * talks the one that has its number there, counted again from 0 where this node
 * has fewer.
 *
 *   node 0    ranks 0 1 2        rank 5 owns a slice: of node 0, rank 2 talks to it
 *   node 1    ranks 3 4 5 6      rank 6 owns a slice: of node 0, rank 0 talks to it
 *
 * A node's ranks are in ascending order, but need not follow each other.
 */
#ifndef COMM_TOPOLOGY_H
#define COMM_TOPOLOGY_H

#include <mpi.h>

struct topology {
    MPI_Comm comm;      /* all ranks */
    MPI_Comm node_comm; /* those of this node */
    int rank, size, nodes;
    int node;          /* this rank's */
    int *node_of;      /* [size] */
    int *place_of;     /* [size] among its node's ranks */
    int *node_sizes;   /* [nodes] */
    int *first_places; /* [nodes] in `ranks` */
    int *ranks;        /* [size] node by node */
};

/* Collective over `comm`, which must outlive the topology. `node_comm` joins those of its ranks
 * that share memory, and becomes the topology's. */
struct topology *topology_create(MPI_Comm comm, MPI_Comm node_comm);
void topology_free(struct topology *topology); /* Collective over the node */

/* Local, pure. */
int topology_rank(const struct topology *topology, int node, int place);
/* The rank of `node` that talks to `rank`, which is of another node. */
int topology_partner(const struct topology *topology, int node, int rank);
/* The ranks of other nodes to which `rank` talks for its node; into owners [size], beginning behind
 * the own node, so that not all begin with the same one. Returns how many. */
int topology_served(const struct topology *topology, int rank, int *owners);

#endif
