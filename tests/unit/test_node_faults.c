#include "trainer/jobs/node_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char *node_names[] = { "n1", "n2", "n3", "n10" };
static const struct name_list nodes = { node_names, 4 };

/* What is found in the text, as "n1,n3". */
static const char *faulty_in(const char *text)
{
    static char found[256];
    struct node_faults faults;
    struct strbuf list = STRBUF_INIT;
    node_faults_init(&faults, &nodes);
    node_faults_read(&faults, text, strlen(text));
    node_faults_list(&faults, &list);
    snprintf(found, sizeof found, "%s", list.bytes);
    strbuf_release(&list);
    node_faults_release(&faults);
    return found;
}

static void a_rank_that_hangs_or_is_gone_blames_its_node(void **state)
{
    (void)state;
    assert_string_equal(
        faulty_in("eon: fatal: rank 0 on n1: rank 3 on n2 gives no sign of life since "
                  "603 s, when it was computing leaf 3 of step 17\n"),
        "n2");
    assert_string_equal(
        faulty_in("eon: fatal: rank 0 on n1: rank 2 on n10 ended without a word 16 s "
                  "ago: it was in operation 814\n"),
        "n10");
}

static void a_task_that_srun_saw_killed_blames_its_node(void **state)
{
    (void)state;
    assert_string_equal(faulty_in("srun: error: n3: task 2: Killed\n"), "n3");
    assert_string_equal(faulty_in("srun: error: n3: task 2: Segmentation fault\n"), "n3");
    assert_string_equal(faulty_in("srun: error: Node failure on n2\n"), "n2");
}

static void tasks_that_ended_in_order_blame_nobody(void **state)
{
    (void)state;
    assert_string_equal(faulty_in("srun: error: n3: task 2: Exited with exit code 75\n"
                                  "srun: error: n1: task 0: Terminated\n"),
                        "");
}

/* Ranks that were killed with it go from each other's sight in any order. */
static void a_peer_that_is_gone_counts_only_where_nothing_else_is_said(void **state)
{
    (void)state;
    assert_string_equal(faulty_in("  Peer host:  n1\n"), "n1");
    assert_string_equal(faulty_in("  Peer host:  n1\nsrun: error: n3: task 2: Killed\n"), "n3");
    assert_string_equal(faulty_in("  Peer host:  n1\nsrun: error: n3: task 2: Exited with exit "
                                  "code 1\n"),
                        "");
}

/* What ended by itself is the cause, and srun kills the rest. */
static void a_task_that_is_killed_after_another_has_failed_blames_nobody(void **state)
{
    (void)state;
    assert_string_equal(faulty_in("srun: error: n3: task 2: Exited with exit code 1\n"
                                  "srun: error: n1: task 0: Killed\n"),
                        "");
}

static void what_mpirun_lost_blames_its_node(void **state)
{
    (void)state;
    assert_string_equal(
        faulty_in("mpirun noticed that process rank 2 with PID 85 on node n3 exited on signal 9\n"),
        "n3");
    assert_string_equal(faulty_in("ORTE has lost communication with a remote daemon.\n\n"
                                  "  HNP daemon   : [[55555,0],0] on node n1\n"
                                  "  Remote daemon: [[55555,0],2] on node n3\n\n"),
                        "n3");
    assert_string_equal(faulty_in("  Local host: n2\n  Local PID:  592\n  Peer host:  n10\n"),
                        "n10");
}

/* The launcher kills the others after it. */
static void the_first_failure_is_the_cause(void **state)
{
    (void)state;
    assert_string_equal(faulty_in("srun: error: n3: task 2: Killed\n"
                                  "srun: error: n1: task 0: Killed\n"
                                  "srun: error: n2: task 1: Killed\n"),
                        "n3");
}

static void a_node_is_slow_only_if_it_stays_so(void **state)
{
    (void)state;
    const char *line = "slow: rank 1 on n2 computes 2.1 times as long as the median of the others, "
                       "which waited 43 %% of the last 10 steps for it; %d steps in a row\n";
    char text[512];
    snprintf(text, sizeof text, line, 40);
    assert_string_equal(faulty_in(text), "");
    snprintf(text, sizeof text, line, 80);
    assert_string_equal(faulty_in(text), "n2");
}

/* A document's text may be printed, too. */
static void names_of_other_hosts_blame_nobody(void **state)
{
    (void)state;
    assert_string_equal(faulty_in("srun: error: n4: task 2: Killed\n"
                                  "srun: error: $(reboot): task 2: Killed\n"
                                  "rank 1 on n1,n2 ended without a word 3 s ago\n"),
                        "");
}

static void lines_may_be_cut_anywhere(void **state)
{
    (void)state;
    const char *text = "x\nsrun: error: n3: task 2: Killed\n";
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        struct node_faults faults;
        struct strbuf list = STRBUF_INIT;
        node_faults_init(&faults, &nodes);
        node_faults_read(&faults, text, cut);
        node_faults_read(&faults, text + cut, strlen(text) - cut);
        node_faults_list(&faults, &list);
        assert_string_equal(list.bytes, "n3");
        strbuf_release(&list);
        node_faults_release(&faults);
    }
}

static void the_last_error_is_kept_and_no_warning(void **state)
{
    (void)state;
    const char *text = "eon: cannot read shard 'x': gone\neon: warning: slow disk\nstep 5/60\n";
    struct node_faults faults;
    node_faults_init(&faults, &nodes);
    node_faults_read(&faults, text, strlen(text));
    assert_string_equal(faults.last_error, "cannot read shard 'x': gone");
    node_faults_release(&faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rank_that_hangs_or_is_gone_blames_its_node),
        cmocka_unit_test(a_task_that_srun_saw_killed_blames_its_node),
        cmocka_unit_test(tasks_that_ended_in_order_blame_nobody),
        cmocka_unit_test(a_peer_that_is_gone_counts_only_where_nothing_else_is_said),
        cmocka_unit_test(a_task_that_is_killed_after_another_has_failed_blames_nobody),
        cmocka_unit_test(what_mpirun_lost_blames_its_node),
        cmocka_unit_test(the_first_failure_is_the_cause),
        cmocka_unit_test(a_node_is_slow_only_if_it_stays_so),
        cmocka_unit_test(names_of_other_hosts_blame_nobody),
        cmocka_unit_test(lines_may_be_cut_anywhere),
        cmocka_unit_test(the_last_error_is_kept_and_no_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
