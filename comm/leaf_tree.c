#include "comm/leaf_tree.h"

#include "base/status.h"

struct leaf_range leaf_range_of_rank(int64_t leaves, int rank, int size)
{
    /* As floor(leaves * rank / size), without the product's overflow. */
    int64_t each = leaves / size, left_over = leaves % size;
    return (struct leaf_range){
        .first = each * rank + left_over * rank / size,
        .end = each * (rank + 1) + left_over * (rank + 1) / size,
    };
}

void leaf_stack_push(struct leaf_stack *stack, struct leaf_range node)
{
    CHECK(stack->depth < LEAF_STACK_DEPTH, "more than %d sums wait for their siblings",
          LEAF_STACK_DEPTH);
    CHECK(!stack->depth || stack->nodes[stack->depth - 1].end == node.first,
          "leaf %ld was added out of order", (long)node.first);
    stack->nodes[stack->depth++] = node;
}

/* `left` ends before the last leaf, so it is complete: its length is a power of two. */
static bool are_siblings(struct leaf_range left, struct leaf_range right, int64_t leaves)
{
    int64_t span = left.end - left.first;
    int64_t parent_end = leaves - left.first < 2 * span ? leaves : left.first + 2 * span;
    return left.first % (2 * span) == 0 && right.end == parent_end;
}

bool leaf_stack_merge(struct leaf_stack *stack)
{
    if (stack->depth < 2)
        return false;
    struct leaf_range *left = &stack->nodes[stack->depth - 2];
    const struct leaf_range *right = &stack->nodes[stack->depth - 1];
    if (!are_siblings(*left, *right, stack->leaves))
        return false;
    left->end = right->end;
    stack->depth--;
    return true;
}

static struct leaf_stack walk(int64_t leaves, struct leaf_range range, int *depth)
{
    struct leaf_stack stack = { .leaves = leaves };
    *depth = 0;
    for (int64_t leaf = range.first; leaf < range.end; leaf++) {
        leaf_stack_push(&stack, (struct leaf_range){ leaf, leaf + 1 });
        if (*depth < stack.depth)
            *depth = stack.depth;
        while (leaf_stack_merge(&stack))
            continue;
    }
    return stack;
}

struct leaf_stack leaf_tree_pieces(int64_t leaves, struct leaf_range range)
{
    int depth;
    return walk(leaves, range, &depth);
}

int leaf_tree_depth(int64_t leaves, struct leaf_range range)
{
    int depth;
    walk(leaves, range, &depth);
    return depth;
}
