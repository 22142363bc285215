#include "comm/leaf_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"

static void ranges_cover_every_leaf_once_in_order(void **state)
{
    (void)state;
    for (int64_t leaves = 1; leaves <= 64; leaves++)
        for (int size = 1; size <= 70; size++) {
            int64_t covered = 0;
            for (int rank = 0; rank < size; rank++) {
                struct leaf_range range = leaf_range_of_rank(leaves, rank, size);
                assert_int_equal(range.first, covered);
                assert_in_range(range.end - range.first, leaves / size, leaves / size + 1);
                covered = range.end;
            }
            assert_int_equal(covered, leaves);
        }
}

static void the_picture_of_three_ranks_holds(void **state)
{
    (void)state;
    assert_int_equal(leaf_range_of_rank(8, 0, 3).end, 2);
    assert_int_equal(leaf_range_of_rank(8, 1, 3).end, 5);
    struct leaf_stack pieces = leaf_tree_pieces(8, leaf_range_of_rank(8, 1, 3));
    assert_int_equal(pieces.depth, 2);
    assert_int_equal(pieces.nodes[0].first, 2);
    assert_int_equal(pieces.nodes[0].end, 4);
    assert_int_equal(pieces.nodes[1].first, 4);
    assert_int_equal(pieces.nodes[1].end, 5);
}

/* Writes the order of additions as text: "((0+1)+2)". */
struct expression {
    char text[LEAF_STACK_DEPTH][512];
};

static void push_term(struct leaf_stack *stack, struct expression *sums, struct leaf_range leaves,
                      const char *term)
{
    snprintf(sums->text[stack->depth], sizeof *sums->text, "%s", term);
    leaf_stack_push(stack, leaves);
    while (leaf_stack_merge(stack)) {
        char sum[1100];
        snprintf(sum, sizeof sum, "(%s+%s)", sums->text[stack->depth - 1],
                 sums->text[stack->depth]);
        assert_true(strlen(sum) < sizeof *sums->text);
        memcpy(sums->text[stack->depth - 1], sum, strlen(sum) + 1);
    }
}

/* Each rank adds up its pieces, then the pieces of all are added. */
static void write_sum_over_ranks(int64_t leaves, int size, struct expression *total)
{
    struct leaf_stack all = { .leaves = leaves };
    for (int rank = 0; rank < size; rank++) {
        static struct expression sums;
        struct leaf_stack own = { .leaves = leaves };
        struct leaf_range range = leaf_range_of_rank(leaves, rank, size);
        for (int64_t leaf = range.first; leaf < range.end; leaf++) {
            char name[24];
            snprintf(name, sizeof name, "%ld", (long)leaf);
            push_term(&own, &sums, (struct leaf_range){ leaf, leaf + 1 }, name);
        }
        for (int i = 0; i < own.depth; i++)
            push_term(&all, total, own.nodes[i], sums.text[i]);
    }
    assert_int_equal(all.depth, 1);
}

static void seven_leaves_are_added_as_drawn(void **state)
{
    (void)state;
    static struct expression sum;
    write_sum_over_ranks(7, 1, &sum);
    assert_string_equal(sum.text[0], "(((0+1)+(2+3))+((4+5)+6))");
}

static void every_world_size_adds_in_the_same_order(void **state)
{
    (void)state;
    static struct expression one, many;
    for (int64_t leaves = 1; leaves <= 33; leaves++) {
        write_sum_over_ranks(leaves, 1, &one);
        for (int size = 2; size <= 36; size++) {
            write_sum_over_ranks(leaves, size, &many);
            assert_string_equal(many.text[0], one.text[0]);
        }
    }
}

static void depth_is_what_the_header_promises(void **state)
{
    (void)state;
    for (int k = 0; k < 12; k++) {
        int64_t leaves = (int64_t)1 << k;
        assert_int_equal(leaf_tree_depth(leaves, (struct leaf_range){ 0, leaves }), k + 1);
        for (int64_t first = 0; first < leaves && k < 8; first++)
            for (int64_t end = first; end <= leaves; end++)
                assert_true(leaf_tree_depth(leaves, (struct leaf_range){ first, end }) <=
                            2 * k + 1);
    }
    assert_int_equal(leaf_tree_depth(5, (struct leaf_range){ 2, 2 }), 0);
}

static jmp_buf after_fatal;
static char fatal_text[STATUS_MESSAGE_BYTES];

static void keep_message(const char *message)
{
    snprintf(fatal_text, sizeof fatal_text, "%s", message);
    longjmp(after_fatal, 1);
}

static void a_leaf_out_of_order_is_fatal(void **state)
{
    (void)state;
    static struct leaf_stack stack = { .leaves = 8 };
    fatal_set_hook(keep_message);
    if (setjmp(after_fatal) == 0) {
        leaf_stack_push(&stack, (struct leaf_range){ 0, 1 });
        leaf_stack_push(&stack, (struct leaf_range){ 2, 3 });
        fail_msg("leaf 2 was added after leaf 0");
    }
    fatal_set_hook(NULL);
    assert_non_null(strstr(fatal_text, "leaf 2 was added out of order"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_cover_every_leaf_once_in_order),
        cmocka_unit_test(the_picture_of_three_ranks_holds),
        cmocka_unit_test(seven_leaves_are_added_as_drawn),
        cmocka_unit_test(every_world_size_adds_in_the_same_order),
        cmocka_unit_test(depth_is_what_the_header_promises),
        cmocka_unit_test(a_leaf_out_of_order_is_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
