#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

/* Every test works in a fresh folder. */
static int enter_new_folder(void **state)
{
    char name[] = "/tmp/eon-test-file-XXXXXX";
    if (!mkdtemp(name) || chdir(name) != 0)
        return -1;
    *state = memory_copy_string(name);
    return 0;
}

static int leave_folder(void **state)
{
    char *name = *state;
    bool removed = chdir("/") == 0 && folder_remove(name) == STATUS_OK && !file_exists(name);
    memory_free(name);
    return removed && memory_live_blocks() == 0 ? 0 : -1;
}

static void assert_content(const char *path, const char *expected)
{
    struct strbuf text = STRBUF_INIT;
    assert_int_equal(file_read(path, 1000, &text), STATUS_OK);
    assert_int_equal(text.length, strlen(expected));
    assert_string_equal(text.bytes, expected);
    strbuf_release(&text);
}

static void a_file_reads_back_what_was_written(void **state)
{
    struct strbuf text = STRBUF_INIT;
    (void)state;
    assert_int_equal(file_replace("a", "one", 3), STATUS_OK);
    assert_content("a", "one");
    assert_int_equal(file_replace("a", "", 0), STATUS_OK);
    assert_content("a", "");
    assert_int_equal(file_replace("a", "two", 3), STATUS_OK);
    strbuf_add_string(&text, "and ");
    assert_int_equal(file_read("a", 3, &text), STATUS_OK);
    assert_string_equal(text.bytes, "and two");
    strbuf_release(&text);
    assert_false(file_exists("a.partial"));
}

static void a_file_beyond_its_bound_is_refused_before_reading(void **state)
{
    struct strbuf text = STRBUF_INIT;
    (void)state;
    int descriptor = open("huge", O_CREAT | O_WRONLY, 0666);
    assert_int_equal(ftruncate(descriptor, (off_t)1 << 40), 0);
    close(descriptor);
    assert_int_equal(file_read("huge", 1 << 20, &text), STATUS_BAD_INPUT);
    assert_string_equal(status_message(), "cannot read 'huge': 1099511627776 bytes, more than the "
                                          "1048576 allowed");
    assert_int_equal(text.capacity, 0);
}

static void what_is_no_regular_file_is_refused_without_waiting(void **state)
{
    struct strbuf text = STRBUF_INIT;
    int descriptor;
    int64_t size;
    (void)state;
    assert_int_equal(mkfifo("fifo", 0666), 0);
    assert_int_equal(file_read("fifo", 10, &text), STATUS_BAD_INPUT);
    assert_int_equal(file_read("/dev/zero", 10, &text), STATUS_BAD_INPUT);
    assert_int_equal(file_read(".", 10, &text), STATUS_BAD_INPUT);
    assert_int_equal(file_read("absent", 10, &text), STATUS_BAD_INPUT);
    assert_string_equal(status_message(), "cannot open 'absent': No such file or directory");

    assert_int_equal(file_replace("a", "one", 3), STATUS_OK);
    assert_int_equal(symlink("a", "link"), 0);
    assert_content("link", "one");
    assert_int_equal(file_open_regular("link", &descriptor, &size), STATUS_BAD_INPUT);
    assert_int_equal(file_open_regular("fifo", &descriptor, &size), STATUS_BAD_INPUT);
    assert_int_equal(file_open_regular("a", &descriptor, &size), STATUS_OK);
    assert_int_equal(size, 3);
    close(descriptor);
}

static void reading_beyond_the_end_names_the_byte(void **state)
{
    char bytes[10];
    int descriptor;
    int64_t size;
    (void)state;
    assert_int_equal(file_replace("a", "0123456789", 10), STATUS_OK);
    assert_int_equal(file_open_regular("a", &descriptor, &size), STATUS_OK);
    assert_int_equal(file_read_at(descriptor, bytes, 3, 4, "a"), STATUS_OK);
    assert_memory_equal(bytes, "456", 3);
    assert_int_equal(file_read_at(descriptor, bytes, 7, 4, "a"), STATUS_BAD_INPUT);
    assert_string_equal(status_message(), "cannot read 'a': truncated at byte 10");
    assert_int_equal(file_read_at(descriptor, bytes, 0, 99, "a"), STATUS_OK);
    close(descriptor);
}

