#include "comm/watch_server.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

enum { STRANGERS = 16, /* connections beside the ranks' */ UNKNOWN = -1 };
enum { POLL_WAKE, POLL_LISTENER, POLL_PEERS };

struct watch_peer {
    int socket, rank;
    size_t filled;
    struct watch_report report;
};

struct watch_server {
    struct watch_token token;
    int size, listener;
    int count, capacity;
    struct watch_peer *peers; /* [capacity], the first `count` in use */
    struct pollfd *polls;     /* [POLL_PEERS + capacity] */
};

/* Both families where the system has IPv6. */
static int listen_anywhere(void)
{
    struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
    struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY) };
    const int kind = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, off = 0;
    int listener = socket(AF_INET6, kind, 0);
    if (listener >= 0 && setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0 &&
        bind(listener, (struct sockaddr *)&any6, sizeof any6) == 0 &&
        listen(listener, SOMAXCONN) == 0)
        return listener;
    if (listener >= 0)
        close(listener);
    listener = socket(AF_INET, kind, 0);
    if (listener >= 0 && bind(listener, (struct sockaddr *)&any4, sizeof any4) == 0 &&
        listen(listener, SOMAXCONN) == 0)
        return listener;
    if (listener >= 0)
        close(listener);
    return -1;
}

static int port_of(int listener)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    if (getsockname(listener, (struct sockaddr *)&bound, &length) != 0)
        return 0;
    return ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                             : ((struct sockaddr_in *)&bound)->sin_port);
}

