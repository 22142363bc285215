#include "comm/tree_sum.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

enum { LENGTH = 40001, MOST = 96 };

static float value_of(int64_t leaf, int64_t i)
{
    return (float)((leaf * 2654435761u + (uint64_t)i * 40503u) % 16777213) * 0x1p-20f - 8.0f;
}

/* The sum of a node of the tree, as its definition says: of its halves. */
static float sum_of_node(int64_t first, int64_t end, int64_t i)
{
    if (end - first == 1)
        return value_of(first, i);
    int64_t half = 1;
    while (2 * half < end - first)
        half *= 2;
    return sum_of_node(first, first + half, i) + sum_of_node(first + half, end, i);
}

static float *vector_of_node(struct leaf_range node)
{
    float *vector = memory_alloc(LENGTH * sizeof *vector);
    for (int64_t i = 0; i < LENGTH; i++)
        vector[i] = sum_of_node(node.first, node.end, i);
    return vector;
}

/* Terms give the roots that are expected, with the tree's bits. */
static void check_sum(int64_t leaves, const struct leaf_range *terms, int count,
                      const struct leaf_range *expected, int expected_roots,
                      struct thread_pool *pool)
{
    struct tree_sum sum;
    tree_sum_init(&sum, leaves, terms, count);
    assert_int_equal(sum.roots, expected_roots);
    float *vectors[MOST], *roots[MOST];
    for (int i = 0; i < count; i++)
        vectors[i] = vector_of_node(terms[i]);
    for (int i = 0; i < sum.roots; i++)
        roots[i] = memory_alloc(LENGTH * sizeof(float));
    tree_sum_run(&sum, pool, (const float *const *)vectors, roots, LENGTH);
    for (int root = 0; root < sum.roots; root++) {
        assert_int_equal(sum.root_leaves[root].first, expected[root].first);
        assert_int_equal(sum.root_leaves[root].end, expected[root].end);
        float *whole = vector_of_node(expected[root]);
        assert_memory_equal(roots[root], whole, LENGTH * sizeof(float));
        memory_free(whole);
        memory_free(roots[root]);
    }
    for (int i = 0; i < count; i++)
        memory_free(vectors[i]);
    tree_sum_release(&sum);
}

static void siblings_are_added_and_others_stay(void **state)
{
    (void)state;
    static const struct leaf_range terms[] = { { 0, 4 }, { 4, 6 }, { 6, 7 }, { 8, 9 } };
    static const struct leaf_range with_gap[] = { { 0, 4 }, { 4, 6 }, { 6, 7 }, { 8, 9 } };
    check_sum(9, terms, 4, with_gap, 4, NULL); /* [6,8) is not whole */
    static const struct leaf_range seven[] = { { 0, 7 } };
    check_sum(7, terms, 3, seven, 1, NULL);
    static const struct leaf_range apart[] = { { 0, 1 }, { 1, 2 }, { 4, 5 }, { 5, 6 } };
    static const struct leaf_range pairs[] = { { 0, 2 }, { 4, 6 } };
    check_sum(8, apart, 4, pairs, 2, NULL);
}

static void all_leaves_give_one_root_at_every_number_of_them(void **state)
{
    (void)state;
    struct leaf_range terms[MOST];
    for (int leaves = 1; leaves <= 67; leaves += leaves < 20 ? 1 : 47) {
        for (int i = 0; i < leaves; i++)
            terms[i] = (struct leaf_range){ i, i + 1 };
        const struct leaf_range whole = { 0, leaves };
        check_sum(leaves, terms, leaves, &whole, 1, NULL);
    }
}

static void threads_do_not_change_the_bits(void **state)
{
    (void)state;
    struct thread_pool *pool = thread_pool_create(3);
    static const struct leaf_range terms[] = { { 0, 2 }, { 2, 3 }, { 3, 4 }, { 4, 5 } };
    const struct leaf_range whole = { 0, 5 };
    check_sum(5, terms, 4, &whole, 1, pool);
    thread_pool_free(pool);
}

static void a_root_may_take_its_own_terms_place(void **state)
{
    (void)state;
    static const struct leaf_range terms[] = { { 0, 1 }, { 1, 2 }, { 2, 3 } };
    struct tree_sum sum;
    tree_sum_init(&sum, 3, terms, 3);
    float *vectors[3];
    for (int place = 0; place < 3; place++) {
        for (int i = 0; i < 3; i++)
            vectors[i] = vector_of_node(terms[i]);
        float *root = vectors[place], *whole = vector_of_node((struct leaf_range){ 0, 3 });
        tree_sum_run(&sum, NULL, (const float *const *)vectors, &root, LENGTH);
        assert_memory_equal(root, whole, LENGTH * sizeof(float));
        memory_free(whole);
        for (int i = 0; i < 3; i++)
            memory_free(vectors[i]);
    }
    tree_sum_release(&sum);
}

static void a_long_root_written_past_the_caches_has_the_same_bits(void **state)
{
    (void)state;
    enum { LONG = (1 << 20) + 7 };
    static const struct leaf_range terms[] = { { 0, 1 }, { 1, 2 } };
    struct tree_sum sum;
    tree_sum_init(&sum, 2, terms, 2);
    float *left = memory_alloc(LONG * sizeof *left), *right = memory_alloc(LONG * sizeof *right);
    float *root = memory_alloc(LONG * sizeof *root), *short_root = memory_alloc(4096);
    for (int64_t i = 0; i < LONG; i++) {
        left[i] = i % 1000 == 3 ? -NAN : value_of(0, i);
        right[i] = i % 1000 == 5 ? INFINITY : value_of(1, i);
    }
    const float *whole[] = { left, right };
    tree_sum_run(&sum, NULL, whole, &root, LONG);
    for (int64_t at = 0; at + 1024 <= LONG; at += 1024) {
        const float *part[] = { left + at, right + at };
        tree_sum_run(&sum, NULL, part, &short_root, 1024);
        assert_memory_equal(root + at, short_root, 4096);
    }
    memory_free(left);
    memory_free(right);
    memory_free(root);
    memory_free(short_root);
    tree_sum_release(&sum);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(siblings_are_added_and_others_stay),
        cmocka_unit_test(all_leaves_give_one_root_at_every_number_of_them),
        cmocka_unit_test(threads_do_not_change_the_bits),
        cmocka_unit_test(a_root_may_take_its_own_terms_place),
        cmocka_unit_test(a_long_root_written_past_the_caches_has_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
