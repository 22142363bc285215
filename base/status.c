#include "base/status.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/printable.h"

/* No allocation here: these functions also speak when memory has run out. */
static _Thread_local char thread_message[STATUS_MESSAGE_BYTES];

static char fatal_who[256];
static _Atomic(fatal_hook *) fatal_hook_set;

const char *status_say(const char *format, ...)
{
    char raw[STATUS_MESSAGE_BYTES]; /* the arguments may point into thread_message */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    printable_copy(thread_message, sizeof thread_message, raw);
    return thread_message;
}

enum status status_set(enum status status, const char *message)
{
    status_say("%s", message);
    return status;
}

enum status status_prefix(enum status status, const char *format, ...)
{
    char context[STATUS_MESSAGE_BYTES], raw[2 * STATUS_MESSAGE_BYTES + 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(context, sizeof context, format, arguments);
    va_end(arguments);
    snprintf(raw, sizeof raw, "%s: %s", context, thread_message);
    printable_copy(thread_message, sizeof thread_message, raw);
    return status;
}

const char *status_message(void)
{
    return thread_message;
}

void fatal_set_hook(fatal_hook *hook)
{
    atomic_store(&fatal_hook_set, hook);
}

void fatal_set_who(const char *who)
{
    snprintf(fatal_who, sizeof fatal_who, "%s", who);
}

static void print_line(const char *line)
{
    char text[STATUS_MESSAGE_BYTES + 1];
    int length = snprintf(text, sizeof text, "%s\n", line);
    /* One write, so that lines of several ranks do not mix. If standard error
     * is gone there is nobody left to tell. */
    ssize_t written = write(STDERR_FILENO, text, (size_t)length);
    (void)written;
}

void fatal_at(const char *file, int line, const char *format, ...)
{
    static atomic_flag entered = ATOMIC_FLAG_INIT;
    static _Thread_local bool inside;

    char message[STATUS_MESSAGE_BYTES], raw[2 * STATUS_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    snprintf(raw, sizeof raw, "eon: fatal: %s%s%s (%s:%d)", fatal_who, *fatal_who ? ": " : "",
             message, file, line);
    printable_copy(message, sizeof message, raw);

    if (atomic_flag_test_and_set(&entered) && !inside) {
        sleep(30); /* another thread is ending the program: one message is enough */
        _exit(STATUS_FAILED);
    }
    fatal_hook *hook = atomic_load(&fatal_hook_set);
    if (hook && !inside) {
        inside = true;
        hook(message);
    }
    /* Not exit(): other threads still run, and would meet released state. */
    print_line(message);
    _exit(STATUS_FAILED);
}
