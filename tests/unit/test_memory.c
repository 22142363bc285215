#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/strbuf.h"

static void blocks_are_counted(void **state)
{
    int64_t before = memory_live_blocks();
    (void)state;
    void *a = memory_alloc(0), *b = memory_alloc_zeroed(3, 5);
    char *c = memory_copy_string("text");
    assert_non_null(a);
    assert_int_equal(memory_live_blocks(), before + 3);
    c = memory_realloc(c, 1000);
    assert_string_equal(c, "text");
    void *d = memory_realloc(NULL, 8);
    assert_int_equal(memory_live_blocks(), before + 4);
    memory_free(a), memory_free(b), memory_free(c), memory_free(d), memory_free(NULL);
    assert_int_equal(memory_live_blocks(), before);
}

static void an_arena_hands_out_zeroed_aligned_pieces(void **state)
{
    struct arena arena;
    (void)state;
    size_t capacity = arena_rounded(1) + arena_rounded(64) + arena_rounded(65) + arena_rounded(0);
    assert_int_equal(capacity, 64 + 64 + 128);
    arena_init(&arena, capacity);
    unsigned char *before = NULL;
    static const size_t sizes[] = { 1, 64, 65, 0 };
    for (int i = 0; i < 4; i++) {
        unsigned char *piece = arena_take(&arena, sizes[i]);
        assert_int_equal((uintptr_t)piece % 64, 0);
        assert_true(piece > before);
        for (size_t at = 0; at < sizes[i]; at++)
            assert_int_equal(piece[at], 0);
        memset(piece, 0xff, sizes[i]);
        before = piece;
    }
    arena_release(&arena);
    assert_null(arena.base);
    arena_release(&arena);
    arena_init(&arena, 0);
    arena_release(&arena);
    assert_int_equal(memory_live_blocks(), 0);
}

enum { MIB = 1 << 20 };

/* Of the pages of [begin, begin + bytes), how many take memory. */
static size_t resident_pages(unsigned char *begin, size_t bytes)
{
    unsigned char resident[4096];
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t count = 0;
    assert_true(bytes / page <= sizeof resident);
    assert_int_equal(mincore(begin, bytes, resident), 0);
    for (size_t i = 0; i < bytes / page; i++)
        count += resident[i] & 1;
    return count;
}

static void pages_move_with_what_they_hold_and_leave_no_memory_behind(void **state)
{
    struct arena left, right;
    (void)state;
    arena_init(&left, 12 * MIB);
    arena_init(&right, 12 * MIB);
    memset(left.base, 7, 12 * MIB);
    memset(right.base, 5, 6 * MIB);
    assert_true(arena_move_pages(left.base + 4 * MIB, right.base + 2 * MIB, 6 * MIB));
    assert_int_equal(resident_pages(left.base + 4 * MIB, 6 * MIB), 0);
    for (size_t at = 0; at < 8 * MIB; at++)
        assert_int_equal(right.base[at], at < 2 * MIB ? 5 : 7);
    assert_true(arena_move_pages(right.base + 2 * MIB, left.base + 4 * MIB, 6 * MIB));
    assert_int_equal(resident_pages(right.base + 2 * MIB, 6 * MIB), 0);
    for (size_t at = 0; at < 12 * MIB; at++)
        assert_int_equal(left.base[at], 7);
    assert_int_equal(right.base[3 * MIB], 0);
    arena_release(&left);
    arena_release(&right);
}

static int exit_status_of(void (*body)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        body();
        _exit(99);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void take_too_much(void)
{
    struct arena arena;
    arena_init(&arena, 128);
    arena_take(&arena, 64);
    arena_take(&arena, 65);
}

static void take_a_negative_size(void)
{
    struct arena arena;
    arena_init(&arena, 128);
    arena_take(&arena, (size_t)-1);
}

static void overflow_a_product(void)
{
    memory_alloc_zeroed(SIZE_MAX / 2, 3);
}

static void map_more_than_there_is(void)
{
    struct arena arena;
    arena_init(&arena, (size_t)1 << 60);
}

static void what_cannot_be_allocated_is_fatal(void **state)
{
    (void)state;
    assert_int_equal(exit_status_of(take_too_much), 1);
    assert_int_equal(exit_status_of(take_a_negative_size), 1);
    assert_int_equal(exit_status_of(overflow_a_product), 1);
    assert_int_equal(exit_status_of(map_more_than_there_is), 1);
}

static void a_strbuf_grows_and_stays_terminated(void **state)
{
    struct strbuf buffer = STRBUF_INIT;
    (void)state;
    assert_string_equal(buffer.bytes, "");
    strbuf_reset(&buffer);
    for (int i = 0; i < 1000; i++) {
        strbuf_add_char(&buffer, (char)('a' + i % 26));
        assert_int_equal(buffer.bytes[buffer.length], 0);
    }
    strbuf_reset(&buffer);
    strbuf_add(&buffer, "a\0b", 3);
    assert_int_equal(buffer.length, 3);
    assert_memory_equal(buffer.bytes, "a\0b", 4);
    strbuf_reset(&buffer);
    strbuf_addf(&buffer, "%s-%0*d", "x", 5000, 7); /* longer than its memory */
    assert_int_equal(buffer.length, 5002);
    assert_int_equal(buffer.bytes[5001], '7');
    strbuf_release(&buffer);
    strbuf_release(&buffer);
    assert_int_equal(memory_live_blocks(), 0);
}

static void assert_number(double value, const char *expected)
{
    struct strbuf buffer = STRBUF_INIT;
    strbuf_add_number(&buffer, value);
    assert_string_equal(buffer.bytes, expected);
    strbuf_release(&buffer);
}

static void numbers_are_the_shortest_that_read_back(void **state)
{
    (void)state;
    assert_number(0.1, "0.1");
    assert_number(1, "1");
    assert_number(-0.0, "-0");
    assert_number(1e-5, "1e-05");
    assert_number(1.0 / 3, "0.3333333333333333");
    assert_number(0.1 + 0.2, "0.30000000000000004");
    assert_number(5e-324, "4.94065645841247e-324");
}

static void paths_are_joined_by_one_slash(void **state)
{
    static const char *const rows[][3] = {
        { "a", "b", "a/b" }, { "a/", "b", "a/b" }, { "/", "b", "/b" },
        { "", "b", "b" },    { "", "", "" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *path = path_join(rows[i][0], rows[i][1]);
        assert_string_equal(path, rows[i][2]);
        memory_free(path);
    }
    assert_int_equal(memory_live_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_counted),
        cmocka_unit_test(an_arena_hands_out_zeroed_aligned_pieces),
        cmocka_unit_test(pages_move_with_what_they_hold_and_leave_no_memory_behind),
        cmocka_unit_test(what_cannot_be_allocated_is_fatal),
        cmocka_unit_test(a_strbuf_grows_and_stays_terminated),
        cmocka_unit_test(numbers_are_the_shortest_that_read_back),
        cmocka_unit_test(paths_are_joined_by_one_slash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
