/* metrics.jsonl holds each step once, and never stops a training. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "trainer/reports/metrics_writer.h"

static char folder[64];
static char *path;

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test_metrics_writer.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    path = path_join(folder, METRICS_FILE);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    memory_free(path);
    return folder_remove(folder) == STATUS_OK ? 0 : -1;
}

static void add_step(struct metrics_writer *writer, int64_t step)
{
    struct json *record = json_new_object();
    json_put_integer(record, "step", step);
    metrics_writer_add(writer, record);
    json_free(record);
}

static void write_steps(int64_t last_step, int64_t first, int64_t end)
{
    struct metrics_writer *writer = metrics_writer_open(folder, last_step);
    for (int64_t step = first; step < end; step++)
        add_step(writer, step);
    metrics_writer_close(writer);
}

static void put_file(const char *text)
{
    assert_int_equal(file_replace(path, text, strlen(text)), STATUS_OK);
}

static void assert_file_is(const char *expected)
{
    struct strbuf text = STRBUF_INIT;
    assert_int_equal(file_read(path, 1 << 20, &text), STATUS_OK);
    assert_string_equal(text.bytes, expected);
    strbuf_release(&text);
}

static void records_are_lines_in_order(void **state)
{
    (void)state;
    write_steps(0, 1, 4);
    assert_file_is("{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n");
}

static void resume_drops_the_lines_of_later_steps(void **state)
{
    (void)state;
    write_steps(0, 1, 6);
    write_steps(3, 4, 5);
    assert_file_is("{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"step\":4}\n");
}

static void half_written_last_line_is_dropped(void **state)
{
    (void)state;
    static const char whole[] = "{\"step\":1}\n{\"step\":2}\n";
    char text[sizeof whole];
    for (size_t length = strlen("{\"step\":1}\n"); length < strlen(whole); length++) {
        memcpy(text, whole, length);
        text[length] = '\0';
        put_file(text);
        write_steps(1, 2, 3);
        assert_file_is(whole);
    }
}

static void unreadable_lines_are_dropped_and_the_rest_kept(void **state)
{
    (void)state;
    put_file(
        "{\"step\":1}\nnot json\n[1]\n{\"loss\":2}\n{\"step\":\"2\"}\n\n{\"step\":2,\"a\":[]}\n");
    write_steps(2, 3, 4);
    assert_file_is("{\"step\":1}\n{\"step\":2,\"a\":[]}\n{\"step\":3}\n");
}

static void endless_line_takes_bounded_memory(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    strbuf_add_string(&text, "{\"step\":1}\n{\"step\":1,\"x\":\"");
    for (int i = 0; i < 3 << 20; i++)
        strbuf_add_char(&text, 'x');
    strbuf_add_string(&text, "\"}\n");
    assert_int_equal(file_replace(path, text.bytes, text.length), STATUS_OK);
    strbuf_release(&text);
    write_steps(1, 2, 3);
    assert_file_is("{\"step\":1}\n{\"step\":2}\n");
}

static void untouched_file_keeps_its_inode(void **state)
{
    (void)state;
    struct stat before, after;
    write_steps(0, 1, 4);
    assert_int_equal(stat(path, &before), 0);
    write_steps(3, 4, 5);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

static void full_disk_does_not_stop_training(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_int_equal(symlink("/dev/full", path), 0);
    write_steps(0, 1, 100);
}

/* The limit on a file's size cuts a line short as a full disk does. */
static void line_cut_by_a_full_disk_does_not_spoil_the_next(void **state)
{
    (void)state;
    struct rlimit limit, original;
    struct metrics_writer *writer = metrics_writer_open(folder, 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &original), 0);
    limit = original;
    limit.rlim_cur = 15;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    add_step(writer, 1);
    add_step(writer, 2); /* 4 of its bytes fit */
    add_step(writer, 3);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &original), 0);
    add_step(writer, 4);
    metrics_writer_close(writer);
    assert_file_is("{\"step\":1}\n{\"st\n{\"step\":4}\n");
    write_steps(4, 5, 6);
    assert_file_is("{\"step\":1}\n{\"step\":4}\n{\"step\":5}\n");
}

static void pipe_without_a_reader_does_not_stop_training(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    write_steps(0, 1, 10);
}

static void folder_that_is_not_there_does_not_stop_training(void **state)
{
    (void)state;
    struct metrics_writer *writer = metrics_writer_open("/nonexistent/folder", 0);
    add_step(writer, 1);
    metrics_writer_close(writer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_are_lines_in_order),
        TEST(resume_drops_the_lines_of_later_steps),
        TEST(half_written_last_line_is_dropped),
        TEST(unreadable_lines_are_dropped_and_the_rest_kept),
        TEST(endless_line_takes_bounded_memory),
        TEST(untouched_file_keeps_its_inode),
        TEST(full_disk_does_not_stop_training),
        TEST(line_cut_by_a_full_disk_does_not_spoil_the_next),
        TEST(pipe_without_a_reader_does_not_stop_training),
        TEST(folder_that_is_not_there_does_not_stop_training),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    return failures || memory_live_blocks() != 0;
}
