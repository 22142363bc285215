#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "shards/inputs/input_list.h"
#include "tests/unit/gzip_sample.h"

/* The tests' folder is the current one:
 *
 *   a.txt  b.txt  [c].txt  list  loop -> .  link -> a.txt  nowhere -> x  .hidden
 *   deep/a  deep-er/z  deep/B/x  deep/.hidden/y  deep/.z  deep/fifo  empty/
 */
static char folder[] = "/tmp/eon-test-inputs-XXXXXX";

static int make_files(void **state)
{
    (void)state;
    static const char *const folders[] = { "deep/B", "deep/.hidden", "deep-er", "empty" };
    static const char *const files[] = { "a.txt",          "b.txt",   "[c].txt",
                                         ".hidden",        "deep/a",  "deep/B/x",
                                         "deep/.hidden/y", "deep/.z", "deep-er/z" };
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(folder_create(folders[i]), STATUS_OK);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        sample_write_file(files[i], "x", 1);
    assert_int_equal(symlink(".", "loop"), 0);
    assert_int_equal(symlink("a.txt", "link"), 0);
    assert_int_equal(symlink("x", "nowhere"), 0);
    assert_int_equal(mkfifo("deep/fifo", 0600), 0);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    assert_int_equal(memory_live_blocks(), 0);
    assert_int_equal(chdir("/"), 0);
    return folder_remove(folder) == STATUS_OK ? 0 : -1;
}

/* Both are words with spaces between. */
static void expect(const char *arguments, const char *expected)
{
    char words[400], *rest = words, *given[20];
    int64_t count = 0;
    struct input_list list;
    struct strbuf paths = STRBUF_INIT;
    strcpy(words, arguments);
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL;)
        given[count++] = word;
    assert_int_equal(input_list_expand((const char *const *)given, count, &list), STATUS_OK);
    for (int64_t i = 0; i < list.count; i++)
        strbuf_addf(&paths, "%s%s", i > 0 ? " " : "", list.paths[i]);
    assert_string_equal(paths.bytes, expected);
    input_list_release(&list);
    strbuf_release(&paths);
}

static void expect_refused(const char *argument, const char *why)
{
    struct input_list list;
    assert_int_equal(input_list_expand(&argument, 1, &list), STATUS_BAD_INPUT);
    if (!strstr(status_message(), why))
        fail_msg("'%s' does not say '%s'", status_message(), why);
    assert_int_equal(list.count, 0);
}

static void files_keep_the_order_of_the_arguments(void **state)
{
    (void)state;
    expect("b.txt - a.txt ./b.txt", "b.txt - a.txt ./b.txt");
    expect("", "");
}

static void folders_are_their_regular_files_sorted_by_path(void **state)
{
    (void)state;
    expect("deep/", "deep/B/x deep/a");
    expect(".", "./[c].txt ./a.txt ./b.txt ./deep-er/z ./deep/B/x ./deep/a ./link");
    expect("loop/deep", "loop/deep/B/x loop/deep/a");
}

static void patterns_that_no_shell_expanded_are_sorted_bytewise(void **state)
{
    (void)state;
    expect("*.txt", "[c].txt a.txt b.txt");
    expect("[ab].txt b*", "a.txt b.txt b.txt");
    expect("d*p*", "deep-er/z deep/B/x deep/a");
    expect("[c].txt", "[c].txt"); /* a file of that very name */
}

static void a_list_holds_arguments(void **state)
{
    (void)state;
    static const char list[] = "b.txt\r\n\ndeep\n*.txt";
    sample_write_file("list", list, strlen(list));
    expect("a.txt @list -", "a.txt b.txt deep/B/x deep/a [c].txt a.txt b.txt -");
    sample_write_file("list", "", 0);
    expect("@list", "");

    sample_write_file("list", "a.txt\nmissing\n", 14);
    expect_refused("@list", "'list', line 2: cannot open 'missing'");
    sample_write_file("list", "@list", 5);
    expect_refused("@list", "a list within a list");
    sample_write_file("list", "a.txt\0x", 7);
    expect_refused("@list", "line 1: a name holds NUL");
    expect_refused("@missing", "'missing'");
    assert_int_equal(unlink("list"), 0);
}

static void what_is_not_there_is_refused(void **state)
{
    (void)state;
    expect_refused("missing", "cannot open 'missing'");
    expect_refused("", "cannot open ''");
    expect_refused("nowhere", "cannot open 'nowhere'");
    expect_refused("a.txt/b", "cannot open 'a.txt/b'");
    expect_refused("*.none", "no file matches '*.none'");
    expect_refused("empty", "holds no file");
}

static void a_file_named_twice_is_kept_and_counted(void **state)
{
    (void)state;
    static const char *const given[] = { "b.txt", "a.txt", "link", "-", "./a.txt" };
    static const char *const twice[] = { "-", "a.txt", "-" };
    struct input_list list;
    assert_int_equal(input_list_expand(given, 5, &list), STATUS_OK);
    assert_int_equal(list.count, 5);
    assert_int_equal(list.repeated, 2);
    assert_string_equal(list.first_repeated, "link");
    input_list_release(&list);
    assert_int_equal(input_list_expand(twice, 3, &list), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "only once"));
}

static void folders_without_end_are_refused(void **state)
{
    (void)state;
    struct strbuf path = STRBUF_INIT;
    strbuf_add_string(&path, "bottomless");
    for (int i = 0; i < 110; i++)
        strbuf_add_string(&path, "/d");
    assert_int_equal(folder_create(path.bytes), STATUS_OK);
    expect_refused("bottomless", "more than 100 levels");
    assert_int_equal(folder_remove("bottomless"), STATUS_OK);
    strbuf_release(&path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_keep_the_order_of_the_arguments),
        cmocka_unit_test(folders_are_their_regular_files_sorted_by_path),
        cmocka_unit_test(patterns_that_no_shell_expanded_are_sorted_bytewise),
        cmocka_unit_test(a_list_holds_arguments),
        cmocka_unit_test(what_is_not_there_is_refused),
        cmocka_unit_test(a_file_named_twice_is_kept_and_counted),
        cmocka_unit_test(folders_without_end_are_refused),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
