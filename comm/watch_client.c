#include "comm/watch_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECT_MS = 3000 };

/* Of a socket that connects: did it, before the time was up? */
static bool wait_until_connected(int socket, int wake)
{
    struct pollfd polls[] = { { .fd = socket, .events = POLLOUT },
                              { .fd = wake, .events = POLLIN } };
    int error = 0;
    socklen_t length = sizeof error;
    return poll(polls, 2, CONNECT_MS) > 0 && polls[0].revents && !polls[1].revents &&
           getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

static int connect_to(const struct watch_address *address, int port, int wake)
{
    struct sockaddr_in narrow = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct sockaddr_in6 wide = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    memcpy(&narrow.sin_addr, address->bytes, 4);
    memcpy(&wide.sin6_addr, address->bytes, 16);
    const struct sockaddr *target =
        address->is_ipv6 ? (struct sockaddr *)&wide : (struct sockaddr *)&narrow;
    socklen_t length = address->is_ipv6 ? sizeof wide : sizeof narrow;

    int connection = socket(target->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection < 0)
        return -1;
    if (connect(connection, target, length) == 0 ||
        (errno == EINPROGRESS && wait_until_connected(connection, wake)))
        return connection;
    close(connection);
    return -1;
}

bool watch_client_connect(struct watch_client *client, const struct world *world, int wake)
{
    static const struct watch_address own_host = { .bytes = { 127, 0, 0, 1 } };
    const struct watch_place *place = &client->place;
    client->filled = 0;
    client->socket = -1;
    if (place->port == 0)
        return false;
    if (strcmp(place->host, world->host) == 0)
        client->socket = connect_to(&own_host, place->port, wake);
    for (int i = 0; i < place->count && client->socket < 0; i++) {
        struct pollfd asked = { .fd = wake, .events = POLLIN };
        if (poll(&asked, 1, 0) > 0)
            return false;
        client->socket = connect_to(&place->addresses[i], place->port, wake);
    }
    return client->socket >= 0;
}

void watch_client_disconnect(struct watch_client *client)
{
    if (client->socket >= 0)
        close(client->socket);
    client->socket = -1;
    client->filled = 0;
}

void watch_client_tell(struct watch_client *client, const struct watch_report *report)
{
    if (client->socket >= 0 && !watch_send(client->socket, report, sizeof *report))
        watch_client_disconnect(client);
}

int watch_client_listen(struct watch_client *client, int wake, int timeout_ms)
{
    struct pollfd polls[] = { { .fd = wake, .events = POLLIN },
                              { .fd = client->socket, .events = POLLIN } };
    int word = 0;
    bool closed = false;
    if (poll(polls, 2, timeout_ms) <= 0 || !polls[1].revents) /* -1 is never ready */
        return 0;
    while (watch_receive(client->socket, &client->answer, sizeof client->answer, &client->filled,
                         &closed)) {
        if (memcmp(&client->answer.token, &client->place.token, sizeof client->place.token) != 0) {
            closed = true;
            break;
        }
        if (word != WATCH_END)
            word = (int)client->answer.word;
    }
    if (closed)
        watch_client_disconnect(client);
    return word;
}
