#include "comm/self_test.h"

#include <string.h>

#include "base/memory.h"
#include "comm/gradient_tree.h"
#include "comm/leaf_values.h"
#include "comm/loan.h"
#include "comm/node_vector.h"
#include "comm/slice.h"

enum { PRIME = 10007, MOST_SLICES = 16, RECORD = 3, MOST_RANGES = 8 };
#define MOST_CHECKED_TERMS ((int64_t)1 << 22) /* so that many ranks take no longer than few */

/* The finalizer of splitmix64: Steele, Lea, Flood: "Fast splittable pseudorandom number
 * generators", OOPSLA 2014. */
static uint64_t mixed(int64_t leaf, int64_t i)
{
    uint64_t x = (uint64_t)(i + 1) * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)leaf;
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* Value `i` of a leaf. */
typedef double known_term(int64_t leaf, int64_t i);

/* From 3e7 down to 1e-3 and of both signs: an addition rounds, so the order shows. A float. */
static double rounding_term(int64_t leaf, int64_t i)
{
    static const float scales[8] = { 3e7f, -3e7f, 1.0f, -1.0f, 1.0f, 1e-3f, 1e4f, -0.3f };
    uint64_t bits = mixed(leaf, i);
    return scales[bits & 7] * (1.0f + (float)(bits >> 40) * 0x1p-24f);
}

/* Sums of small integers are exact in any order. */
static float pattern(int64_t i)
{
    return (float)(mixed(0, i) & 15);
}

static int64_t weight(int64_t leaf)
{
    return 1 + leaf % 4;
}

static double exact_term(int64_t leaf, int64_t i)
{
    return (double)(pattern(i) * (float)weight(leaf));
}

struct known_sum {
    known_term *term;
    int64_t leaves;
    bool in_float;
};

/* By the definition: a node of 2^k leaves is its left half plus its right half, where that has
 * leaves. A float's sum is computed in double and rounded, which rounds as an addition in float. */
static double sum_of_node(const struct known_sum *sum, int64_t first, int64_t span, int64_t i)
{
    if (span == 1)
        return sum->term(first, i);
    double left = sum_of_node(sum, first, span / 2, i);
    if (first + span / 2 >= sum->leaves)
        return left;
    double both = left + sum_of_node(sum, first + span / 2, span / 2, i);
    return sum->in_float ? (double)(float)both : both;
}

static double sum_along_tree(const struct known_sum *sum, int64_t i)
{
    int64_t span = 1;
    while (span < sum->leaves)
        span *= 2;
    return sum_of_node(sum, 0, span, i);
}

static enum status wrong_value(const char *where, int64_t i, int64_t count, double value,
                               double expected)
{
    return failed("element %lld of %lld %s is %.17g instead of %.17g", (long long)i,
                  (long long)count, where, value, expected);
}

static void reduce_known_terms(const struct world *world, struct gradient_tree *tree,
                               known_term *term, int64_t leaves, int64_t count)
{
    struct leaf_range own = leaf_range_of_rank(leaves, world->rank, world->size);
    gradient_tree_begin(tree);
    for (int64_t leaf = own.first; leaf < own.end; leaf++) {
        float *values = gradient_tree_leaf(tree, leaf);
        for (int64_t i = 0; i < count; i++)
            values[i] = (float)term(leaf, i);
    }
    gradient_tree_reduce(tree);
}

static enum status check_own_slice(const struct world *world, const float *values, int64_t leaves,
                                   int64_t count)
{
    const struct known_sum sum = { rounding_term, leaves, true };
    const struct slicing slicing = slicing_of(count, world->size);
    const int64_t length = slicing_length(&slicing, world->rank);
    const int64_t stride = 1 + length * leaves / MOST_CHECKED_TERMS;
    for (int64_t round = 0; round < slicing.rounds; round++) {
        const struct slice own = slicing_part(&slicing, world->rank, round);
        for (int64_t i = own.begin; i < own.end; i += stride) {
            double expected = sum_along_tree(&sum, i);
            if ((double)values[i] != expected)
                return wrong_value("of a gradient's sum, in the tree's order,", i, count,
                                   (double)values[i], expected);
        }
    }
    return STATUS_OK;
}

static enum status check_whole(const float *values, int64_t leaves, int64_t count)
{
    int64_t weights = 0;
    for (int64_t leaf = 0; leaf < leaves; leaf++)
        weights += weight(leaf);
    for (int64_t i = 0; i < count; i++)
        if (values[i] != pattern(i) * (float)weights)
            return wrong_value("of a gradient's sum, gathered from its owners,", i, count,
                               (double)values[i], (double)(pattern(i) * (float)weights));
    return STATUS_OK;
}

static void copy_own_slice(const struct world *world, float *to, const float *from, int64_t count)
{
    const struct slicing slicing = slicing_of(count, world->size);
    for (int64_t round = 0; round < slicing.rounds; round++) {
        const struct slice own = slicing_part(&slicing, world->rank, round);
        memcpy(to + own.begin, from + own.begin, (size_t)(own.end - own.begin) * sizeof *to);
    }
}