static void add_address(struct watch_place *place, const struct sockaddr *address)
{
    struct watch_address *next = &place->addresses[place->count];
    if (address->sa_family == AF_INET) {
        memcpy(next->bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else {
        const struct in6_addr *wide =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (IN6_IS_ADDR_LINKLOCAL(wide))
            return; /* means nothing on another host */
        next->is_ipv6 = 1;
        memcpy(next->bytes, wide, 16);
    }
    place->count++;
}

/* Every address under which this host may be reached from another. */
static void add_addresses(struct watch_place *place)
{
    const int room = (int)(sizeof place->addresses / sizeof *place->addresses);
    struct ifaddrs *interfaces = NULL;
    if (getifaddrs(&interfaces) != 0)
        return;
    for (const struct ifaddrs *at = interfaces; at && place->count < room; at = at->ifa_next)
        if (at->ifa_addr && (at->ifa_flags & IFF_UP) && !(at->ifa_flags & IFF_LOOPBACK) &&
            (at->ifa_addr->sa_family == AF_INET || at->ifa_addr->sa_family == AF_INET6))
            add_address(place, at->ifa_addr);
    freeifaddrs(interfaces);
}

/* A descriptor for each rank, beside those of all else. */
static void make_room_for_descriptors(int size)
{
    const rlim_t wanted = (rlim_t)size + 512;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
}

struct watch_server *watch_server_open(const struct world *world, struct watch_place *place)
{
    memset(place, 0, sizeof *place);
    memcpy(place->host, world->host, sizeof place->host);
    if (getrandom(&place->token, sizeof place->token, 0) != sizeof place->token)
        return NULL;
    int listener = listen_anywhere();
    place->port = listener >= 0 ? port_of(listener) : 0;
    if (place->port == 0) {
        if (listener >= 0)
            close(listener);
        return NULL;
    }
    add_addresses(place);
    make_room_for_descriptors(world->size);

    struct watch_server *server = memory_alloc_zeroed(1, sizeof *server);
    server->token = place->token;
    server->size = world->size;
    server->listener = listener;
    server->capacity = world->size + STRANGERS;
    server->peers = memory_alloc_zeroed((size_t)server->capacity, sizeof *server->peers);
    server->polls =
        memory_alloc_zeroed((size_t)server->capacity + POLL_PEERS, sizeof *server->polls);
    return server;
}

void watch_server_close(struct watch_server *server)
{
    if (!server)
        return;
    for (int i = 0; i < server->count; i++)
        close(server->peers[i].socket);
    close(server->listener);
    memory_free(server->polls);
    memory_free(server->peers);
    memory_free(server);
}

static void drop(struct watch_server *server, int place)
{
    close(server->peers[place].socket);
    server->count--;
    memmove(&server->peers[place], &server->peers[place + 1],
            (size_t)(server->count - place) * sizeof *server->peers);
}

/* The place of the first connection of a rank, or of a stranger; -1: there is none. */
static int find_rank(const struct watch_server *server, int rank)
{
    for (int i = 0; i < server->count; i++)
        if (server->peers[i].rank == rank)
            return i;
    return -1;
}

static void accept_peer(struct watch_server *server)
{
    int socket = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0)
        return;
    int stranger = server->count == server->capacity ? find_rank(server, UNKNOWN) : -1;
    if (stranger >= 0)
        drop(server, stranger);
    if (server->count == server->capacity) {
        close(socket);
        return;
    }
    server->peers[server->count++] = (struct watch_peer){ .socket = socket, .rank = UNKNOWN };
}

/* What came over the network may be anything until it is looked at. */
static bool is_valid(const struct watch_server *server, struct watch_report *report)
{
    struct flight_state *state = &report->state;
    report->host[sizeof report->host - 1] = '\0';
    state->operation[sizeof state->operation - 1] = '\0';
    state->doing[sizeof state->doing - 1] = '\0';
    return memcmp(&report->token, &server->token, sizeof server->token) == 0 && report->rank > 0 &&
           report->rank < server->size && state->phase >= 0 && state->phase < FLIGHT_PHASES;
}

/* False: the connection is of no use, and `listener` knows it. */
static bool hear_peer(struct watch_server *server, int place, watch_listener *listener,
                      void *context)
{
    struct watch_peer *peer = &server->peers[place];
    bool closed = false;
    while (
        watch_receive(peer->socket, &peer->report, sizeof peer->report, &peer->filled, &closed)) {
        if (!is_valid(server, &peer->report)) {
            closed = true;
            break;
        }
        int old = find_rank(server, peer->report.rank);
        if (old >= 0 && old != place)
            server->peers[old].rank = UNKNOWN;
        peer->rank = peer->report.rank;
        listener(context, peer->rank, &peer->report);
    }
    if (closed && peer->rank != UNKNOWN)
        listener(context, peer->rank, NULL);
    return !closed;
}

void watch_server_listen(struct watch_server *server, int wake, int timeout_ms,
                         watch_listener *listener, void *context)
{
    server->polls[POLL_WAKE] = (struct pollfd){ .fd = wake, .events = POLLIN };
    server->polls[POLL_LISTENER] = (struct pollfd){ .fd = server->listener, .events = POLLIN };
    for (int i = 0; i < server->count; i++)
        server->polls[POLL_PEERS + i] =
            (struct pollfd){ .fd = server->peers[i].socket, .events = POLLIN };
    if (poll(server->polls, (nfds_t)(POLL_PEERS + server->count), timeout_ms) <= 0)
        return;
    for (int i = server->count - 1; i >= 0; i--) /* from the end: dropping moves those behind */
        if (server->polls[POLL_PEERS + i].revents && !hear_peer(server, i, listener, context))
            drop(server, i);
    if (server->polls[POLL_LISTENER].revents)
        accept_peer(server);
}

void watch_server_tell(struct watch_server *server, enum watch_word word)
{
    const struct watch_answer answer = { .token = server->token, .word = word };
    for (int i = 0; i < server->count; i++) /* a broken one is noticed when it is listened to */
        if (server->peers[i].rank != UNKNOWN &&
            !watch_send(server->peers[i].socket, &answer, sizeof answer))
            shutdown(server->peers[i].socket, SHUT_RDWR);
}
