#include "comm/stall.h"

#include <stdio.h>

/* A closed connection is as good as an end: mpirun has had time to notice it by then. */
#define CLOSED_S 15.0

struct stall_limits stall_limits_of(double timeout_s)
{
    const double silent_most_s = 5.0;
    double silent_s = 0.5 * timeout_s;
    return (struct stall_limits){
        .timeout_s = timeout_s,
        .silent_s = silent_s < silent_most_s ? silent_s : silent_most_s,
    };
}

static bool is_in_operation(const struct stall_view *view)
{
    return flight_is_in_operation(&view->state);
}

static bool takes_part(const struct stall_view *view)
{
    return view->link != STALL_LEFT;
}

static bool is_silent(const struct stall_view *view, const struct stall_limits *limits)
{
    return view->link == STALL_CLOSED ||
           (view->link == STALL_HEARD && view->silent_s >= limits->silent_s);
}

/* Places along a rank's way: working beside operation s, waiting in it, moving its data, working
 * after it. */
static int64_t place_of(const struct stall_view *view)
{
    static const int64_t within[FLIGHT_PHASES] = {
        [FLIGHT_BESIDE] = 0, [FLIGHT_WAITING] = 1, [FLIGHT_MOVING] = 2, [FLIGHT_WORKING] = 3
    };
    return FLIGHT_PHASES * view->state.sequence + within[view->state.phase];
}

/* The rank that has been in an operation for longest, of those that are heard; -1: none. */
static int find_waiter(const struct stall_view *views, int size, const struct stall_limits *limits)
{
    int waiter = -1;
    for (int rank = 0; rank < size; rank++)
        if (views[rank].link == STALL_HEARD && !is_silent(&views[rank], limits) &&
            is_in_operation(&views[rank]) &&
            (waiter < 0 || views[rank].age_s > views[waiter].age_s))
            waiter = rank;
    return waiter;
}

/* How long a rank may wait: less for one whose connection has ended. */
static double find_patience(const struct stall_view *views, int size,
                            const struct stall_limits *limits)
{
    for (int rank = 0; rank < size; rank++)
        if (views[rank].link == STALL_CLOSED && views[rank].silent_s >= CLOSED_S)
            return CLOSED_S < limits->timeout_s ? CLOSED_S : limits->timeout_s;
    return limits->timeout_s;
}

/* How surely a rank is the one that is waited for. */
enum suspicion { NOT_LATE, UNSEEN, BEHIND, AT_WORK, SILENT };

static enum suspicion suspect(const struct stall_view *view, const struct stall_view *waiter,
                              const struct stall_limits *limits)
{
    if (!takes_part(view) || view == waiter)
        return NOT_LATE;
    if (view->link == STALL_UNSEEN)
        return UNSEEN;
    if (is_silent(view, limits))
        return SILENT;
    if (place_of(view) >= place_of(waiter))
        return NOT_LATE;
    return is_in_operation(view) ? BEHIND : AT_WORK;
}

/* Where it is: "in operation 812 'barrier' of 0 bytes", "after operation 811 'barrier', ...". */
static void describe_place(const struct stall_view *view, char *out, size_t bytes)
{
    const struct flight_state *state = &view->state;
    if (is_in_operation(view))
        snprintf(out, bytes, "in operation %lld '%s' of %lld bytes", (long long)state->sequence,
                 state->operation, (long long)state->bytes);
    else
        snprintf(out, bytes, "%s, %s operation %lld '%s'", state->doing,
                 state->phase == FLIGHT_BESIDE ? "beside" : "after", (long long)state->sequence,
                 state->operation);
}

static void describe_late(const struct stall_view *view, enum suspicion suspicion, char *out,
                          size_t bytes)
{
    char place[256];
    describe_place(view, place, sizeof place);
    if (suspicion == UNSEEN)
        snprintf(out, bytes, "was never heard of");
    else if (view->link == STALL_CLOSED)
        snprintf(out, bytes, "ended without a word %.0f s ago: it was %s", view->silent_s, place);
    else if (suspicion == SILENT)
        snprintf(out, bytes, "gives no sign of life since %.0f s, when it was %s", view->silent_s,
                 place);
    else
        snprintf(out, bytes, "is %s, since %.0f s", place, view->age_s);
}

static int count_waiters(const struct stall_view *views, int size,
                         const struct stall_limits *limits, const struct stall_view *waiter)
{
    int waiters = 0;
    for (int rank = 0; rank < size; rank++)
        waiters += views[rank].link == STALL_HEARD && !is_silent(&views[rank], limits) &&
                   is_in_operation(&views[rank]) &&
                   views[rank].state.sequence == waiter->state.sequence;
    return waiters;
}

bool stall_find(const struct stall_view *views, int size, const struct stall_limits *limits,
                char *message, size_t message_bytes)
{
    int waiter = find_waiter(views, size, limits), late = -1, alike = 0;
    if (waiter < 0 || views[waiter].age_s < find_patience(views, size, limits))
        return false;

    enum suspicion strongest = NOT_LATE;
    for (int rank = 0; rank < size; rank++) {
        enum suspicion suspicion = suspect(&views[rank], &views[waiter], limits);
        if (suspicion > strongest) {
            strongest = suspicion;
            late = rank;
            alike = 0;
        }
        alike += suspicion == strongest && suspicion != NOT_LATE;
    }
    char waited[256], what[512], more[64] = "";
    describe_place(&views[waiter], waited, sizeof waited);
    if (late < 0) {
        snprintf(
            message, message_bytes,
            "%d ranks are %s since %.0f s, and none is late: MPI or the network does not go on",
            count_waiters(views, size, limits, &views[waiter]), waited, views[waiter].age_s);
        return true;
    }
    describe_late(&views[late], strongest, what, sizeof what);
    if (alike > 1)
        snprintf(more, sizeof more, " (and %d more alike)", alike - 1);
    snprintf(message, message_bytes, "rank %d%s%s %s%s; rank %d%s for it %s, since %.0f s", late,
             views[late].host[0] ? " on " : "", views[late].host, what, more, waiter,
             count_waiters(views, size, limits, &views[waiter]) > 1 ? " and others wait" : " waits",
             waited, views[waiter].age_s);
    return true;
}
