#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/status.h"

static void a_message_waits_until_it_is_read(void **state)
{
    (void)state;
    assert_string_equal(status_message(), "");
    assert_int_equal(bad_input("cannot open '%s': %s", "x.h5", "truncated"), STATUS_BAD_INPUT);
    assert_string_equal(status_message(), "cannot open 'x.h5': truncated");
    assert_int_equal(failed("disk %d is full", 3), STATUS_FAILED);
    assert_string_equal(status_message(), "disk 3 is full");
    assert_int_equal(status_set(STATUS_STOPPED, "stopped at step 7"), STATUS_STOPPED);
    assert_string_equal(status_message(), "stopped at step 7");
}

static void a_message_may_quote_the_one_before(void **state)
{
    (void)state;
    bad_input("%s", "inner");
    bad_input("outer: %s", status_message());
    assert_string_equal(status_message(), "outer: inner");
    assert_int_equal(status_prefix(STATUS_FAILED, "rank %d", 2), STATUS_FAILED);
    assert_string_equal(status_message(), "rank 2: outer: inner");
}

static void a_hostile_name_cannot_break_the_line(void **state)
{
    (void)state;
    bad_input("cannot open '%s': no", "a\nb\r\x1b[2J\xff");
    assert_string_equal(status_message(), "cannot open 'a\\nb\\x0d\\x1b[2J\\xff': no");
    status_prefix(STATUS_BAD_INPUT, "in\n");
    assert_string_equal(status_message(), "in\\n: cannot open 'a\\nb\\x0d\\x1b[2J\\xff': no");
}

static void a_long_message_is_cut(void **state)
{
    char name[3 * STATUS_MESSAGE_BYTES];
    (void)state;
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    bad_input("cannot open '%s'", name);
    assert_int_equal(strlen(status_message()), STATUS_MESSAGE_BYTES - 1);
    status_prefix(STATUS_BAD_INPUT, "%s", name);
    assert_int_equal(strlen(status_message()), STATUS_MESSAGE_BYTES - 1);
    assert_string_equal(status_message() + STATUS_MESSAGE_BYTES - 4, "...");
}

static void *say_something_else(void *argument)
{
    (void)argument;
    bad_input("another thread's");
    return NULL;
}

static void each_thread_has_its_own_message(void **state)
{
    pthread_t thread;
    (void)state;
    bad_input("mine");
    assert_int_equal(pthread_create(&thread, NULL, say_something_else, NULL), 0);
    pthread_join(thread, NULL);
    assert_string_equal(status_message(), "mine");
}

static enum status give_up(int *reached)
{
    TRY(STATUS_OK);
    (*reached)++;
    TRY(bad_input("no"));
    (*reached)++;
    return STATUS_OK;
}

static void try_passes_trouble_up(void **state)
{
    int reached = 0;
    (void)state;
    assert_int_equal(give_up(&reached), STATUS_BAD_INPUT);
    assert_int_equal(reached, 1);
}

/* Runs `body` in a child: what it wrote on standard error, and its exit status. */
static int in_a_child(void (*body)(void), char *output, size_t size)
{
    int ends[2], status;
    size_t length = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        body();
        _exit(99);
    }
    close(ends[1]);
    for (ssize_t got; (got = read(ends[0], output + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    output[length] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void break_an_invariant(void)
{
    CHECK(1 + 1 == 2, "not reached");
    CHECK(1 + 1 == 3, "sum is %d\n", 2);
}

static void break_it_as_a_rank(void)
{
    log_set_rank(3, 8);
    break_an_invariant();
}

static void hook(const char *message)
{
    dprintf(STDERR_FILENO, "hooked: %s", message);
    _exit(7);
}

static void break_it_with_a_hook(void)
{
    fatal_set_hook(hook);
    break_an_invariant();
}

static void failing_hook(const char *message)
{
    fatal("while ending: %s", message);
}

static void break_it_with_a_failing_hook(void)
{
    fatal_set_hook(failing_hook);
    break_an_invariant();
}

static void fatal_names_cause_and_place(void **state)
{
    char output[4096], host[128] = "", expected[512];
    (void)state;
    assert_int_equal(in_a_child(break_an_invariant, output, sizeof output), 1);
    assert_memory_equal(output, "eon: fatal: sum is 2\\n (", 24);
    assert_non_null(strstr(output, "test_status.c:"));
    assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);

    gethostname(host, sizeof host - 1);
    snprintf(expected, sizeof expected, "eon: fatal: rank 3 on %s: sum is 2", host);
    assert_int_equal(in_a_child(break_it_as_a_rank, output, sizeof output), 1);
    assert_memory_equal(output, expected, strlen(expected));
}

static void fatal_ends_through_the_hook(void **state)
{
    char output[4096];
    (void)state;
    assert_int_equal(in_a_child(break_it_with_a_hook, output, sizeof output), 7);
    assert_memory_equal(output, "hooked: eon: fatal: sum is 2", 28);
    assert_int_equal(in_a_child(break_it_with_a_failing_hook, output, sizeof output), 1);
    assert_non_null(strstr(output, "while ending: eon: fatal: sum is 2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_waits_until_it_is_read),
        cmocka_unit_test(a_message_may_quote_the_one_before),
        cmocka_unit_test(a_hostile_name_cannot_break_the_line),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(each_thread_has_its_own_message),
        cmocka_unit_test(try_passes_trouble_up),
        cmocka_unit_test(fatal_names_cause_and_place),
        cmocka_unit_test(fatal_ends_through_the_hook),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
