#include "comm/watch_client.h"
#include "comm/watch_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"

enum { SIZE = 3, LISTEN_MS = 20, TRIES = 100 };

static const struct world zero = { .rank = 0, .size = SIZE, .host = "here" };
static const struct world two = { .rank = 2, .size = SIZE, .host = "here" };

static struct watch_server *server;
static struct watch_client client;
static int never; /* a descriptor that nobody makes readable */

/* What the server heard. */
static int heard, closed, last_rank;
static struct watch_report last;

static void note(void *context, int rank, const struct watch_report *report)
{
    (void)context;
    last_rank = rank;
    heard += report != NULL;
    closed += report == NULL;
    if (report)
        last = *report;
}

static void listen_until(const int *count, int wanted)
{
    for (int i = 0; i < TRIES && *count < wanted; i++)
        watch_server_listen(server, never, LISTEN_MS, note, NULL);
    assert_int_equal(*count, wanted);
}

static struct watch_report report_of_rank_2(void)
{
    struct watch_report report;
    memset(&report, 0, sizeof report);
    report.token = client.place.token;
    report.rank = 2;
    report.word = WATCH_ALIVE;
    report.age_s = 1.5;
    report.state.sequence = 812;
    report.state.phase = FLIGHT_WAITING;
    strcpy(report.state.operation, "barrier");
    return report;
}

static int open_both(void **state)
{
    (void)state;
    heard = closed = 0;
    never = eventfd(0, 0);
    client = (struct watch_client){ .socket = -1 };
    server = watch_server_open(&zero, &client.place);
    return server && watch_client_connect(&client, &two, never) ? 0 : -1;
}

static int close_both(void **state)
{
    (void)state;
    watch_client_disconnect(&client);
    watch_server_close(server);
    close(never);
    return memory_live_blocks() == 0 ? 0 : -1;
}

static void a_report_arrives_and_is_answered(void **state)
{
    (void)state;
    struct watch_report report = report_of_rank_2();
    watch_client_tell(&client, &report);
    listen_until(&heard, 1);
    assert_int_equal(last_rank, 2);
    assert_int_equal(last.state.sequence, 812);
    assert_string_equal(last.state.operation, "barrier");
    assert_true(last.age_s == 1.5);

    assert_int_equal(watch_client_listen(&client, never, 0), 0);
    watch_server_tell(server, WATCH_ALIVE);
    assert_int_equal(watch_client_listen(&client, never, 1000), WATCH_ALIVE);
}

static void the_end_is_not_overtaken(void **state)
{
    (void)state;
    struct watch_report report = report_of_rank_2();
    watch_client_tell(&client, &report);
    listen_until(&heard, 1);
    watch_server_tell(server, WATCH_END);
    watch_server_tell(server, WATCH_ALIVE);
    usleep(50000);
    assert_int_equal(watch_client_listen(&client, never, 1000), WATCH_END);
}

static void who_does_not_know_the_secret_is_dropped(void **state)
{
    (void)state;
    struct watch_report report = report_of_rank_2();
    report.token.words[1] ^= 1;
    watch_client_tell(&client, &report);
    for (int i = 0; i < 5; i++)
        watch_server_listen(server, never, LISTEN_MS, note, NULL);
    assert_int_equal(heard + closed, 0);
    assert_int_equal(watch_client_listen(&client, never, 1000), 0);
    assert_int_equal(client.socket, -1);
}

static void ranks_that_do_not_exist_and_broken_text_are_not_believed(void **state)
{
    (void)state;
    struct watch_report report = report_of_rank_2();
    memset(report.state.operation, 'x', sizeof report.state.operation);
    watch_client_tell(&client, &report);
    listen_until(&heard, 1);
    assert_int_equal(strlen(last.state.operation), sizeof last.state.operation - 1);
    report.rank = SIZE;
    watch_client_tell(&client, &report);
    listen_until(&closed, 1);
    assert_int_equal(heard, 1);
}

static void the_end_of_a_rank_is_noticed(void **state)
{
    (void)state;
    struct watch_report report = report_of_rank_2();
    watch_client_tell(&client, &report);
    listen_until(&heard, 1);
    watch_client_disconnect(&client);
    listen_until(&closed, 1);
    assert_int_equal(last_rank, 2);
}

static void a_rank_that_connects_again_replaces_itself(void **state)
{
    (void)state;
    struct watch_client again = { .place = client.place, .socket = -1 };
    struct watch_report report = report_of_rank_2();
    watch_client_tell(&client, &report);
    listen_until(&heard, 1);
    assert_true(watch_client_connect(&again, &two, never));
    watch_client_tell(&again, &report);
    listen_until(&heard, 2);
    watch_client_disconnect(&client); /* the old one: no news */
    for (int i = 0; i < 5; i++)
        watch_server_listen(server, never, LISTEN_MS, note, NULL);
    assert_int_equal(closed, 0);
    watch_client_disconnect(&again);
    listen_until(&closed, 1);
}

static void strangers_make_room_for_ranks(void **state)
{
    (void)state;
    enum { STRANGERS = 40 };
    struct watch_client strangers[STRANGERS], late = { .place = client.place, .socket = -1 };
    for (int i = 0; i < STRANGERS; i++) {
        strangers[i] = (struct watch_client){ .place = client.place, .socket = -1 };
        assert_true(watch_client_connect(&strangers[i], &two, never));
        watch_server_listen(server, never, LISTEN_MS, note, NULL);
    }
    struct watch_report report = report_of_rank_2();
    assert_true(watch_client_connect(&late, &two, never));
    watch_client_tell(&late, &report);
    listen_until(&heard, 1);
    watch_client_disconnect(&late);
    for (int i = 0; i < STRANGERS; i++)
        watch_client_disconnect(&strangers[i]);
}

static void nobody_waits_for_a_rank_0_that_cannot_be_reached(void **state)
{
    (void)state;
    struct watch_client lost = { .socket = -1 };
    assert_false(watch_client_connect(&lost, &two, never)); /* port 0 */

    /* 192.0.2.0/24 is for documentation: no host answers there. The one who stops is not held up.
     */
    const struct world elsewhere = { .rank = 2, .size = SIZE, .host = "elsewhere" };
    lost.place = client.place;
    lost.place.count = 1;
    lost.place.addresses[0] = (struct watch_address){ .bytes = { 192, 0, 2, 1 } };
    int wake = eventfd(1, 0);
    double begun_s = clock_seconds();
    assert_false(watch_client_connect(&lost, &elsewhere, wake));
    assert_true(clock_seconds() - begun_s < 1.0);
    assert_false(watch_client_connect(&lost, &elsewhere, never));
    close(wake);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_both, close_both)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_report_arrives_and_is_answered),
        TEST(the_end_is_not_overtaken),
        TEST(who_does_not_know_the_secret_is_dropped),
        TEST(ranks_that_do_not_exist_and_broken_text_are_not_believed),
        TEST(the_end_of_a_rank_is_noticed),
        TEST(a_rank_that_connects_again_replaces_itself),
        TEST(strangers_make_room_for_ranks),
        TEST(nobody_waits_for_a_rank_0_that_cannot_be_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
