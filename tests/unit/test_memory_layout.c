/* Where pieces lie that share memory over time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "trainer/model/memory_layout.h"

static unsigned char memory[1 << 16] __attribute__((aligned(64)));

static void pieces_that_are_never_alive_at_once_share_memory(void **state)
{
    (void)state;
    struct layout layout = { .base = memory };
    unsigned char *kept = layout_take(&layout, 0, 100);
    unsigned char *first = layout_take(&layout, 1, 1000), *second = layout_take(&layout, 2, 2000);
    assert_ptr_equal(kept, memory);
    assert_ptr_equal(first, memory + 128); /* 100 bytes are two lines of a cache */
    assert_ptr_equal(second, first);
    assert_int_equal(layout_bytes(&layout, ~0u), 128 + 2048);
}

static void a_piece_falls_into_the_lowest_gap_that_is_free_while_it_lives(void **state)
{
    (void)state;
    struct layout layout = { .base = memory };
    assert_ptr_equal(layout_take(&layout, 1, 640), memory);
    assert_ptr_equal(layout_take(&layout, 3, 640), memory + 640);
    assert_ptr_equal(layout_take(&layout, 6, 640), memory);
    assert_ptr_equal(layout_take(&layout, 4, 640), memory + 640);
    assert_ptr_equal(layout_take(&layout, 2, 640), memory + 2 * 640);
    assert_int_equal(layout_bytes(&layout, ~0u), 3 * 640);
}

static void pieces_that_are_alive_at_once_never_overlap(void **state)
{
    (void)state;
    struct layout layout = { .base = memory };
    unsigned char *begin[LAYOUT_PIECES];
    size_t bytes[LAYOUT_PIECES];
    unsigned alive[LAYOUT_PIECES];
    for (unsigned i = 0; i < LAYOUT_PIECES; i++) {
        alive[i] = i * 7 % 31 + 1;
        bytes[i] = 64 * (i * 5 % 13 + 1);
        begin[i] = layout_take(&layout, alive[i], bytes[i]);
        for (unsigned j = 0; j < i; j++)
            if (alive[i] & alive[j])
                assert_true(begin[i] + bytes[i] <= begin[j] || begin[j] + bytes[j] <= begin[i]);
        assert_true(begin[i] + bytes[i] <= memory + layout_bytes(&layout, ~0u));
    }
}

static void without_a_base_the_same_bytes_are_told(void **state)
{
    (void)state;
    struct layout layout = { 0 };
    assert_null(layout_take(&layout, 0, 1));
    assert_null(layout_take(&layout, 1, 65));
    assert_null(layout_take(&layout, 2, 1));
    assert_int_equal(layout_bytes(&layout, ~0u), 64 + 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_that_are_never_alive_at_once_share_memory),
        cmocka_unit_test(a_piece_falls_into_the_lowest_gap_that_is_free_while_it_lives),
        cmocka_unit_test(pieces_that_are_alive_at_once_never_overlap),
        cmocka_unit_test(without_a_base_the_same_bytes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
