#include "comm/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int64_t counts[] = {
    0, 1, 65535, 65536, 65537, 10 * 65536 - 1, 124439808, INT64_C(405000000000) + 17,
};

static void slices_cover_every_element_once_in_order(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (int size = 1; size <= 40; size++) {
            int64_t covered = 0;
            for (int rank = 0; rank < size; rank++) {
                struct slice slice = slice_of_rank(counts[c], rank, size);
                assert_int_equal(slice.begin, covered);
                assert_true(slice.end >= slice.begin);
                covered = slice.end;
            }
            assert_int_equal(covered, counts[c]);
        }
}

static void slices_are_cut_at_whole_blocks(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (int rank = 0; rank < 7; rank++) {
            int64_t begin = slice_of_rank(counts[c], rank, 7).begin;
            assert_true(begin % SLICE_BLOCK == 0 || begin == counts[c]);
        }
}

static void slices_differ_by_at_most_one_block(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        struct slice first = slice_of_rank(counts[c], 0, 13);
        for (int rank = 1; rank < 13; rank++) {
            struct slice slice = slice_of_rank(counts[c], rank, 13);
            int64_t fewer = slice_block_count(first.end - first.begin) -
                            slice_block_count(slice.end - slice.begin);
            assert_in_range(fewer, 0, 1);
        }
    }
}

static void the_picture_of_the_header_holds(void **state)
{
    (void)state;
    const int64_t count = 9 * SLICE_BLOCK + 5;
    assert_int_equal(slice_block_count(count), 10);
    assert_int_equal(slice_of_rank(count, 0, 3).end, 4 * SLICE_BLOCK);
    assert_int_equal(slice_of_rank(count, 1, 3).end, 7 * SLICE_BLOCK);
    assert_int_equal(slice_of_rank(count, 2, 3).end, count);
}

static void ranks_beyond_the_blocks_own_nothing(void **state)
{
    (void)state;
    for (int rank = 1; rank < 5; rank++) {
        struct slice slice = slice_of_rank(100, rank, 5);
        assert_int_equal(slice.begin, 100);
        assert_int_equal(slice.end, 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_cover_every_element_once_in_order),
        cmocka_unit_test(slices_are_cut_at_whole_blocks),
        cmocka_unit_test(slices_differ_by_at_most_one_block),
        cmocka_unit_test(the_picture_of_the_header_holds),
        cmocka_unit_test(ranks_beyond_the_blocks_own_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
