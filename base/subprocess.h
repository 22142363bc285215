/* subprocess: another program, started by its words as they are. No shell reads them, so no name
 * can break out of its quotes.
 */
#ifndef BASE_SUBPROCESS_H
#define BASE_SUBPROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/status.h"
#include "base/strbuf.h"

/* The words of a command, ended by NULL for execvp. */
struct word_list {
    char **words;
    int count, capacity;
};

#define WORD_LIST_INIT                                                                             \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }
void word_list_add(struct word_list *list, const char *word);
void word_list_addf(struct word_list *list, const char *format, ...) PRINTF_LIKE(2, 3);
void word_list_release(struct word_list *list);
/* As a person would type it into a shell. */
void word_list_print(const struct word_list *list, struct strbuf *out);

/* What of a program goes into the pipe; the rest is this process' own. */
enum subprocess_streams { SUBPROCESS_OUTPUT, SUBPROCESS_ERRORS, SUBPROCESS_BOTH };

/* Starts the program with its standard output, its standard error, or both in a pipe that *pipe_end
 * reads. It starts with the signals blocked that this thread blocks, or with none. Bad input where
 * it cannot be started. */
enum status subprocess_start(const struct word_list *command, enum subprocess_streams streams,
                             bool blocks_none, int *pipe_end, pid_t *child);
/* Waits for its end; its exit status as a shell says it: 128 + the signal that ended it. */
int subprocess_wait(pid_t child);

/* Runs the program to its end. Appends what it says, up to max_bytes. */
enum status subprocess_read(const struct word_list *command, enum subprocess_streams streams,
                            size_t max_bytes, struct strbuf *answer, int *exit_status);

#endif
