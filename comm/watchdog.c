#include "comm/watchdog.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "comm/stall.h"
#include "comm/watch_client.h"
#include "comm/watch_server.h"

#define BEAT_S        0.5
#define AWAKE_MOST_S  2.0  /* a longer beat was not this rank's waiting: it was suspended */
#define DROWSY_S      5.0  /* after that it judges nobody: others may just have ended the job */
#define RETRY_S       10.0 /* between attempts to connect */
#define UNSEEN_TOLD_S 60.0 /* after that rank 0 tells once which ranks it cannot see */
#define WRITING_S     3.0  /* that the others have for their last operations */

struct watchdog {
    const struct world *world;
    struct stall_limits limits;
    pthread_t thread;
    atomic_bool is_to_stop;
    int wake; /* becomes readable when the thread is to stop */
    double beat_s;
    double awake_s;          /* in all */
    double drowsy_s;         /* until this rank may judge again */
    struct stall_view *mine; /* what this rank knows of itself */

    struct watch_server *server; /* rank 0; NULL elsewhere, and where it cannot listen */
    struct stall_view *views;    /* [size] on rank 0, [1] elsewhere */
    int written;
    bool has_told_unseen;

    struct watch_client client; /* the other ranks */
    double silent_s;            /* since rank 0's last word */
    double retry_s;             /* until the next attempt to connect */
    bool has_noticed;           /* that rank 0 is silent while this rank waits */
};

static int ms_to_next_beat(const struct watchdog *dog)
{
    double left_s = dog->beat_s + BEAT_S - clock_seconds();
    return left_s > 0 ? (int)(left_s * 1e3) + 1 : 0;
}

/* True every BEAT_S; *awake_s is how long this rank lived since the last time. */
static bool beat_is_due(struct watchdog *dog, double *awake_s)
{
    double now_s = clock_seconds(), passed_s = now_s - dog->beat_s;
    if (passed_s < BEAT_S)
        return false;
    *awake_s = passed_s < AWAKE_MOST_S ? passed_s : AWAKE_MOST_S;
    dog->beat_s = now_s;
    dog->awake_s += *awake_s;
    dog->drowsy_s = passed_s < AWAKE_MOST_S ? dog->drowsy_s - *awake_s : DROWSY_S;
    return true;
}

static void watch_self(struct watchdog *dog, double awake_s)
{
    struct stall_view *mine = dog->mine;
    struct flight_state now = flight_recorder_state();
    bool is_where_it_was = now.sequence == mine->state.sequence && now.phase == mine->state.phase;
    mine->age_s = is_where_it_was ? mine->age_s + awake_s : 0.0;
    mine->state = now;
}

/* ---- Rank 0 ---- */

static void take_report(void *context, int rank, const struct watch_report *report)
{
    struct watchdog *dog = context;
    struct stall_view *view = &dog->views[rank];
    if (!report) {
        view->link = view->link == STALL_LEFT ? STALL_LEFT : STALL_CLOSED;
        return;
    }
    view->link = report->word == WATCH_LEAVES ? STALL_LEFT : STALL_HEARD;
    view->silent_s = 0.0;
    view->age_s = report->age_s;
    view->state = report->state;
    memcpy(view->host, report->host, sizeof view->host);
    dog->written += report->word == WATCH_WRITTEN;
}

static int count_who_can_write(const struct watchdog *dog)
{
    int count = 0;
    for (int rank = 1; rank < dog->world->size; rank++)
        count += dog->views[rank].link == STALL_HEARD &&
                 dog->views[rank].silent_s < dog->limits.silent_s;
    return count;
}

static _Noreturn void end_job(struct watchdog *dog, const char *message)
{
    const int writers = count_who_can_write(dog);
    const double begun_s = clock_seconds();
    if (dog->server)
        watch_server_tell(dog->server, WATCH_END);
    flight_recorder_write(message);
    while (dog->server && dog->written < writers && clock_seconds() - begun_s < WRITING_S)
        watch_server_listen(dog->server, -1, (int)(1e3 * BEAT_S), take_report, dog);
    fatal("%s", message);
}

