#include "shards/format/shard_libraries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void versions_are_told(void **state)
{
    (void)state;
    const struct shard_libraries here = shard_libraries_here();
    int major, minor;
    assert_int_equal(sscanf(here.hdf5, "%d.%d", &major, &minor), 2);
    assert_int_equal(sscanf(here.isal, "%d.%d", &major, &minor), 2);
    assert_int_equal(sscanf(here.pcre2, "%d.%d", &major, &minor), 2);
}

static void everything_that_shards_need_is_here(void **state)
{
    (void)state;
    const struct shard_libraries here = shard_libraries_here();
    assert_true(here.deflate && here.shuffle && here.fletcher32);
    assert_true(here.pcre2_knows_unicode);
    assert_true(here.hdf5_matches_headers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_told),
        cmocka_unit_test(everything_that_shards_need_is_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
