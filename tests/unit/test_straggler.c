#include "comm/straggler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SIZE = 4 };

/* Ranks that compute `leaves` of one second each in a step, and wait for the longest. */
static void compute(struct straggler_record *records, int size, const int64_t *leaves,
                    const double *leaf_s)
{
    double longest = 0.0;
    for (int rank = 0; rank < size; rank++) {
        records[rank] = (struct straggler_record){ .leaves = leaves[rank] };
        records[rank].computing_s = (double)leaves[rank] * leaf_s[rank];
        longest = records[rank].computing_s > longest ? records[rank].computing_s : longest;
    }
    for (int rank = 0; rank < size; rank++) {
        records[rank].seconds = STRAGGLER_STEPS * longest;
        records[rank].waiting_s = STRAGGLER_STEPS * (longest - records[rank].computing_s);
    }
}

static void a_rank_twice_as_slow_is_named_with_its_share(void **state)
{
    (void)state;
    struct straggler_record records[SIZE];
    for (int slow = 0; slow < SIZE; slow++) {
        double leaf_s[SIZE] = { 1, 1, 1, 1 };
        leaf_s[slow] = 2;
        compute(records, SIZE, (int64_t[]){ 2, 2, 2, 2 }, leaf_s);
        struct straggler_verdict verdict = straggler_judge(records, SIZE);
        assert_int_equal(verdict.rank, slow);
        assert_true(verdict.ratio == 2.0 && verdict.waiting_share == 0.5);
    }
}

static void of_two_ranks_the_slower_is_named(void **state)
{
    (void)state;
    struct straggler_record records[2];
    compute(records, 2, (int64_t[]){ 4, 4 }, (double[]){ 1, 2 });
    assert_int_equal(straggler_judge(records, 2).rank, 1);
}

static void equal_ranks_and_ordinary_noise_name_nobody(void **state)
{
    (void)state;
    struct straggler_record records[SIZE];
    compute(records, SIZE, (int64_t[]){ 2, 2, 2, 2 }, (double[]){ 1, 1, 1, 1 });
    assert_int_equal(straggler_judge(records, SIZE).rank, -1);
    compute(records, SIZE, (int64_t[]){ 2, 2, 2, 2 }, (double[]){ 1, 1.3, 0.9, 1.1 });
    assert_int_equal(straggler_judge(records, SIZE).rank, -1);
}

static void more_leaves_are_no_slowness(void **state)
{
    (void)state;
    struct straggler_record records[SIZE];
    compute(records, SIZE, (int64_t[]){ 1, 1, 1, 2 }, (double[]){ 1, 1, 1, 1 });
    assert_int_equal(straggler_judge(records, SIZE).rank, -1);
    compute(records, SIZE, (int64_t[]){ 0, 0, 1, 1 }, (double[]){ 1, 1, 1, 1 });
    assert_int_equal(straggler_judge(records, SIZE).rank, -1);
    compute(records, SIZE, (int64_t[]){ 0, 1, 1, 1 }, (double[]){ 1, 1, 1, 2 });
    assert_int_equal(straggler_judge(records, SIZE).rank, 3);
}

static void a_slow_rank_that_costs_nothing_is_not_named(void **state)
{
    (void)state;
    struct straggler_record records[SIZE];
    compute(records, SIZE, (int64_t[]){ 2, 2, 2, 2 }, (double[]){ 1, 1, 2, 1 });
    for (int rank = 0; rank < SIZE; rank++)
        records[rank].seconds *= 10; /* the reduction takes the most of a step */
    assert_int_equal(straggler_judge(records, SIZE).rank, -1);
    compute(records, SIZE, (int64_t[]){ 2, 2, 2, 2 }, (double[]){ 1e-3, 1e-3, 2e-3, 1e-3 });
    assert_int_equal(straggler_judge(records, SIZE).rank, -1);
}

static void a_world_that_computes_nothing_names_nobody(void **state)
{
    (void)state;
    struct straggler_record records[SIZE] = { { 0 } };
    assert_int_equal(straggler_judge(records, SIZE).rank, -1);
    records[2].leaves = 1;
    assert_int_equal(straggler_judge(records, SIZE).rank, -1);
    assert_int_equal(straggler_judge(records, 0).rank, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rank_twice_as_slow_is_named_with_its_share),
        cmocka_unit_test(of_two_ranks_the_slower_is_named),
        cmocka_unit_test(equal_ranks_and_ordinary_noise_name_nobody),
        cmocka_unit_test(more_leaves_are_no_slowness),
        cmocka_unit_test(a_slow_rank_that_costs_nothing_is_not_named),
        cmocka_unit_test(a_world_that_computes_nothing_names_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