static void tell_unseen_once(struct watchdog *dog)
{
    int unseen = 0, first = 0;
    if (dog->has_told_unseen || dog->awake_s < UNSEEN_TOLD_S)
        return;
    for (int rank = dog->world->size - 1; rank > 0; rank--)
        if (dog->views[rank].link == STALL_UNSEEN) {
            unseen++;
            first = rank;
        }
    if (unseen > 0)
        log_warning("%d of %d ranks, the first of them rank %d, cannot reach rank 0's watchdog "
                    "over TCP: a hang ends, but it may not be named who is late",
                    unseen, dog->world->size, first);
    dog->has_told_unseen = true;
}

static void guard_all(struct watchdog *dog)
{
    char message[STATUS_MESSAGE_BYTES / 2];
    double awake_s;
    while (!atomic_load(&dog->is_to_stop)) {
        struct pollfd wake = { .fd = dog->wake, .events = POLLIN };
        if (dog->server)
            watch_server_listen(dog->server, dog->wake, ms_to_next_beat(dog), take_report, dog);
        else
            poll(&wake, 1, ms_to_next_beat(dog));
        if (!beat_is_due(dog, &awake_s))
            continue;
        for (int rank = 1; rank < dog->world->size; rank++)
            dog->views[rank].silent_s += awake_s;
        watch_self(dog, awake_s);
        if (dog->server)
            watch_server_tell(dog->server, WATCH_ALIVE);
        if (dog->drowsy_s <= 0 &&
            stall_find(dog->views, dog->world->size, &dog->limits, message, sizeof message))
            end_job(dog, message);
        tell_unseen_once(dog);
    }
}

/* ---- The other ranks ---- */

static void report_to_rank_0(struct watchdog *dog, enum watch_word word)
{
    struct watch_report report;
    memset(&report, 0, sizeof report);
    report.token = dog->client.place.token;
    report.rank = dog->world->rank;
    report.word = word;
    report.age_s = dog->mine->age_s;
    report.state = dog->mine->state;
    memcpy(report.host, dog->world->host, sizeof report.host);
    watch_client_tell(&dog->client, &report);
}

static void connect_if_due(struct watchdog *dog)
{
    if (dog->client.socket >= 0 || dog->retry_s > 0)
        return;
    dog->silent_s = 0.0;
    if (watch_client_connect(&dog->client, dog->world, dog->wake))
        report_to_rank_0(dog, WATCH_ALIVE);
    else
        dog->retry_s = RETRY_S;
}

/* Rank 0 judges; by its own lights this rank ends the job only where rank 0 says nothing. The
 * lowest rank comes first, so that one speaks for all. */
static void judge_rank_0(struct watchdog *dog)
{
    enum { LAST_TURN = 8 };
    const double unconnected_s = 5.0; /* rank 0 may see what this rank does not: it goes first */
    const struct stall_view *mine = dog->mine;
    const struct flight_state *state = &mine->state;
    const bool is_connected = dog->client.socket >= 0;
    double limit_s = dog->limits.timeout_s + (is_connected ? 0.0 : unconnected_s);
    if (!flight_is_in_operation(state) || mine->age_s < limit_s ||
        (is_connected && dog->silent_s < dog->limits.silent_s)) {
        dog->has_noticed = false;
        return;
    }
    char message[STATUS_MESSAGE_BYTES / 2];
    snprintf(message, sizeof message,
             "rank 0 on %s %s; rank %d waits in operation %lld '%s' of %lld bytes, since %.0f s",
             dog->client.place.host,
             is_connected ? "gives no sign of life" : "cannot be asked who is late",
             dog->world->rank, (long long)state->sequence, state->operation,
             (long long)state->bytes, mine->age_s);
    if (!dog->has_noticed)
        flight_recorder_write(message);
    dog->has_noticed = true;
    int turn = dog->world->rank < LAST_TURN ? dog->world->rank : LAST_TURN;
    if (mine->age_s >= limit_s + 2 * BEAT_S * (turn - 1))
        fatal("%s", message);
}

