/* The measured ceilings: that they are above what products reach is seen in `eon bench kernels`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "trainer/kernels/ceiling.h"

static void every_set_tells_operations_in_proportion_to_its_rounds(void **state)
{
    (void)state;
    for (int i = 0; kernel_set_names[i]; i++) {
        struct kernels kernels;
        if (!kernel_set_runs_here(kernel_set_names[i]))
            continue;
        assert_int_equal(kernels_open(&kernels, kernel_set_names[i], 2), STATUS_OK);
        for (int e = 0; e < ELEMENTS; e++) {
            int64_t one = kernels.tiles[e].ceiling(1);
            assert_true(one > 0);
            assert_int_equal(kernels.tiles[e].ceiling(100), 100 * one);
            assert_true(ceiling_flops_per_second(&kernels, (enum element)e) > 1e8);
        }
        kernels_close(&kernels);
    }
}

static void a_copy_reaches_some_bytes_a_second(void **state)
{
    (void)state;
    struct kernels kernels;
    struct ceiling_copy copy;
    assert_int_equal(kernels_open(&kernels, "auto", 2), STATUS_OK);
    ceiling_copy_init(&copy);
    assert_true(ceiling_bytes_per_second(&kernels, &copy) > 1e8);
    assert_memory_equal(copy.from, copy.to, 1 << 20);
    ceiling_copy_release(&copy);
    kernels_close(&kernels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set_tells_operations_in_proportion_to_its_rounds),
        cmocka_unit_test(a_copy_reaches_some_bytes_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
