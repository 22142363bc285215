#include "comm/watch_link.h"

#include <errno.h>
#include <sys/socket.h>

bool watch_receive(int socket, void *record, size_t length, size_t *filled, bool *closed)
{
    ssize_t received =
        recv(socket, (unsigned char *)record + *filled, length - *filled, MSG_DONTWAIT);
    *closed = received == 0 ||
              (received < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
    if (received > 0)
        *filled += (size_t)received;
    if (*filled < length)
        return false;
    *filled = 0;
    return true;
}

bool watch_send(int socket, const void *record, size_t length)
{
    ssize_t sent = send(socket, record, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    return sent == (ssize_t)length; /* after a part the other side would misread all that follows */
}
