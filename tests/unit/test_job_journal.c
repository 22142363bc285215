#include "trainer/jobs/job_journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"

#define PATH "journal.jsonl"

static struct job_attempt attempt_of(const char *job, const char *chain, int64_t restart,
                                     int64_t progress)
{
    struct job_attempt attempt = {
        .restart = restart, .begun_at = progress, .ranks = 8, .threads = 4, .launcher = "mpirun"
    };
    snprintf(attempt.job, sizeof attempt.job, "%s", job);
    snprintf(attempt.chain, sizeof attempt.chain, "%s", chain);
    snprintf(attempt.nodes, sizeof attempt.nodes, "n[1-4]");
    return attempt;
}

static int begin_empty(void **state)
{
    (void)state;
    unlink(PATH);
    return 0;
}

static void what_is_noted_is_read_back(void **state)
{
    (void)state;
    struct job_journal journal;
    struct job_attempt attempt = attempt_of("17", "17", 1, 40);
    assert_int_equal(job_journal_read(PATH, &journal), STATUS_OK);
    assert_int_equal(journal.count, 0);
    assert_int_equal(job_journal_begin(&journal, &attempt), STATUS_OK);
    attempt.exit_status = 75;
    attempt.ended_at = 120;
    snprintf(attempt.reason, sizeof attempt.reason, "n3 failed: \"quoted\"\n");
    snprintf(attempt.faulty_nodes, sizeof attempt.faulty_nodes, "n3");
    assert_int_equal(job_journal_end(&journal, &attempt), STATUS_OK);
    assert_true(journal.attempts[0].has_ended);
    job_journal_release(&journal);

    assert_int_equal(job_journal_read(PATH, &journal), STATUS_OK);
    assert_int_equal(journal.count, 1);
    const struct job_attempt *read = &journal.attempts[0];
    assert_string_equal(read->job, "17");
    assert_string_equal(read->nodes, "n[1-4]");
    assert_string_equal(read->launcher, "mpirun");
    assert_string_equal(read->reason, "n3 failed: \"quoted\"\n");
    assert_string_equal(read->faulty_nodes, "n3");
    assert_true(read->has_ended && read->restart == 1 && read->begun_at == 40 &&
                read->ended_at == 120 && read->exit_status == 75 && read->ranks == 8);
    job_journal_release(&journal);
}

static void a_job_that_waits_is_known(void **state)
{
    (void)state;
    struct job_journal journal;
    assert_int_equal(job_journal_note_submit(PATH, "99"), STATUS_OK);
    assert_int_equal(job_journal_read(PATH, &journal), STATUS_OK);
    assert_string_equal(journal.submitted, "99");
    job_journal_release(&journal);
}

static void half_a_line_spoils_no_other(void **state)
{
    (void)state;
    struct job_journal journal;
    struct job_attempt attempt = attempt_of("1", "1", 0, 0);
    FILE *file = fopen(PATH, "w");
    fputs("nonsense\n[1]\n{\"event\": \"end\", \"job\": \"5\"}\n{\"event\": \"sta", file);
    fclose(file);
    assert_int_equal(job_journal_read(PATH, &journal), STATUS_OK);
    assert_int_equal(journal.count, 0);
    assert_int_equal(job_journal_begin(&journal, &attempt), STATUS_OK);
    job_journal_release(&journal);
    assert_int_equal(job_journal_read(PATH, &journal), STATUS_OK);
    assert_int_equal(journal.count, 1);
    job_journal_release(&journal);
}

static void only_starts_in_a_row_without_progress_are_fruitless(void **state)
{
    (void)state;
    struct job_journal journal;
    const struct job_attempt attempts[] = {
        attempt_of("1", "1", 0, 0),  attempt_of("2", "2", 0, 50), attempt_of("2", "2", 1, 50),
        attempt_of("2", "2", 2, 50), attempt_of("3", "2", 0, 50),
    };
    assert_int_equal(job_journal_read(PATH, &journal), STATUS_OK);
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        assert_int_equal(job_journal_begin(&journal, &attempts[i]), STATUS_OK);
    assert_int_equal(job_journal_fruitless_starts(&journal, "2", 50), 4);
    assert_int_equal(job_journal_fruitless_starts(&journal, "2", 60), 0);
    assert_int_equal(job_journal_fruitless_starts(&journal, "4", 50), 0); /* submitted anew */
    job_journal_release(&journal);
}

static int all_memory_is_returned(void **state)
{
    (void)state;
    return memory_live_blocks() != 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin_empty)
    const struct CMUnitTest tests[] = {
        TEST(what_is_noted_is_read_back),
        TEST(a_job_that_waits_is_known),
        TEST(half_a_line_spoils_no_other),
        TEST(only_starts_in_a_row_without_progress_are_fruitless),
    };
    return cmocka_run_group_tests(tests, NULL, all_memory_is_returned);
}
