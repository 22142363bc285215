#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "base/philox.h"
#include "shards/tokenizer/piece_feed.h"
#include "shards/tokenizer/text_splitter.h"

enum { LONGEST = 1024 };

static int check_memory(void **state)
{
    (void)state;
    return memory_live_blocks() == 0 ? 0 : -1;
}

/* Words, numbers, spaces and line ends, and a few bytes that are not UTF-8. */
static void add_text(struct strbuf *text, uint64_t seed, size_t length)
{
    static const char alphabet[] = "abcde fghi jklm  no\n12 .\xc3\xa9\xff's";
    struct philox_key key = philox_key(seed, RANDOM_TEST);
    for (uint64_t i = 0; i < length; i += 8) {
        uint64_t draw = philox_u64(key, i, 0);
        for (size_t end = length - i < 8 ? length - i : 8; end > 0; end--, draw >>= 8)
            strbuf_add_char(text, alphabet[draw % (sizeof alphabet - 1)]);
    }
}

/* All counts as one number that does not depend on their order. */
static uint64_t sum_of(struct piece_counter *counter, int64_t *pieces)
{
    uint64_t sum = 0;
    struct piece piece;
    *pieces = 0;
    piece_counter_gather(counter);
    for (int part = 0; part < PIECE_COUNTER_PARTS; part++) {
        const struct piece_table *table = piece_counter_part(counter, part);
        *pieces += table->count;
        for (size_t place = 0; place < table->used;) {
            place = piece_table_piece(table, place, &piece);
            uint64_t hash = piece_hash(piece.bytes, piece.length) + 1;
            sum += hash * hash * (uint64_t)piece.count;
        }
    }
    return sum;
}

static void a_cut_leaves_the_pieces_as_they_are(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    add_text(&text, 1, 20000);
    struct text_splitter *whole = text_splitter_create(SPLITTING_GPT2),
                         *parts = text_splitter_create(SPLITTING_GPT2);
    for (size_t step = 1; step < 3000; step = 2 * step + 1) {
        text_splitter_begin(whole, text.bytes, text.length);
        for (size_t begin = 0, end; begin < text.length; begin = end) {
            const char *piece, *expected;
            size_t length, expected_length;
            end = piece_counter_cut(text.bytes, begin + step, text.length);
            text_splitter_begin(parts, text.bytes + begin, end - begin);
            while (text_splitter_next(parts, &piece, &length)) {
                assert_true(text_splitter_next(whole, &expected, &expected_length));
                assert_ptr_equal(piece, expected);
                assert_int_equal(length, expected_length);
            }
        }
        const char *piece;
        size_t length;
        assert_false(text_splitter_next(whole, &piece, &length));
    }
    text_splitter_free(whole);
    text_splitter_free(parts);
    strbuf_release(&text);
}

static void a_text_without_a_place_to_cut_stays_whole(void **state)
{
    (void)state;
    assert_int_equal(piece_counter_cut("", 0, 0), 0);
    assert_int_equal(piece_counter_cut("a", 0, 1), 1);
    assert_int_equal(piece_counter_cut("a  b 1 c", 0, 8), 8);
    assert_int_equal(piece_counter_cut("ab cd", 0, 5), 2);
    assert_int_equal(piece_counter_cut("ab cd", 3, 5), 5);
}

/* ---- texts from a source ---- */

struct shelf {
    const size_t *lengths;
    size_t count, next, fails_at;
};

static enum status take_text(void *context, struct strbuf *text, bool *found)
{
    struct shelf *shelf = context;
    if (shelf->next == shelf->fails_at)
        return bad_input("text %zu is damaged", shelf->next);
    strbuf_reset(text);
    *found = shelf->next < shelf->count;
    if (*found) {
        add_text(text, shelf->next, shelf->lengths[shelf->next]);
        shelf->next++;
    }
    return STATUS_OK;
}

/* Some shorter than a block, some longer than a batch. */
static const size_t lengths[] = { 0, 1, 100, 1000000, 50, 0, 8000000, 200000, 300000, 70000 };
enum { TEXTS = sizeof lengths / sizeof *lengths };

static uint64_t feed_all(int threads, int64_t *pieces)
{
    struct shelf shelf = { .lengths = lengths, .count = TEXTS, .fails_at = SIZE_MAX };
    struct piece_counter *counter = piece_counter_create(threads, SPLITTING_GPT2);
    struct piece_feed *feed = piece_feed_create(counter, threads, LONGEST, take_text, &shelf);
    int64_t bytes = 0;
    for (size_t i = 0; i < TEXTS; i++)
        bytes += (int64_t)lengths[i];
    for (bool more = true; more;)
        assert_int_equal(piece_feed_step(feed, &more), STATUS_OK);
    assert_int_equal(piece_feed_texts(feed), TEXTS);
    assert_int_equal(piece_feed_bytes(feed), bytes);
    uint64_t sum = sum_of(counter, pieces);
    piece_feed_free(feed);
    piece_counter_free(counter);
    return sum;
}

static void counts_do_not_depend_on_threads_or_blocks(void **state)
{
    (void)state;
    int64_t expected_pieces, pieces;
    struct piece_counter *plain = piece_counter_create(1, SPLITTING_GPT2);
    for (size_t i = TEXTS; i-- > 0;) {
        struct strbuf text = STRBUF_INIT;
        add_text(&text, i, lengths[i]);
        piece_counter_add(plain, 0, text.bytes, text.length, LONGEST);
        strbuf_release(&text);
    }
    uint64_t expected = sum_of(plain, &expected_pieces);
    piece_counter_free(plain);
    assert_true(expected_pieces > 50000); /* the near tables were emptied many times */
    for (int threads = 1; threads <= 4; threads += 3) {
        assert_true(feed_all(threads, &pieces) == expected);
        assert_int_equal(pieces, expected_pieces);
    }
}

static void a_source_that_fails_ends_the_feed_with_its_message(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        struct shelf shelf = { .lengths = lengths, .count = TEXTS, .fails_at = 7 };
        struct piece_counter *counter = piece_counter_create(threads, SPLITTING_GPT2);
        struct piece_feed *feed = piece_feed_create(counter, threads, LONGEST, take_text, &shelf);
        enum status status = STATUS_OK;
        for (bool more = true; more && status == STATUS_OK;)
            status = piece_feed_step(feed, &more);
        assert_int_equal(status, STATUS_BAD_INPUT);
        assert_string_equal(status_message(), "text 7 is damaged");
        piece_feed_free(feed);
        piece_counter_free(counter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_leaves_the_pieces_as_they_are),
        cmocka_unit_test(a_text_without_a_place_to_cut_stays_whole),
        cmocka_unit_test(counts_do_not_depend_on_threads_or_blocks),
        cmocka_unit_test(a_source_that_fails_ends_the_feed_with_its_message),
    };
    return cmocka_run_group_tests(tests, NULL, check_memory);
}
