/* sum_faults: the self-test, or the trial of a bench, in a world where one thing goes wrong.
 *
 *   sum_faults self-test|trial FAULT RANK
 *
 * The linker (--wrap) puts the functions __wrap_... below in the place of those that are called,
 * and calls those __real_... */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "comm/gradient_tree.h"
#include "comm/loan.h"
#include "comm/node_vector.h"
#include "comm/reduce_trial.h"
#include "comm/self_test.h"

static const char *fault = "";
static int fault_rank;

static bool spoils(const char *name, int rank)
{
    return rank == fault_rank && strcmp(fault, name) == 0;
}

void __real_gradient_tree_reduce(struct gradient_tree *tree);
void __wrap_gradient_tree_reduce(struct gradient_tree *tree);
void __real_node_vector_gather(struct node_vector *vector, enum wire wire);
void __wrap_node_vector_gather(struct node_vector *vector, enum wire wire);
void __real_leaf_values_reduce(const struct world *world, int64_t leaves, const double *mine,
                               int width, double *total);
void __wrap_leaf_values_reduce(const struct world *world, int64_t leaves, const double *mine,
                               int width, double *total);
void __real_loans_give(const struct world *world, float *vector, const struct loan *loans,
                       int64_t count);
void __wrap_loans_give(const struct world *world, float *vector, const struct loan *loans,
                       int64_t count);

static struct world world;

/* One unit in the last place: as a sum in another order, or a bit that flipped. Rank 0 owns the
 * first element. */
void __wrap_gradient_tree_reduce(struct gradient_tree *tree)
{
    __real_gradient_tree_reduce(tree);
    float *sum = gradient_tree_sum(tree);
    if (spoils("last-bit-of-a-sum", world.rank))
        sum[0] = nextafterf(sum[0], INFINITY);
}

/* What rank 0 hands out of its slice. */
void __wrap_node_vector_gather(struct node_vector *vector, enum wire wire)
{
    if (spoils("gather", world.rank))
        node_vector_values(vector)[0] += 1;
    __real_node_vector_gather(vector, wire);
}

void __wrap_leaf_values_reduce(const struct world *reducing, int64_t leaves, const double *mine,
                               int width, double *total)
{
    __real_leaf_values_reduce(reducing, leaves, mine, width, total);
    if (spoils("leaf-values", reducing->rank))
        total[width - 1] = nextafter(total[width - 1], INFINITY);
}

void __wrap_loans_give(const struct world *giving, float *vector, const struct loan *loans,
                       int64_t count)
{
    __real_loans_give(giving, vector, loans, count);
    for (int64_t i = 0; i < count; i++)
        if (loans[i].borrower == giving->rank && spoils("loan", giving->rank))
            vector[loans[i].end - 1] += 1;
}

static enum status run_trial(void)
{
    double seconds[REDUCE_TIMES];
    struct reduce_trial *trial = reduce_trial_create(&world, NULL, 1000);
    reduce_trial_run(trial, seconds);
    reduce_trial_free(trial);
    return STATUS_OK;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return STATUS_BAD_INPUT;
    fault = argv[2];
    fault_rank = argv[3][0] - '0';
    enum status status = world_init(&world);
    if (status == STATUS_OK)
        status = strcmp(argv[1], "trial") == 0 ? run_trial() : world_self_test(&world, NULL);
    if (status != STATUS_OK && world.rank == 0)
        log_error(status_message());
    world_finalize(&world);
    return (int)status;
}
