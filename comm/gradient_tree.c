#include "comm/gradient_tree.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/memory.h"
#include "comm/background.h"
#include "comm/node_memory.h"
#include "comm/operation.h"
#include "comm/topology.h"
#include "comm/tree_exchange.h"
#include "comm/vector_add.h"

#define NO_LEAF ((int64_t)-1)

/* How much of a rank's pieces is final, for the ranks of its node: in reduction `reduction` all
 * from element `from` on. */
struct finality {
    atomic_int_fast64_t reduction, from;
};

struct gradient_tree {
    const struct world *world;
    struct thread_pool *pool;
    int64_t count;
    struct leaf_range own;   /* this rank's leaves */
    int64_t next_leaf;       /* own.end: all are there; NO_LEAF: they are being reduced */
    struct leaf_stack stack; /* node i's sum is in buffers[i] */
    int buffer_count;
    float *buffers[LEAF_STACK_DEPTH];
    struct node_memory *memory; /* of the buffers: the ranks of a node read each other's */
    struct tree_exchange exchange;

    int64_t reduction, final_from;
    int merges; /* that the last leaf brings about */
    struct node_memory *finality;

    float *sum; /* where the sum goes */
    struct background *background;
    enum status status; /* of a reduction in the background, with its message */
    char message[STATUS_MESSAGE_BYTES];
};

/* A rank without leaves still needs room for the sum of its slice. */
static int count_buffers(int64_t leaves, int rank, int size)
{
    int depth = leaf_tree_depth(leaves, leaf_range_of_rank(leaves, rank, size));
    return depth > 0 ? depth : 1;
}

static size_t bytes_of_buffers(int buffers, int64_t count)
{
    CHECK(count >= 0 && count < INT64_MAX / LEAF_STACK_DEPTH / (int64_t)sizeof(float),
          "a gradient of %ld floats is too large", (long)count);
    return (size_t)buffers * arena_rounded((size_t)count * sizeof(float));
}

size_t gradient_tree_bytes(int64_t leaves, int64_t count, int rank, int size)
{
    return bytes_of_buffers(count_buffers(leaves, rank, size), count);
}

/* Buffer `buffer` of the rank at `place` of this node. */
static float *buffer_of(const void *context, int place, int buffer)
{
    const struct gradient_tree *tree = context;
    return (float *)(void *)((unsigned char *)node_memory_of(tree->memory, place) +
                             bytes_of_buffers(buffer, tree->count));
}

static struct finality *finality_of(const struct gradient_tree *tree, int place)
{
    return node_memory_of(tree->finality, place);
}

struct gradient_tree *gradient_tree_create(const struct world *world, struct thread_pool *pool,
                                           int64_t leaves, int64_t count)
{
    CHECK(leaves >= 1, "a tree of %ld leaves has no sum", (long)leaves);
    struct gradient_tree *tree = memory_alloc_zeroed(1, sizeof *tree);
    tree->world = world;
    tree->pool = pool;
    tree->count = count;
    tree->own = leaf_range_of_rank(leaves, world->rank, world->size);
    tree->stack.leaves = leaves;
    tree->buffer_count = count_buffers(leaves, world->rank, world->size);
    tree->memory = node_memory_create(world, bytes_of_buffers(tree->buffer_count, count));
    for (int i = 0; i < tree->buffer_count; i++)
        tree->buffers[i] = buffer_of(tree, world->node_rank, i);
    tree->finality = node_memory_create(world, sizeof(struct finality));
    tree_exchange_init(&tree->exchange, world, pool, leaves, count, WIRE_FP32, 0);
    gradient_tree_begin(tree);
    return tree;
}

void gradient_tree_free(struct gradient_tree *tree)
{
    if (!tree)
        return;
    tree_exchange_release(&tree->exchange);
    node_memory_free(tree->finality);
    node_memory_free(tree->memory);
    memory_free(tree);
}

void gradient_tree_set_wire(struct gradient_tree *tree, enum wire wire, int64_t block)
{
    tree_exchange_release(&tree->exchange);
    tree_exchange_init(&tree->exchange, tree->world, tree->pool, tree->stack.leaves, tree->count,
                       wire, block);
}

void gradient_tree_begin(struct gradient_tree *tree)
{
    tree->next_leaf = tree->own.first;
    tree->stack.depth = 0;
}

/* The siblings that the top of the stack completes: how many sums of two that makes. */
static int merge_stack(struct leaf_stack *stack)
{
    int merges = 0;
    while (leaf_stack_merge(stack))
        merges++;
    return merges;
}

/* Elements [begin, end) of the sums, a block of which stays in the caches from one to the next. */
struct merge {
    const struct gradient_tree *tree;
    int top, merges; /* buffers[top - 1] += buffers[top], and so on downwards */
    int64_t begin, end;
};
enum { MERGE_BLOCK = 16384 };

