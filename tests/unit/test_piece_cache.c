#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "shards/tokenizer/piece_cache.h"

static struct piece_cache cache;

static int open_cache(void **state)
{
    (void)state;
    piece_cache_init(&cache);
    return 0;
}

static int close_cache(void **state)
{
    (void)state;
    piece_cache_release(&cache);
    return memory_live_blocks() == 0 ? 0 : -1;
}

/* The first id under which the piece is kept, or -1. */
static int32_t found(struct piece_set *set, struct piece_key key)
{
    const struct cached_piece *piece = piece_set_find(set, key);
    return piece ? piece->ids[0] : -1;
}

static void a_key_is_the_piece_alone_wherever_it_lies(void **state)
{
    (void)state;
    const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    for (size_t length = 1; length <= PIECE_CACHE_BYTES; length++) {
        char alone[PIECE_CACHE_BYTES], other[2 * PIECE_CACHE_BYTES];
        memcpy(alone, text, length);
        memset(other, 'x', sizeof other);
        memcpy(other, text, length);
        struct piece_key at_end = piece_key_of(alone, length, length);
        struct piece_key within = piece_key_of(text, length, sizeof text);
        struct piece_key elsewhere = piece_key_of(other, length, sizeof other);
        assert_memory_equal(at_end.words, within.words, sizeof at_end.words);
        assert_memory_equal(at_end.words, elsewhere.words, sizeof at_end.words);
    }
}

static void zeros_are_told_apart_by_their_number(void **state)
{
    (void)state;
    static const char zeros[2 * PIECE_CACHE_BYTES];
    struct piece_set set = { 0 };
    for (size_t length = 1; length <= PIECE_CACHE_BYTES; length++)
        assert_int_equal(found(&set, piece_key_of(zeros, length, sizeof zeros)), -1);
    piece_set_add(&set, piece_key_of(zeros, 3, sizeof zeros), &(int32_t){ 7 }, 1);
    for (size_t length = 1; length <= PIECE_CACHE_BYTES; length++)
        assert_int_equal(found(&set, piece_key_of(zeros, length, sizeof zeros)),
                         length == 3 ? 7 : -1);
}

static void what_is_kept_is_found_with_its_ids(void **state)
{
    (void)state;
    const int32_t ids[] = { 5, 0, 50256 };
    struct piece_key key = piece_key_of("words", 5, 5);
    struct piece_set *set = piece_cache_set(&cache, key);
    piece_set_add(set, key, ids, 3);
    const struct cached_piece *piece = piece_set_find(set, key);
    assert_non_null(piece);
    assert_int_equal(piece->count, 3);
    assert_memory_equal(piece->ids, ids, sizeof ids);
}

static void what_occurs_once_does_not_drive_out_what_occurs_often(void **state)
{
    (void)state;
    struct piece_set set = { 0 };
    piece_set_add(&set, piece_key_of("first", 5, 5), &(int32_t){ 1 }, 1);
    piece_set_add(&set, piece_key_of("often", 5, 5), &(int32_t){ 2 }, 1);
    assert_int_equal(found(&set, piece_key_of("often", 5, 5)), 2);
    for (char c = 'a'; c <= 'z'; c++) {
        piece_set_add(&set, piece_key_of(&c, 1, 1), &(int32_t){ c }, 1);
        assert_int_equal(found(&set, piece_key_of("often", 5, 5)), 2);
    }
    assert_int_equal(found(&set, piece_key_of("first", 5, 5)), -1);
    assert_int_equal(found(&set, piece_key_of("z", 1, 1)), 'z');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_the_piece_alone_wherever_it_lies),
        cmocka_unit_test(zeros_are_told_apart_by_their_number),
        cmocka_unit_test(what_is_kept_is_found_with_its_ids),
        cmocka_unit_test(what_occurs_once_does_not_drive_out_what_occurs_often),
    };
    return cmocka_run_group_tests(tests, open_cache, close_cache);
}
