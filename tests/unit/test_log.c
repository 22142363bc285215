#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/* What `body`, run in a child, leaves at the other end of its standard error. */
static void capture(void (*body)(void), int write_end, int read_end, char *out, size_t size)
{
    size_t length = 0;
    pid_t child = fork();
    if (child == 0) {
        dup2(write_end, STDERR_FILENO);
        body();
        _exit(0);
    }
    close(write_end);
    for (ssize_t got; (got = read(read_end, out + length, size - 1 - length)) > 0;)
        length += (size_t)got; /* a terminal without its writer ends in EIO */
    out[length] = '\0';
    close(read_end);
    waitpid(child, NULL, 0);
}

static void assert_logged(void (*body)(void), const char *expected)
{
    char out[4096];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    capture(body, ends[1], ends[0], out, sizeof out);
    assert_string_equal(out, expected);
}

static void speak(void)
{
    log_info("step %d", 3);
    log_progress("unseen");
    log_progress_end();
    log_warning("slow '%s'", "a\nb");
    log_error("cannot open 'x'");
}

static void speak_as_rank_0(void)
{
    log_set_rank(0, 2);
    speak();
}

static void speak_as_rank_1(void)
{
    log_set_rank(1, 2);
    speak();
}

static void only_rank_0_speaks_except_for_warnings(void **state)
{
    (void)state;
    assert_logged(speak, "step 3\neon: warning: slow 'a\\nb'\neon: cannot open 'x'\n");
    assert_logged(speak_as_rank_0,
                  "step 3\neon: warning: rank 0: slow 'a\\nb'\neon: cannot open 'x'\n");
    assert_logged(speak_as_rank_1, "eon: warning: rank 1: slow 'a\\nb'\neon: cannot open 'x'\n");
}

static void make_progress(void)
{
    struct winsize window = { .ws_row = 25, .ws_col = 20 };
    ioctl(STDERR_FILENO, TIOCSWINSZ, &window);
    log_progress("step %d", 1);
    log_progress("a line that is longer than the terminal");
    log_info("a note");
    log_progress("step 2");
    log_progress_end();
    log_progress_end();
}

static void progress_is_overwritten_on_a_terminal(void **state)
{
    char out[4096];
    (void)state;
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0)
        skip();
    int other_end = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    if (other_end < 0)
        skip();
    capture(make_progress, other_end, terminal, out, sizeof out);
    assert_string_equal(out, "\rstep 1\x1b[K"
                             "\ra line that is l...\x1b[K"
                             "\r\x1b[Ka note\r\n"
                             "\rstep 2\x1b[K\r\n");
}

static void a_closed_pipe_stops_nobody(void **state)
{
    int ends[2], status;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGPIPE, SIG_IGN);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        speak();
        _exit(5);
    }
    close(ends[0]);
    close(ends[1]);
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 5);
}

static void durations_are_told_in_two_units(void **state)
{
    static const struct {
        double seconds;
        const char *text;
    } rows[] = {
        { 0, "0 ms" },
        { 0.0421, "42 ms" },
        { 0.9999, "1.0 s" },
        { 4.23, "4.2 s" },
        { 9.96, "10 s" },
        { 41.4, "41 s" },
        { 59.6, "1 min 0 s" },
        { 250, "4 min 10 s" },
        { 3599.9, "1 h 0 min" },
        { 11520, "3 h 12 min" },
        { 86400 * 3 + 7200, "3 d 2 h" },
        { -1, "unknown" },
        { 1e300, "unknown" },
    };
    char text[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clock_format_duration(rows[i].seconds, text, sizeof text);
        assert_string_equal(text, rows[i].text);
    }
}

static void the_clock_runs_forward(void **state)
{
    char text[32];
    double before = clock_seconds();
    (void)state;
    usleep(2000);
    assert_true(clock_seconds() - before >= 0.002);
    clock_timestamp(text, sizeof text);
    assert_int_equal(strlen(text), 20);
    assert_true(text[10] == 'T' && text[19] == 'Z');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_rank_0_speaks_except_for_warnings),
        cmocka_unit_test(progress_is_overwritten_on_a_terminal),
        cmocka_unit_test(a_closed_pipe_stops_nobody),
        cmocka_unit_test(durations_are_told_in_two_units),
        cmocka_unit_test(the_clock_runs_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
