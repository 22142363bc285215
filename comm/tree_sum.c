#include "comm/tree_sum.h"

#include <string.h>

#include "base/memory.h"
#include "comm/vector_add.h"
#include "comm/wire.h"

/* Floats that are added at once, of all terms; and what a thread takes at once. */
enum { PIECE = 2048, PIECES_AT_ONCE = 4 };

void tree_sum_init(struct tree_sum *sum, int64_t leaves, const struct leaf_range *terms, int count)
{
    *sum = (struct tree_sum){ .leaves = leaves, .terms = count };
    sum->list = memory_alloc_zeroed((size_t)count, sizeof *sum->list);
    sum->root_operands = memory_alloc_zeroed((size_t)count, sizeof *sum->root_operands);
    sum->root_leaves = memory_alloc_zeroed((size_t)count, sizeof *sum->root_leaves);
    struct leaf_stack stack = { .leaves = leaves };
    int base = 0; /* roots before the last gap */
    for (int term = 0; term < count; term++) {
        if (stack.depth && stack.nodes[stack.depth - 1].end != terms[term].first) {
            base = sum->roots;
            stack.depth = 0;
        }
        sum->root_operands[base + stack.depth] = term;
        leaf_stack_push(&stack, terms[term]);
        while (leaf_stack_merge(&stack)) {
            int *merged = &sum->root_operands[base + stack.depth - 1];
            sum->list[sum->adds] = (struct tree_add){ merged[0], merged[1] };
            merged[0] = count + sum->adds++;
        }
        sum->roots = base + stack.depth;
        for (int i = 0; i < stack.depth; i++)
            sum->root_leaves[base + i] = stack.nodes[i];
    }
}

void tree_sum_release(struct tree_sum *sum)
{
    memory_free(sum->list);
    memory_free(sum->root_operands);
    memory_free(sum->root_leaves);
    *sum = (struct tree_sum){ 0 };
}

struct summing {
    const struct tree_sum *sum;
    const float *const *terms;
    float *const *roots;
    const bool *is_streamed; /* [roots] past the caches */
    int64_t length;
};

/* The root that is operand `operand`, or -1. */
static int root_of(const struct tree_sum *sum, int operand)
{
    for (int root = 0; root < sum->roots; root++)
        if (sum->root_operands[root] == operand)
            return root;
    return -1;
}

/* The result of addition `add` goes to its root, or waits in `waiting`, one piece for each place
 * that a stack of results needs. */
struct results {
    float *waiting;      /* [LEAF_STACK_DEPTH, PIECE] */
    const float **where; /* [adds] */
    int waiting_count;
};

static const float *operand_at(const struct summing *work, const struct results *results,
                               int operand, int64_t at)
{
    const int terms = work->sum->terms;
    return operand < terms ? work->terms[operand] + at : results->where[operand - terms];
}

static void sum_piece(const struct summing *work, struct results *results, int64_t at,
                      int64_t length)
{
    const struct tree_sum *sum = work->sum;
    results->waiting_count = 0;
    for (int i = 0; i < sum->adds; i++) {
        const struct tree_add *add = &sum->list[i];
        const float *left = operand_at(work, results, add->left, at);
        const float *right = operand_at(work, results, add->right, at);
        /* results wait in the order of a stack: what is read was written last */
        results->waiting_count -= (add->left >= sum->terms) + (add->right >= sum->terms);
        const int root = root_of(sum, sum->terms + i);
        float *to = root >= 0 ? work->roots[root] + at
                              : results->waiting + (int64_t)results->waiting_count++ * PIECE;
        if (sum->rounds)
            vector_sum_rounded(to, left, right, length);
        else if (root >= 0 && work->is_streamed[root])
            vector_sum_past_caches(to, left, right, length);
        else
            vector_sum(to, left, right, length);
        results->where[i] = to;
    }
    for (int root = 0; root < sum->roots; root++) {
        const int operand = sum->root_operands[root];
        if (operand >= sum->terms)
            continue;
        const float *from = work->terms[operand] + at;
        float *to = work->roots[root] + at;
        if (sum->rounds && sum->leaves == 1)
            wire_round(to, from, length);
        else if (to != from)
            memcpy(to, from, (size_t)length * sizeof *to);
    }
}

static void sum_pieces(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct summing *work = context;
    enum { LENGTH = PIECE * PIECES_AT_ONCE };
    enum { SMALL = 8 }; /* additions, whose results are on the stack */
    _Alignas(64) float waiting[SMALL * PIECE];
    const float *where[SMALL];
    const bool is_small = work->sum->adds <= SMALL;
    struct results results = { .waiting = waiting, .where = where };
    if (!is_small) {
        results.waiting = memory_alloc((size_t)LEAF_STACK_DEPTH * PIECE * sizeof(float));
        results.where = memory_alloc((size_t)work->sum->adds * sizeof *results.where);
    }
    const int64_t end = work->length < (block + 1) * LENGTH ? work->length : (block + 1) * LENGTH;
    for (int64_t at = block * LENGTH; at < end; at += PIECE)
        sum_piece(work, &results, at, end - at < PIECE ? end - at : PIECE);
    if (!is_small) {
        memory_free(results.waiting);
        memory_free((void *)results.where);
    }
}

static bool is_term(const struct tree_sum *sum, const float *const *terms, const float *root)
{
    for (int i = 0; i < sum->terms; i++)
        if (terms[i] == root)
            return true;
    return false;
}

void tree_sum_run(const struct tree_sum *sum, struct thread_pool *pool, const float *const *terms,
                  float *const *roots, int64_t length)
{
    bool *is_streamed = memory_alloc_zeroed((size_t)sum->roots, sizeof *is_streamed);
    for (int root = 0; root < sum->roots; root++)
        is_streamed[root] = sum->streams && !is_term(sum, terms, roots[root]);
    struct summing work = { sum, terms, roots, is_streamed, length };
    const int64_t block = PIECE * PIECES_AT_ONCE, blocks = length / block + (length % block != 0);
    if (pool && blocks > 1) {
        thread_pool_run(pool, blocks, sum_pieces, &work);
    } else {
        for (int64_t i = 0; i < blocks; i++)
            sum_pieces(&work, i, 0);
    }
    memory_free(is_streamed);
}
