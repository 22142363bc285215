/* status: how a function says that it did not succeed.
 *
 * Two kinds of trouble are kept apart. Bad input and failing surroundings (a
 * malformed file, a full disk) are a status that is passed up with TRY; its
 * one-line message waits in the calling thread until the command prints it. A
 * broken invariant, a failing MPI call or exhausted memory is fatal: it ends
 * all ranks at once through the hook that comm sets.
 *
 * Messages: lower case, the error first, the subject quoted:
 *   cannot open shard 'x.h5': truncated at byte 4096
 * They are always one line of valid UTF-8: what a hostile file or its name
 * brings in of control characters or broken UTF-8 is escaped (printable.h).
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <stdarg.h>
#include <stdbool.h>

/* Longest message with its NUL; a longer one is cut and ends in "...". */
enum { STATUS_MESSAGE_BYTES = 2048 };

#define PRINTF_LIKE(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

/* The values are the exit statuses of the command. */
enum status {
    STATUS_OK = 0,
    STATUS_FAILED = 1,    /* the surroundings failed: input or output, limits */
    STATUS_BAD_INPUT = 2, /* wrong use, or a file from outside is malformed */
    STATUS_STOPPED = 75,  /* stopped early, resumable */
};

/* bad_input(format, ...) and failed(format, ...) set this thread's message and
 * return the status of their name. Macros, so that the compiler sees that the
 * result is never STATUS_OK when it looks for uninitialised results. */
#define bad_input(...) status_is(STATUS_BAD_INPUT, status_say(__VA_ARGS__))
#define failed(...)    status_is(STATUS_FAILED, status_say(__VA_ARGS__))

const char *status_say(const char *format, ...) PRINTF_LIKE(1, 2);

static inline enum status status_is(enum status status, const char *message)
{
    (void)message; /* said already: it only orders the two calls */
    return status;
}

/* Sets this thread's message to an arbitrary status' (what another rank said). */
enum status status_set(enum status status, const char *message);

/* Puts "context: " before this thread's message and returns `status` itself. */
enum status status_prefix(enum status status, const char *format, ...) PRINTF_LIKE(2, 3);

/* The message of the last status that was not OK, in this thread; never NULL. */
const char *status_message(void);

#define TRY(expression)                                                                            \
    do {                                                                                           \
        enum status try_status_ = (expression);                                                    \
        if (try_status_ != STATUS_OK)                                                              \
            return try_status_;                                                                    \
    } while (0)

/* The same where something is held: needs `enum status status` and `cleanup:`. */
#define TRY_CLEANUP(expression)                                                                    \
    do {                                                                                           \
        status = (expression);                                                                     \
        if (status != STATUS_OK)                                                                   \
            goto cleanup;                                                                          \
    } while (0)

/* Ends the program, and through the hook all ranks, with one message:
 *   eon: fatal: WHO: MESSAGE (file.c:line)                                 */
_Noreturn void fatal_at(const char *file, int line, const char *format, ...) PRINTF_LIKE(3, 4);
#define fatal(...) fatal_at(__FILE__, __LINE__, __VA_ARGS__)

/* Always on: CHECK(condition, "what went wrong, with values", ...). */
#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            fatal(__VA_ARGS__);                                                                    \
    } while (0)

/* Called once with the whole line instead of printing and exiting; must not
 * return. NULL restores the default (print to standard error, exit 1). */
typedef void fatal_hook(const char *message);
void fatal_set_hook(fatal_hook *hook);

/* WHO in fatal messages ("rank 3 on node07"); log_set_rank calls it. */
void fatal_set_who(const char *who);

#endif
