#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "comm/slice.h"

/* Parts of three elements, so that every element can be looked at; the last part is short. */
static struct slicing small_slicing(int size)
{
    const int64_t count = 50, round = 3 * size;
    return (struct slicing){ count, 3, count / round + (count % round != 0), size };
}

static void a_place_leads_back_to_its_element(void **state)
{
    (void)state;
    for (int size = 1; size < 20; size++) {
        const struct slicing slicing = small_slicing(size);
        for (int64_t i = 0; i < slicing.count; i++)
            assert_int_equal(
                slicing_element(&slicing, slicing_owner(&slicing, i), slicing_place(&slicing, i)),
                i);
    }
}

static void elements_below_are_counted_for_each_rank(void **state)
{
    (void)state;
    for (int size = 1; size < 20; size++) {
        const struct slicing slicing = small_slicing(size);
        for (int rank = 0; rank < size; rank++) {
            int64_t below = 0;
            for (int64_t i = 0; i < slicing.count; i++) {
                assert_int_equal(slicing_below(&slicing, rank, i), below);
                below += slicing_owner(&slicing, i) == rank;
            }
            assert_int_equal(slicing_below(&slicing, rank, slicing.count), below);
            assert_int_equal(slicing_length(&slicing, rank), below);
        }
    }
}

static void a_stretch_ends_where_the_owner_changes(void **state)
{
    (void)state;
    for (int size = 1; size < 20; size++) {
        const struct slicing slicing = small_slicing(size);
        for (int64_t begin = 0; begin < slicing.count; begin++)
            for (int64_t end = begin + 1; end <= slicing.count; end++) {
                int64_t expected = begin + 1;
                while (expected < end &&
                       slicing_owner(&slicing, expected) == slicing_owner(&slicing, begin))
                    expected++;
                const struct slice stretch = slicing_stretch(&slicing, begin, end);
                assert_int_equal(stretch.begin, begin);
                assert_int_equal(stretch.end, expected);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_leads_back_to_its_element),
        cmocka_unit_test(elements_below_are_counted_for_each_rank),
        cmocka_unit_test(a_stretch_ends_where_the_owner_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
