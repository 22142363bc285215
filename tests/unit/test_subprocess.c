#include "base/subprocess.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static struct word_list words_of(const char *const *words)
{
    struct word_list list = WORD_LIST_INIT;
    for (; *words; words++)
        word_list_add(&list, *words);
    return list;
}

static int read_from(const char *const *words, enum subprocess_streams streams,
                     struct strbuf *answer)
{
    struct word_list command = words_of(words);
    int exit_status = -1;
    strbuf_reset(answer);
    assert_int_equal(subprocess_read(&command, streams, 4096, answer, &exit_status), STATUS_OK);
    word_list_release(&command);
    return exit_status;
}

static void words_arrive_as_they_are(void **state)
{
    (void)state;
    struct strbuf answer = STRBUF_INIT;
    const char *const words[] = { "printf", "%s|", "a b", "$(id)", "'\"`\n", "", NULL };
    assert_int_equal(read_from(words, SUBPROCESS_OUTPUT, &answer), 0);
    assert_string_equal(answer.bytes, "a b|$(id)|'\"`\n||");
    strbuf_release(&answer);
}

static void a_shell_reads_printed_words_back(void **state)
{
    (void)state;
    const char *const words[] = {
        "printf", "%s|", "a b", "$(id)", "it's \"`\n\\", "", "x;y", NULL
    };
    struct strbuf line = STRBUF_INIT, answer = STRBUF_INIT;
    struct word_list command = words_of(words);
    word_list_print(&command, &line);
    assert_int_equal(read_from((const char *const[]){ "sh", "-c", line.bytes, NULL },
                               SUBPROCESS_OUTPUT, &answer),
                     0);
    assert_string_equal(answer.bytes, "a b|$(id)|it's \"`\n\\||x;y|");
    word_list_release(&command);
    strbuf_release(&line);
    strbuf_release(&answer);
}

static void exit_statuses_are_a_shells(void **state)
{
    (void)state;
    struct strbuf answer = STRBUF_INIT;
    const char *const exits[] = { "sh", "-c", "exit 75", NULL };
    const char *const dies[] = { "sh", "-c", "kill -KILL $$", NULL };
    assert_int_equal(read_from(exits, SUBPROCESS_OUTPUT, &answer), 75);
    assert_int_equal(read_from(dies, SUBPROCESS_OUTPUT, &answer), 128 + SIGKILL);
    strbuf_release(&answer);
}

static void errors_can_be_read_as_well(void **state)
{
    (void)state;
    struct strbuf answer = STRBUF_INIT;
    const char *const words[] = { "sh", "-c", "echo out; echo err >&2", NULL };
    read_from(words, SUBPROCESS_BOTH, &answer);
    assert_string_equal(answer.bytes, "out\nerr\n");
    strbuf_release(&answer);
}

static void an_answer_beyond_its_limit_is_cut(void **state)
{
    (void)state;
    struct strbuf answer = STRBUF_INIT;
    const char *const words[] = { "head", "-c", "100000", "/dev/zero", NULL };
    assert_int_equal(read_from(words, SUBPROCESS_OUTPUT, &answer), 0);
    assert_int_equal(answer.length, 4096);
    strbuf_release(&answer);
}

static void a_program_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct strbuf answer = STRBUF_INIT;
    struct word_list command = words_of((const char *const[]){ "no-such-program", NULL });
    int exit_status;
    assert_int_equal(subprocess_read(&command, SUBPROCESS_OUTPUT, 10, &answer, &exit_status),
                     STATUS_BAD_INPUT);
    assert_string_equal(status_message(),
                        "cannot start 'no-such-program': No such file or directory");
    word_list_release(&command);
    strbuf_release(&answer);
}

static int all_memory_is_returned(void **state)
{
    (void)state;
    return memory_live_blocks() != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_arrive_as_they_are),
        cmocka_unit_test(a_shell_reads_printed_words_back),
        cmocka_unit_test(exit_statuses_are_a_shells),
        cmocka_unit_test(errors_can_be_read_as_well),
        cmocka_unit_test(an_answer_beyond_its_limit_is_cut),
        cmocka_unit_test(a_program_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, all_memory_is_returned);
}
