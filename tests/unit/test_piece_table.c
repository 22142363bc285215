#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "shards/tokenizer/piece_table.h"

static int check_memory(void **state)
{
    (void)state;
    return memory_live_blocks() == 0 ? 0 : -1;
}

static void add(struct piece_table *table, const char *bytes, size_t length, int64_t count)
{
    piece_table_add(table, piece_hash(bytes, length), bytes, length, count);
}

static int64_t count_of(const struct piece_table *table, const char *bytes, size_t length)
{
    struct piece piece;
    int64_t count = 0;
    for (size_t place = 0; place < table->used;) {
        place = piece_table_piece(table, place, &piece);
        if (piece.length == length && memcmp(piece.bytes, bytes, length) == 0)
            count += piece.count;
    }
    return count;
}

static void strings_of_every_length_are_told_apart(void **state)
{
    (void)state;
    enum { LONGEST = 70 };
    char text[LONGEST] = { 0 };
    struct piece_table table;
    piece_table_init(&table, 4, 0);
    for (int round = 1; round <= 2; round++)
        for (size_t length = 1; length <= LONGEST; length++) {
            add(&table, text, length, 1);
            text[length - 1] = 1; /* differs from the zeros in its last byte alone */
            add(&table, text, length, 10);
            text[length - 1] = 0;
        }
    assert_int_equal(table.count, 2 * LONGEST);
    for (size_t length = 1; length <= LONGEST; length++)
        assert_int_equal(count_of(&table, text, length), 2);
    piece_table_release(&table);
}

static void it_grows_and_keeps_every_count(void **state)
{
    (void)state;
    enum { PIECES = 5000 };
    struct piece_table table;
    piece_table_init(&table, 4, 6);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < PIECES; i++) {
            char name[16];
            add(&table, name, (size_t)snprintf(name, sizeof name, "%d", i), i);
        }
    assert_int_equal(table.count, PIECES);
    assert_true((1 << table.bits) >= PIECES);

    struct piece piece;
    int64_t expected = 0, seen = 0;
    for (size_t place = 0; place < table.used; expected++, seen++) {
        char name[16];
        int length = snprintf(name, sizeof name, "%d", (int)expected);
        place = piece_table_piece(&table, place, &piece); /* in the order of arrival */
        assert_int_equal(piece.length, length);
        assert_memory_equal(piece.bytes, name, length);
        assert_int_equal(piece.count, 3 * expected);
    }
    assert_int_equal(seen, PIECES);
    piece_table_release(&table);
}

static void counts_go_beyond_32_bits(void **state)
{
    (void)state;
    struct piece_table table;
    piece_table_init(&table, 4, 0);
    for (int i = 0; i < 3; i++)
        add(&table, "the", 3, INT64_C(3000000000));
    assert_int_equal(count_of(&table, "the", 3), INT64_C(9000000000));
    piece_table_release(&table);
}

static void after_a_reset_it_is_empty(void **state)
{
    (void)state;
    struct piece_table table;
    piece_table_init(&table, 4, 0);
    add(&table, "the", 3, 7);
    piece_table_reset(&table);
    assert_int_equal(table.count, 0);
    assert_int_equal(table.used, 0);
    add(&table, "the", 3, 1);
    assert_int_equal(count_of(&table, "the", 3), 1);
    piece_table_release(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_of_every_length_are_told_apart),
        cmocka_unit_test(it_grows_and_keeps_every_count),
        cmocka_unit_test(counts_go_beyond_32_bits),
        cmocka_unit_test(after_a_reset_it_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, check_memory);
}
