#include "shards/format/chunk_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static void what_is_added_is_found(void **state)
{
    (void)state;
    struct chunk_cache cache = { 0 };
    assert_null(chunk_cache_find(&cache, 0, 0));
    for (int64_t i = 0; i < 1000; i++)
        memset(chunk_cache_add(&cache, i % 7, i / 7, 100)->tokens, (int)i, 100);
    for (int64_t i = 0; i < 1000; i++) {
        const struct cached_chunk *found = chunk_cache_find(&cache, i % 7, i / 7);
        assert_non_null(found);
        assert_int_equal(((unsigned char *)found->tokens)[99], i & 0xff);
    }
    assert_null(chunk_cache_find(&cache, 7, 0));
    chunk_cache_release(&cache);
}

static void the_least_recently_used_make_room(void **state)
{
    (void)state;
    struct chunk_cache cache = { 0 };
    const size_t bytes = CHUNK_CACHE_BYTES / 64;
    for (int64_t i = 0; i < 64; i++)
        chunk_cache_add(&cache, 0, i, bytes);
    assert_non_null(chunk_cache_find(&cache, 0, 0)); /* is the newest now */
    for (int64_t i = 64; i < 80; i++)
        chunk_cache_add(&cache, 0, i, bytes);
    for (int64_t i = 0; i < 80; i++)
        assert_int_equal(chunk_cache_find(&cache, 0, i) != NULL, i == 0 || i > 16);
    assert_true(cache.bytes <= CHUNK_CACHE_BYTES);
    chunk_cache_release(&cache);
}

static void tiny_chunks_are_bounded_in_number(void **state)
{
    (void)state;
    struct chunk_cache cache = { 0 };
    for (int64_t i = 0; i < 3 * CHUNK_CACHE_ENTRIES; i++)
        chunk_cache_add(&cache, 0, i, 2);
    assert_null(chunk_cache_find(&cache, 0, 2 * CHUNK_CACHE_ENTRIES - 1));
    assert_non_null(chunk_cache_find(&cache, 0, 2 * CHUNK_CACHE_ENTRIES));
    chunk_cache_release(&cache);
}

static void the_largest_chunks_that_belong_together_stay(void **state)
{
    (void)state;
    struct chunk_cache cache = { 0 };
    for (int64_t i = 0; i < 100; i++)
        chunk_cache_add(&cache, 0, i, (size_t)1 << 20);
    for (int64_t i = 100 - CHUNK_CACHE_TOGETHER; i < 100; i++)
        assert_non_null(chunk_cache_find(&cache, 0, i));
    chunk_cache_release(&cache);
}

static void what_is_forgotten_is_gone(void **state)
{
    (void)state;
    struct chunk_cache cache = { 0 };
    for (int64_t i = 0; i < 100; i++)
        chunk_cache_add(&cache, i, 0, 64);
    for (int64_t i = 0; i < 100; i += 2)
        chunk_cache_forget(&cache, chunk_cache_find(&cache, i, 0));
    for (int64_t i = 0; i < 100; i++)
        assert_int_equal(chunk_cache_find(&cache, i, 0) != NULL, i % 2);
    assert_int_equal(cache.bytes, 50 * 64);
    chunk_cache_release(&cache);
}

static int nothing_is_held(void **state)
{
    (void)state;
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_found),
        cmocka_unit_test(the_least_recently_used_make_room),
        cmocka_unit_test(tiny_chunks_are_bounded_in_number),
        cmocka_unit_test(the_largest_chunks_that_belong_together_stay),
        cmocka_unit_test(what_is_forgotten_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_is_held);
}
