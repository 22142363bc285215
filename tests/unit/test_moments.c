#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "trainer/optimizer/moments.h"

/* A matrix in one part, in many, in none that is whole; vectors beside them. */
static struct tensor tensors[] = {
    { .name = "first", .cols = 2, .offset = 0, .count = 100 },
    { .name = "long", .cols = 2, .offset = 100, .count = 7 * SLICE_BLOCK + 17 },
    { .name = "short", .offset = 7 * SLICE_BLOCK + 117, .count = 1 },
    { .name = "vector", .offset = 7 * SLICE_BLOCK + 118, .count = 2 * SLICE_BLOCK },
    { .name = "last", .cols = 2, .offset = 9 * SLICE_BLOCK + 118, .count = 5 },
};
enum { TENSORS = sizeof tensors / sizeof tensors[0] };
static const struct tensor_table table = { tensors, TENSORS, 9 * SLICE_BLOCK + 123 };

static bool is_vector(const struct tensor *tensor)
{
    return tensor->cols == 0;
}

static void open_moments(struct moments *moments, int rank, int size)
{
    const struct slicing slicing = slicing_of(table.element_count, size);
    moments_init(moments, &table, &slicing, rank, is_vector);
}

static int64_t share_length(const struct tensor_share *share)
{
    int64_t length = 0;
    for (int64_t i = 0; i < share->range_count; i++)
        length += share->ranges[i].end - share->ranges[i].begin;
    return length;
}

/* Counts up `seen` of the share's elements, and looks for each in the order of its ranges. */
static void look_at_share(const struct moments *moments, int64_t index, unsigned char *seen)
{
    const struct tensor_share *share = &moments->shares[index];
    int64_t place = 0;
    for (int64_t r = 0; r < share->range_count; r++)
        for (int64_t i = share->ranges[r].begin; i < share->ranges[r].end; i++, place++) {
            const int64_t at = tensors[index].offset + i;
            seen[at]++;
            assert_true(moments_first(moments, index, at) == share->first + place);
            assert_true(moments_second(moments, index, at) ==
                        (is_vector(&tensors[index]) ? share->second + place : NULL));
        }
}

static void each_element_is_held_by_one_rank_in_the_order_of_its_ranges(void **state)
{
    (void)state;
    for (int size = 1; size <= 4; size++) {
        unsigned char *seen = memory_alloc_zeroed((size_t)table.element_count, 1);
        for (int rank = 0; rank < size; rank++) {
            struct moments moments;
            open_moments(&moments, rank, size);
            for (int64_t i = 0; i < TENSORS; i++)
                look_at_share(&moments, i, seen);
            moments_release(&moments);
        }
        for (int64_t i = 0; i < table.element_count; i++)
            assert_int_equal(seen[i], 1);
        memory_free(seen);
    }
}

static void tensors_are_adjacent_in_both_moments(void **state)
{
    (void)state;
    for (int rank = 0; rank < 3; rank++) {
        struct moments moments;
        open_moments(&moments, rank, 3);
        const float *first = moments.shares[0].first, *second = moments.shares[2].second;
        for (int64_t i = 0; i < TENSORS; i++) {
            const struct tensor_share *share = &moments.shares[i];
            assert_true(share->first == first);
            first += share_length(share);
            if (!is_vector(&tensors[i])) {
                assert_null(share->second);
                continue;
            }
            assert_true(share->second == second);
            second += share_length(share);
        }
        const int64_t count = first - moments.shares[0].first + (second - moments.shares[2].second);
        assert_int_equal(moments_bytes(&table, &moments.slicing, rank, is_vector),
                         (size_t)count * sizeof(float));
        moments_release(&moments);
    }
}

static void a_rank_alone_holds_whole_tensors(void **state)
{
    (void)state;
    struct moments moments;
    open_moments(&moments, 0, 1);
    for (int64_t i = 0; i < TENSORS; i++) {
        assert_int_equal(moments.shares[i].range_count, 1);
        assert_int_equal(share_length(&moments.shares[i]), tensors[i].count);
    }
    moments_release(&moments);
}

static void a_rank_beyond_the_blocks_holds_nothing(void **state)
{
    (void)state;
    struct moments moments;
    open_moments(&moments, 10, 11);
    for (int64_t i = 0; i < TENSORS; i++)
        assert_int_equal(moments.shares[i].range_count, 0);
    assert_int_equal(moments_bytes(&table, &moments.slicing, 10, is_vector), 0);
    moments_release(&moments);
}

static int no_block_is_left(void **state)
{
    (void)state;
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_element_is_held_by_one_rank_in_the_order_of_its_ranges),
        cmocka_unit_test(tensors_are_adjacent_in_both_moments),
        cmocka_unit_test(a_rank_alone_holds_whole_tensors),
        cmocka_unit_test(a_rank_beyond_the_blocks_holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, no_block_is_left);
}