/* Rank 0 ends the job, and speaks for it. */
static _Noreturn void write_and_wait_for_the_end(struct watchdog *dog)
{
    enum { END_S = 20 };
    flight_recorder_write("the job ends: rank 0 says why");
    report_to_rank_0(dog, WATCH_WRITTEN);
    sleep(END_S);
    _exit(STATUS_FAILED);
}

static void guard_self(struct watchdog *dog)
{
    double awake_s;
    while (!atomic_load(&dog->is_to_stop)) {
        connect_if_due(dog);
        int word = watch_client_listen(&dog->client, dog->wake, ms_to_next_beat(dog));
        if (word == WATCH_END)
            write_and_wait_for_the_end(dog);
        if (word == WATCH_ALIVE)
            dog->silent_s = 0.0;
        if (!beat_is_due(dog, &awake_s))
            continue;
        dog->silent_s += awake_s;
        dog->retry_s -= awake_s;
        watch_self(dog, awake_s);
        report_to_rank_0(dog, WATCH_ALIVE);
        if (dog->drowsy_s <= 0)
            judge_rank_0(dog);
    }
    report_to_rank_0(dog, WATCH_LEAVES);
}

/* ---- Both ---- */

static void *run(void *context)
{
    struct watchdog *dog = context;
    if (dog->world->rank == 0)
        guard_all(dog);
    else
        guard_self(dog);
    return NULL;
}

/* Signals are the main thread's. */
static void start_thread(struct watchdog *dog)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&dog->thread, NULL, run, dog);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    CHECK(code == 0, "the watchdog's thread cannot start: %s", strerror(code));
}

struct watchdog *watchdog_start(const struct world *world, double timeout_s, const char *folder)
{
    if (world->size == 1)
        return NULL;
    struct {
        struct watch_place place;
        double timeout_s;
    } shared = { .timeout_s = timeout_s };
    struct watch_server *server = NULL;
    if (world->rank == 0 && timeout_s > 0)
        server = watch_server_open(world, &shared.place);
    world_broadcast(world, &shared, sizeof shared, 0);
    flight_recorder_set_folder(folder, world->rank);
    if (!(shared.timeout_s > 0))
        return NULL;

    struct watchdog *dog = memory_alloc_zeroed(1, sizeof *dog);
    dog->world = world;
    dog->limits = stall_limits_of(shared.timeout_s);
    dog->server = server;
    dog->views =
        memory_alloc_zeroed(world->rank == 0 ? (size_t)world->size : 1, sizeof *dog->views);
    dog->mine = dog->views;
    dog->mine->link = STALL_HEARD;
    memcpy(dog->mine->host, world->host, sizeof dog->mine->host);
    dog->client.place = shared.place;
    dog->client.socket = -1;
    dog->beat_s = clock_seconds();
    dog->wake = eventfd(0, EFD_CLOEXEC);
    CHECK(dog->wake >= 0, "the watchdog cannot be woken: no descriptor is left");
    start_thread(dog);
    return dog;
}

void watchdog_stop(struct watchdog *watchdog)
{
    if (!watchdog) {
        flight_recorder_set_folder(NULL, 0);
        return;
    }
    world_barrier(watchdog->world);
    atomic_store(&watchdog->is_to_stop, true);
    const uint64_t one = 1;
    CHECK(write(watchdog->wake, &one, sizeof one) == sizeof one, "the watchdog is not woken");
    pthread_join(watchdog->thread, NULL);
    flight_recorder_set_folder(NULL, 0);
    watch_server_close(watchdog->server);
    watch_client_disconnect(&watchdog->client);
    close(watchdog->wake);
    memory_free(watchdog->views);
    memory_free(watchdog);
}
