#include "comm/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int64_t counts[] = {
    0, 1, 65535, 65536, 65537, 10 * 65536 - 1, 124439808, INT64_C(405000000000) + 17,
};
enum { COUNTS = sizeof counts / sizeof *counts };

static void parts_cover_every_element_once_in_order(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNTS; c++)
        for (int size = 1; size <= 40; size++) {
            const struct slicing slicing = slicing_of(counts[c], size);
            int64_t covered = 0;
            for (int64_t round = 0; round < slicing.rounds; round++)
                for (int rank = 0; rank < size; rank++) {
                    struct slice part = slicing_part(&slicing, rank, round);
                    assert_int_equal(part.begin, covered);
                    assert_true(part.end >= part.begin);
                    covered = part.end;
                }
            assert_int_equal(covered, counts[c]);
        }
}

static void parts_begin_at_whole_blocks(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNTS; c++)
        assert_int_equal(slicing_of(counts[c], 7).part % SLICE_BLOCK, 0);
}

static void slices_differ_by_at_most_one_part(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNTS; c++) {
        const struct slicing slicing = slicing_of(counts[c], 13);
        for (int rank = 1; rank < 13; rank++)
            assert_in_range(slicing_length(&slicing, 0) - slicing_length(&slicing, rank), 0,
                            slicing.part);
    }
}

/* So a rank of 4 holds a quarter of the moments, to 2 %. */
static void a_long_vector_has_64_to_128_rounds(void **state)
{
    (void)state;
    for (int size = 1; size <= 1000; size += 37)
        for (int64_t count = SLICE_BLOCK * SLICE_ROUNDS * size; count < INT64_C(1) << 40;
             count = count * 3 / 2 + 12345)
            assert_in_range(slicing_of(count, size).rounds, 64, 128);
}

static void a_short_vector_goes_round_block_by_block(void **state)
{
    (void)state;
    const struct slicing slicing = slicing_of(9 * SLICE_BLOCK + 5, 3);
    assert_int_equal(slicing.part, SLICE_BLOCK);
    assert_int_equal(slicing.rounds, 4);
    assert_int_equal(slicing_part(&slicing, 1, 1).begin, 4 * SLICE_BLOCK);
    assert_int_equal(slicing_length(&slicing, 0), 3 * SLICE_BLOCK + 5);
    assert_int_equal(slicing_length(&slicing, 2), 3 * SLICE_BLOCK);
}

static void an_element_has_one_owner_and_one_place(void **state)
{
    (void)state;
    const struct slicing slicing = slicing_of(500 * SLICE_BLOCK + 77, 3);
    for (int rank = 0; rank < 3; rank++) {
        int64_t place = 0;
        for (int64_t round = 0; round < slicing.rounds; round++) {
            const struct slice part = slicing_part(&slicing, rank, round);
            for (int64_t i = part.begin; i < part.end; i += 4099) {
                assert_int_equal(slicing_owner(&slicing, i), rank);
                assert_int_equal(slicing_place(&slicing, i), place + i - part.begin);
            }
            place += part.end - part.begin;
        }
        assert_int_equal(place, slicing_length(&slicing, rank));
    }
}

static void ranks_beyond_the_blocks_own_nothing(void **state)
{
    (void)state;
    const struct slicing slicing = slicing_of(100, 5);
    for (int rank = 1; rank < 5; rank++)
        assert_int_equal(slicing_length(&slicing, rank), 0);
    assert_int_equal(slicing_of(0, 5).rounds, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_cover_every_element_once_in_order),
        cmocka_unit_test(parts_begin_at_whole_blocks),
        cmocka_unit_test(slices_differ_by_at_most_one_part),
        cmocka_unit_test(a_long_vector_has_64_to_128_rounds),
        cmocka_unit_test(a_short_vector_goes_round_block_by_block),
        cmocka_unit_test(an_element_has_one_owner_and_one_place),
        cmocka_unit_test(ranks_beyond_the_blocks_own_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
