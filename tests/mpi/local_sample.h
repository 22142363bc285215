/* local_sample: the run of checkpoint_sample.h on nodes of a test's choice, all of them folders of
 * this machine. */
#ifndef TESTS_MPI_LOCAL_SAMPLE_H
#define TESTS_MPI_LOCAL_SAMPLE_H

#include "checkpoints/checkpoint.h"
#include "tests/mpi/node_layouts.h"

extern struct local_sample {
    struct world world;
    char run[512];
    char *local; /* this node's folder for it */
} local_sample;

extern const struct checkpoint_way local_sample_way; /* the simplest */

/* All collective. A new run; nodes are hosts of different names. */
void local_sample_open(enum node_layout layout);
void local_sample_close(void);
void local_sample_save(int64_t step);
void local_sample_save_so(const struct checkpoint_way *way, int64_t step);
/* What a node holds of a step goes. */
void local_sample_lose(int node, int64_t step);
/* Restores what is `asked` for (-1: the newest), and compares with what the run should have then:
 * every value of step `expected`, or nothing (-1). */
void local_sample_expect(int64_t asked, int64_t expected);

/* Local. */
int local_sample_nodes(void);
bool local_sample_is_first(int node); /* is this rank the first of it? */

#endif
