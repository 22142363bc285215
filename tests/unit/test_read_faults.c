/* A disk that fails in passing: read(2), pread(2) and poll(2) of this program are its own, by the
 * linker's --wrap. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/unit/document_sample.h"
#include "tests/unit/gzip_sample.h"

ssize_t __real_read(int descriptor, void *out, size_t length);
ssize_t __real_pread(int descriptor, void *out, size_t length, off_t offset);
ssize_t __wrap_read(int descriptor, void *out, size_t length);
ssize_t __wrap_pread(int descriptor, void *out, size_t length, off_t offset);
int __wrap_poll(struct pollfd *watched, nfds_t count, int timeout_ms);

static int faults, fault_error; /* so many calls fail, with this */
static int good_before;         /* so many go well before them */
static int pauses, paused_ms;

static bool goes_wrong(void)
{
    if (good_before > 0) {
        good_before--;
        return false;
    }
    errno = fault_error;
    return faults > 0 && faults-- > 0;
}

ssize_t __wrap_read(int descriptor, void *out, size_t length)
{
    return goes_wrong() ? -1 : __real_read(descriptor, out, length < 7 ? length : 7);
}

ssize_t __wrap_pread(int descriptor, void *out, size_t length, off_t offset)
{
    return goes_wrong() ? -1 : __real_pread(descriptor, out, length < 7 ? length : 7, offset);
}

int __wrap_poll(struct pollfd *watched, nfds_t count, int timeout_ms)
{
    (void)watched;
    pauses++;
    paused_ms += timeout_ms > 0 ? timeout_ms : 0;
    return (int)count;
}

static char folder[] = "/tmp/eon-test-faults-XXXXXX", *path;
static const char text[] = "{\"text\":\"one\"}\n{\"text\":\"two\"}\n";
static const char documents[] = "0 0 document   one\n15 1 document   two\n";
static struct strbuf list = STRBUF_INIT;

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    path = path_join(folder, "a.jsonl");
    sample_write_file(path, text, sizeof text - 1);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    memory_free(path);
    strbuf_release(&list);
    assert_int_equal(memory_live_blocks(), 0);
    return folder_remove(folder) == STATUS_OK ? 0 : -1;
}

static enum status read_with_faults(int good, int count, int error)
{
    static const struct document_rules rules = { .format = FORMAT_AUTO };
    good_before = good, faults = count, fault_error = error;
    pauses = paused_ms = 0;
    strbuf_reset(&list);
    enum status status = document_sample_list(path, &rules, 0, &list);
    good_before = faults = 0;
    return status;
}

static void what_fails_in_passing_is_tried_again_after_a_pause(void **state)
{
    (void)state;
    static const int errors[] = { EIO, ESTALE, ETIMEDOUT };
    for (int i = 0; i < 3; i++)
        for (int good = 0; good < 6; good++) {
            assert_int_equal(read_with_faults(good, 3, errors[i]), STATUS_OK);
            assert_string_equal(list.bytes, documents);
            assert_int_equal(pauses, 3);
            assert_in_range(paused_ms, 500, 5000);
        }
}

static void what_fails_for_good_is_an_error_with_file_and_byte(void **state)
{
    (void)state;
    assert_int_equal(read_with_faults(1, 100, EIO), STATUS_FAILED);
    assert_int_equal(pauses, 3);
    assert_non_null(strstr(status_message(), path));
    assert_non_null(strstr(status_message(), "byte 7: Input/output error"));
    assert_int_equal(read_with_faults(0, 1, ENOMEM), STATUS_FAILED);
    assert_int_equal(pauses, 0);
}

static void interruptions_and_an_empty_pipe_are_waited_for(void **state)
{
    (void)state;
    assert_int_equal(read_with_faults(1, 100, EINTR), STATUS_OK);
    assert_string_equal(list.bytes, documents);
    assert_int_equal(pauses, 0);
    assert_int_equal(read_with_faults(1, 100, EAGAIN), STATUS_OK);
    assert_string_equal(list.bytes, documents);
    assert_int_equal(pauses, 100);
    assert_int_equal(paused_ms, 0);
}

static void whole_files_are_read_as_patiently(void **state)
{
    (void)state;
    struct strbuf got = STRBUF_INIT;
    good_before = 2, faults = 3, fault_error = EIO;
    assert_int_equal(file_read(path, 1000, &got), STATUS_OK);
    assert_string_equal(got.bytes, text);
    good_before = 2, faults = 4;
    assert_int_equal(file_read(path, 1000, &got), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "at byte 14: Input/output error"));
    good_before = faults = 0;
    strbuf_release(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fails_in_passing_is_tried_again_after_a_pause),
        cmocka_unit_test(what_fails_for_good_is_an_error_with_file_and_byte),
        cmocka_unit_test(interruptions_and_an_empty_pipe_are_waited_for),
        cmocka_unit_test(whole_files_are_read_as_patiently),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
