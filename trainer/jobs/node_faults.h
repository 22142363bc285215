/* node_faults: which nodes of a job failed or were slow, from what is said on standard error.
 *
 * eon names a rank that hangs, is gone, or is slow; srun names the node of a task that was killed,
 * and one that failed; mpirun the node that it lost. A name counts only if it is one of the job's
 * nodes, so that no text that comes by can exclude others. Of failures the first is the cause: the
 * launcher kills all other ranks after it, and says so too.
 */
#ifndef TRAINER_JOBS_NODE_FAULTS_H
#define TRAINER_JOBS_NODE_FAULTS_H

#include "base/file.h"
#include "base/strbuf.h"

struct node_faults {
    const struct name_list *nodes;
    bool has_task_ended; /* srun has said so of one */
    int64_t failed_node; /* the first that is said to have failed; -1: none */
    int64_t suspected_node;
    bool *is_slow;      /* each node: for many steps in a row */
    struct strbuf line; /* the beginning of one that is not complete yet */
    char *last_error;   /* the last line of eon's that tells an error; or NULL */
};

void node_faults_init(struct node_faults *faults, const struct name_list *nodes);
void node_faults_release(struct node_faults *faults);

/* Reads on; lines may be cut anywhere. */
void node_faults_read(struct node_faults *faults, const char *text, size_t length);

/* The node that failed, as an index; -1: none. */
int64_t node_faults_failed(const struct node_faults *faults);
/* "n1,n3": those that failed, or were slow. And as "n1 failed, n3 was slow". */
void node_faults_list(const struct node_faults *faults, struct strbuf *out);
void node_faults_tell(const struct node_faults *faults, struct strbuf *out);

#endif