static void a_failed_replacement_keeps_the_old_content(void **state)
{
    struct rlimit before, tight = { 4, 4 };
    (void)state;
    assert_int_equal(file_replace("a", "old", 3), STATUS_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight.rlim_max = before.rlim_max;
    void (*old_handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    enum status status = file_replace("a", "much longer", 11);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, old_handler);
    assert_int_equal(status, STATUS_FAILED);
    assert_string_equal(status_message(), "cannot write 'a.partial': File too large");
    assert_content("a", "old");
    assert_false(file_exists("a.partial"));

    assert_int_equal(file_replace("absent/a", "x", 1), STATUS_FAILED);
    assert_int_equal(symlink("/dev/null", "b.partial"), 0); /* a trap beside the target */
    assert_int_equal(file_replace("b", "x", 1), STATUS_FAILED);
}

static void folders_are_made_with_their_parents(void **state)
{
    (void)state;
    assert_int_equal(folder_create("a/b//c/"), STATUS_OK);
    assert_true(folder_exists("a/b/c"));
    assert_int_equal(folder_create("a/b/c"), STATUS_OK);
    assert_int_equal(folder_sync("a/b"), STATUS_OK);
    assert_int_equal(file_replace("a/file", "x", 1), STATUS_OK);
    assert_int_equal(folder_create("a/file"), STATUS_BAD_INPUT);
    assert_string_equal(status_message(), "cannot create folder 'a/file': a file is in its place");
    assert_int_equal(folder_create("a/file/b"), STATUS_BAD_INPUT);
    assert_int_equal(folder_create(""), STATUS_FAILED);
    assert_false(folder_exists("a/file"));
    assert_int_equal(folder_sync("absent"), STATUS_FAILED);
}

static void removing_a_folder_does_not_follow_links(void **state)
{
    (void)state;
    assert_int_equal(folder_create("kept"), STATUS_OK);
    assert_int_equal(file_replace("kept/file", "x", 1), STATUS_OK);
    assert_int_equal(folder_create("gone/deep/deeper"), STATUS_OK);
    assert_int_equal(file_replace("gone/deep/file", "x", 1), STATUS_OK);
    assert_int_equal(symlink("../kept", "gone/link"), 0);
    assert_int_equal(symlink("absent", "gone/dangling"), 0);
    assert_int_equal(folder_remove("gone"), STATUS_OK);
    assert_false(file_exists("gone"));
    assert_true(file_exists("kept/file"));
    assert_int_equal(folder_remove("gone"), STATUS_OK); /* it is not there: what was wanted */
}

static void a_listing_is_sorted(void **state)
{
    struct name_list list;
    static const char *const names[] = { "b", "a", "B", "10", "9", "\xff", "a b" };
    static const char *const sorted[] = { "10", "9", "B", "a", "a b", "b", "\xff" };
    (void)state;
    assert_int_equal(folder_create("empty"), STATUS_OK);
    assert_int_equal(folder_list("empty", &list), STATUS_OK);
    assert_int_equal(list.count, 0);
    name_list_release(&list);
    for (size_t i = 0; i < 7; i++) {
        char *path = path_join("empty", names[i]);
        assert_int_equal(file_replace(path, "", 0), STATUS_OK);
        memory_free(path);
    }
    assert_int_equal(folder_list("empty", &list), STATUS_OK);
    assert_int_equal(list.count, 7);
    for (int i = 0; i < 7; i++)
        assert_string_equal(list.names[i], sorted[i]);
    name_list_release(&list);
    assert_int_equal(folder_list("absent", &list), STATUS_BAD_INPUT);
    assert_int_equal(folder_list("empty/a", &list), STATUS_BAD_INPUT);
}

/* A writer is killed again and again: its reader sees one of the contents, whole. */
static void a_killed_writer_leaves_the_old_or_the_new(void **state)
{
    enum { LENGTH = 20000 };
    static char contents[2][LENGTH];
    (void)state;
    memset(contents[0], 'a', LENGTH);
    memset(contents[1], 'b', LENGTH);
    assert_int_equal(file_replace("a", contents[0], LENGTH), STATUS_OK);
    for (int round = 0; round < 30; round++) {
        pid_t child = fork();
        for (int i = 0; child == 0; i++)
            file_replace("a", contents[i % 2], LENGTH);
        usleep((useconds_t)(500 + 300 * round));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        struct strbuf text = STRBUF_INIT;
        assert_int_equal(file_read("a", LENGTH, &text), STATUS_OK);
        assert_int_equal(text.length, LENGTH);
        assert_memory_equal(text.bytes, contents[text.bytes[0] - 'a'], LENGTH);
        strbuf_release(&text);
    }
}

#define IN_NEW_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_new_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_NEW_FOLDER(a_file_reads_back_what_was_written),
        IN_NEW_FOLDER(a_file_beyond_its_bound_is_refused_before_reading),
        IN_NEW_FOLDER(what_is_no_regular_file_is_refused_without_waiting),
        IN_NEW_FOLDER(reading_beyond_the_end_names_the_byte),
        IN_NEW_FOLDER(a_failed_replacement_keeps_the_old_content),
        IN_NEW_FOLDER(folders_are_made_with_their_parents),
        IN_NEW_FOLDER(removing_a_folder_does_not_follow_links),
        IN_NEW_FOLDER(a_listing_is_sorted),
        IN_NEW_FOLDER(a_killed_writer_leaves_the_old_or_the_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
