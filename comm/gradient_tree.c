#include "comm/gradient_tree.h"

#include "base/memory.h"
#include "comm/node_memory.h"
#include "comm/operation.h"
#include "comm/tree_exchange.h"
#include "comm/vector_add.h"

#define NO_LEAF ((int64_t)-1)

struct gradient_tree {
    struct thread_pool *pool;
    int64_t count;
    struct leaf_range own;   /* this rank's leaves */
    int64_t next_leaf;       /* own.end: all are there; NO_LEAF: they were reduced */
    struct leaf_stack stack; /* node i's sum is in buffers[i] */
    int buffer_count;
    float *buffers[LEAF_STACK_DEPTH];
    struct node_memory *memory; /* of the buffers: the ranks of a node read each other's */
    struct tree_exchange exchange;
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

struct gradient_tree *gradient_tree_create(const struct world *world, struct thread_pool *pool,
                                           int64_t leaves, int64_t count)
{
    CHECK(leaves >= 1, "a tree of %ld leaves has no sum", (long)leaves);
    struct gradient_tree *tree = memory_alloc_zeroed(1, sizeof *tree);
    tree->pool = pool;
    tree->count = count;
    tree->own = leaf_range_of_rank(leaves, world->rank, world->size);
    tree->stack.leaves = leaves;
    tree->buffer_count = count_buffers(leaves, world->rank, world->size);
    tree->memory = node_memory_create(world, bytes_of_buffers(tree->buffer_count, count));
    for (int i = 0; i < tree->buffer_count; i++)
        tree->buffers[i] = buffer_of(tree, world->node_rank, i);
    tree_exchange_init(&tree->exchange, world, pool, leaves, count);
    gradient_tree_begin(tree);
    return tree;
}

void gradient_tree_free(struct gradient_tree *tree)
{
    if (!tree)
        return;
    tree_exchange_release(&tree->exchange);
    node_memory_free(tree->memory);
    memory_free(tree);
}

void gradient_tree_begin(struct gradient_tree *tree)
{
    tree->next_leaf = tree->own.first;
    tree->stack.depth = 0;
}

static void add_finished_siblings(struct gradient_tree *tree)
{
    while (leaf_stack_merge(&tree->stack))
        vector_add(tree->pool, tree->buffers[tree->stack.depth - 1],
                   tree->buffers[tree->stack.depth], tree->count);
}

float *gradient_tree_leaf(struct gradient_tree *tree, int64_t leaf)
{
    CHECK(leaf == tree->next_leaf && leaf < tree->own.end,
          "leaf %ld was asked for, but leaf %ld of [%ld, %ld) is next", (long)leaf,
          (long)tree->next_leaf, (long)tree->own.first, (long)tree->own.end);
    add_finished_siblings(tree);
    float *buffer = tree->buffers[tree->stack.depth];
    leaf_stack_push(&tree->stack, (struct leaf_range){ leaf, leaf + 1 });
    tree->next_leaf++;
    return buffer;
}

void gradient_tree_reduce(struct gradient_tree *tree)
{
    gradient_tree_reduce_to(tree, tree->buffers[0]);
}

void gradient_tree_reduce_to(struct gradient_tree *tree, float *vector)
{
    CHECK(tree->next_leaf == tree->own.end,
          "the leaves [%ld, %ld) are not ready to be reduced: leaf %ld is next",
          (long)tree->own.first, (long)tree->own.end, (long)tree->next_leaf);
    tree->next_leaf = NO_LEAF;
    add_finished_siblings(tree);
    operation_begin(tree->exchange.world, "reduction of gradients",
                    tree->count * (int64_t)sizeof(float));
    tree_exchange_run(&tree->exchange, buffer_of, tree, vector);
    operation_end(tree->exchange.world);
}

float *gradient_tree_sum(struct gradient_tree *tree)
{
    return tree->buffers[0];
}