static void merge_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct merge *merge = context;
    const int64_t at = merge->begin + block * MERGE_BLOCK;
    const int64_t length = merge->end - at < MERGE_BLOCK ? merge->end - at : MERGE_BLOCK;
    for (int i = 0; i < merge->merges; i++) {
        float *left = merge->tree->buffers[merge->top - i - 1] + at;
        const float *right = merge->tree->buffers[merge->top - i] + at;
        if (merge->tree->exchange.wire == WIRE_BF16)
            vector_sum_rounded(left, left, right, length);
        else
            vector_sum(left, left, right, length);
    }
}

static void merge_range(const struct gradient_tree *tree, int merges, int64_t begin, int64_t end)
{
    struct merge merge = { tree, tree->stack.depth + merges - 1, merges, begin, end };
    const int64_t blocks = (end - begin + MERGE_BLOCK - 1) / MERGE_BLOCK;
    if (merges > 0 && tree->pool)
        thread_pool_run(tree->pool, blocks, merge_block, &merge);
    else
        for (int64_t block = 0; merges > 0 && block < blocks; block++)
            merge_block(&merge, block, 0);
}

float *gradient_tree_leaf(struct gradient_tree *tree, int64_t leaf)
{
    CHECK(leaf == tree->next_leaf && leaf < tree->own.end,
          "leaf %ld was asked for, but leaf %ld of [%ld, %ld) is next", (long)leaf,
          (long)tree->next_leaf, (long)tree->own.first, (long)tree->own.end);
    merge_range(tree, merge_stack(&tree->stack), 0, tree->count);
    float *buffer = tree->buffers[tree->stack.depth];
    leaf_stack_push(&tree->stack, (struct leaf_range){ leaf, leaf + 1 });
    tree->next_leaf++;
    return buffer;
}

static bool is_final_on_node(const void *context, int64_t begin)
{
    const struct gradient_tree *tree = context;
    for (int place = 0; place < tree->world->node_size; place++) {
        struct finality *finality = finality_of(tree, place);
        if (atomic_load_explicit(&finality->reduction, memory_order_acquire) < tree->reduction ||
            atomic_load_explicit(&finality->from, memory_order_acquire) > begin)
            return false;
    }
    return true;
}

/* Rank-local. The reduction begins, with nothing final. */
static void open_reduction(struct gradient_tree *tree, float *sum)
{
    CHECK(tree->next_leaf == tree->own.end,
          "the leaves [%ld, %ld) are not ready to be reduced: leaf %ld is next",
          (long)tree->own.first, (long)tree->own.end, (long)tree->next_leaf);
    struct finality *finality = finality_of(tree, tree->world->node_rank);
    tree->next_leaf = NO_LEAF;
    tree->merges = merge_stack(&tree->stack);
    tree->sum = sum;
    tree->final_from = tree->count;
    atomic_store(&finality->from, tree->count);
    atomic_store(&finality->reduction, ++tree->reduction);
    if (tree->own.first == tree->own.end)
        gradient_tree_final(tree, 0);
}

void gradient_tree_final(struct gradient_tree *tree, int64_t from)
{
    merge_range(tree, tree->merges, from, tree->final_from);
    tree->final_from = from;
    atomic_store_explicit(&finality_of(tree, tree->world->node_rank)->from, from,
                          memory_order_release);
}

/* Collective, within the operation. */
static void exchange_pieces(struct gradient_tree *tree)
{
    const struct exchange_view view = { tree, buffer_of, is_final_on_node };
    tree_exchange_run(&tree->exchange, &view, tree->sum);
}

void gradient_tree_reduce(struct gradient_tree *tree)
{
    gradient_tree_reduce_to(tree, tree->buffers[0]);
}

void gradient_tree_reduce_to(struct gradient_tree *tree, float *vector)
{
    open_reduction(tree, vector);
    gradient_tree_final(tree, 0);
    operation_begin(tree->world, "reduction of gradients", tree->count * (int64_t)sizeof(float));
    exchange_pieces(tree);
    operation_end(tree->world);
}

static void reduce_beside(void *context)
{
    struct gradient_tree *tree = context;
    operation_begin_beside(tree->world, "reduction of gradients",
                           tree->count * (int64_t)sizeof(float));
    status_set(tree->status, tree->message);
    tree->status = world_agree(tree->world, tree->status);
    snprintf(tree->message, sizeof tree->message, "%s", status_message());
    if (tree->status == STATUS_OK)
        exchange_pieces(tree);
    operation_end_met(tree->world);
}

void gradient_tree_start(struct gradient_tree *tree, struct background *background,
                         enum status status)
{
    if (status != STATUS_OK)
        tree->next_leaf = tree->own.end; /* what is missing will not be asked for */
    open_reduction(tree, tree->buffers[0]);
    tree->status = status;
    snprintf(tree->message, sizeof tree->message, "%s", status_message());
    tree->background = background;
    background_give(background, reduce_beside, tree);
}

enum status gradient_tree_finish(struct gradient_tree *tree)
{
    gradient_tree_final(tree, 0);
    operation_await(tree->world);
    background_wait(tree->background);
    return status_set(tree->status, tree->message);
}

float *gradient_tree_sum(struct gradient_tree *tree)
{
    return tree->buffers[0];
}