static enum status test_gradients(const struct world *world, struct thread_pool *pool,
                                  int64_t leaves, int64_t count)
{
    struct gradient_tree *tree = gradient_tree_create(world, pool, leaves, count);
    reduce_known_terms(world, tree, rounding_term, leaves, count);
    enum status mine = check_own_slice(world, gradient_tree_sum(tree), leaves, count);

    reduce_known_terms(world, tree, exact_term, leaves, count);
    struct node_vector *whole = node_vector_create(world, count);
    copy_own_slice(world, node_vector_values(whole), gradient_tree_sum(tree), count);
    node_vector_gather(whole, WIRE_FP32);
    if (mine == STATUS_OK)
        mine = check_whole(node_vector_values(whole), leaves, count);
    node_vector_free(whole);
    gradient_tree_free(tree);
    return world_agree(world, mine);
}

static enum status test_leaf_values(const struct world *world)
{
    const struct known_sum sum = { rounding_term, 2 * (int64_t)world->size + 1, false };
    struct leaf_range own = leaf_range_of_rank(sum.leaves, world->rank, world->size);
    double *mine = memory_alloc_zeroed((size_t)(own.end - own.first), RECORD * sizeof *mine);
    double total[RECORD];
    for (int64_t leaf = own.first; leaf < own.end; leaf++)
        for (int64_t i = 0; i < RECORD; i++)
            mine[(leaf - own.first) * RECORD + i] = sum.term(leaf, i);
    leaf_values_reduce(world, sum.leaves, mine, RECORD, total);
    memory_free(mine);

    enum status status = STATUS_OK;
    for (int64_t i = 0; i < RECORD && status == STATUS_OK; i++)
        if (total[i] != sum_along_tree(&sum, i))
            status =
                wrong_value("of the leaves' values", i, RECORD, total[i], sum_along_tree(&sum, i));
    return world_agree(world, status);
}

/* Adjacent ranges over all of the vector, each lent to another rank. */
static int64_t list_loans(const struct world *world, int64_t count, struct loan *loans)
{
    int64_t ranges = world->size < MOST_RANGES ? world->size : MOST_RANGES, listed = 0;
    for (int64_t i = 0; i < ranges; i++)
        listed += loans_of_range(world, count, count * i / ranges, count * (i + 1) / ranges,
                                 (int)((i + 1) * world->size / ranges % world->size),
                                 loans ? loans + listed : NULL);
    return listed;
}

/* Of a range that was lent; then it is doubled. */
static enum status check_loan(float *vector, const struct loan *loan, int64_t count, float factor,
                              const char *where)
{
    for (int64_t i = loan->begin; i < loan->end; i++) {
        if (vector[i] != factor * pattern(i))
            return wrong_value(where, i, count, (double)vector[i], (double)(factor * pattern(i)));
        vector[i] *= 2;
    }
    return STATUS_OK;
}

static enum status test_loans(const struct world *world, int64_t count)
{
    const struct slicing slicing = slicing_of(count, world->size);
    struct loan *loans = memory_alloc_zeroed((size_t)list_loans(world, count, NULL), sizeof *loans);
    float *vector = memory_alloc_zeroed((size_t)count, sizeof *vector);
    const int64_t listed = list_loans(world, count, loans);
    enum status mine = STATUS_OK, status;
    for (int64_t i = 0; i < count; i++)
        if (slicing_owner(&slicing, i) == world->rank)
            vector[i] = pattern(i);

    loans_give(world, vector, loans, listed);
    for (int64_t i = 0; i < listed && mine == STATUS_OK; i++)
        if (loans[i].borrower == world->rank)
            mine = check_loan(vector, &loans[i], count, 1, "that was lent");
    TRY_CLEANUP(world_agree(world, mine));

    loans_return(world, vector, loans, listed);
    for (int64_t i = 0; i < listed && mine == STATUS_OK; i++)
        if (loans[i].owner == world->rank)
            mine = check_loan(vector, &loans[i], count, 2, "that came back from a loan");
    TRY_CLEANUP(world_agree(world, mine));
cleanup:
    memory_free(vector);
    memory_free(loans);
    return status;
}

static enum status run_tests(const struct world *world, struct thread_pool *pool)
{
    const int64_t size = world->size, slices = size < MOST_SLICES ? size : MOST_SLICES;
    const int64_t long_count = slices * SLICE_BLOCK + 1;
    TRY(test_gradients(world, pool, size, 1));
    TRY(test_gradients(world, pool, 1, PRIME));
    TRY(test_gradients(world, pool, 2 * size + 1, PRIME));
    TRY(test_gradients(world, pool, size, long_count));
    TRY(test_leaf_values(world));
    return test_loans(world, long_count);
}

enum status world_self_test(const struct world *world, struct thread_pool *pool)
{
    enum status status = run_tests(world, pool);
    if (status != STATUS_OK)
        return status_prefix(status, "the self-test of %d ranks found memory, links or MPI faulty",
                             world->size);
    return STATUS_OK;
}
