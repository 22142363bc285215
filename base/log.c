#include "base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/printable.h"

enum { LINE_BYTES = STATUS_MESSAGE_BYTES };

static int log_rank, log_size = 1;
static bool progress_shown;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void log_set_rank(int rank, int size)
{
    char host[128] = "an unnamed host", who[192];
    log_rank = rank;
    log_size = size;
    gethostname(host, sizeof host - 1);
    snprintf(who, sizeof who, "rank %d on %s", rank, host);
    fatal_set_who(who);
}

/* One write a line, so that lines of several ranks do not mix. A closed pipe
 * or a full disk is no reason to stop a training: the line is lost. */
static void write_text(const char *text, size_t length)
{
    ssize_t written = write(STDERR_FILENO, text, length);
    (void)written;
}

static void write_line(const char *prefix, const char *message)
{
    static const char erase[] = "\r\033[K"; /* the progress line makes room */
    char shown[LINE_BYTES], line[LINE_BYTES + 128];
    printable_copy(shown, sizeof shown, message);

    pthread_mutex_lock(&lock);
    int length =
        snprintf(line, sizeof line, "%s%s%s\n", progress_shown ? erase : "", prefix, shown);
    progress_shown = false;
    write_text(line, (size_t)length);
    pthread_mutex_unlock(&lock);
}

void log_info(const char *format, ...)
{
    if (log_rank != 0)
        return;
    char message[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    write_line("", message);
}

void log_warning(const char *format, ...)
{
    char message[LINE_BYTES], prefix[64] = "eon: warning: ";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (log_size > 1)
        snprintf(prefix, sizeof prefix, "eon: warning: rank %d: ", log_rank);
    write_line(prefix, message);
}

void log_error(const char *message)
{
    write_line("eon: ", message);
}

bool log_is_terminal(void)
{
    return isatty(STDERR_FILENO) == 1;
}

static size_t terminal_columns(void)
{
    struct winsize window;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col < 8)
        return 80;
    return window.ws_col;
}

void log_progress(const char *format, ...)
{
    if (log_rank != 0 || !log_is_terminal())
        return;
    char message[512], shown[512], line[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);

    /* A line that wraps could not be overwritten: cut it at the last column. */
    size_t columns = terminal_columns();
    printable_copy(shown, columns < sizeof shown ? columns : sizeof shown, message);
    int length = snprintf(line, sizeof line, "\r%s\033[K", shown);

    pthread_mutex_lock(&lock);
    progress_shown = true;
    write_text(line, (size_t)length);
    pthread_mutex_unlock(&lock);
}

void log_progress_end(void)
{
    pthread_mutex_lock(&lock);
    if (progress_shown)
        write_text("\n", 1);
    progress_shown = false;
    pthread_mutex_unlock(&lock);
}
