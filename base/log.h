/* log: lines for a person, on standard error. Only rank 0 speaks, except for
 * warnings, which name their rank. Standard output is for results. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/status.h"

void log_set_rank(int rank, int size);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);    /* rank 0 alone */
void log_warning(const char *format, ...) PRINTF_LIKE(1, 2); /* any rank: "eon: warning: ..." */
void log_error(const char *message);                         /* "eon: MESSAGE" */

/* The line that is overwritten in place on a terminal. Nothing elsewhere. */
bool log_is_terminal(void);
void log_progress(const char *format, ...) PRINTF_LIKE(1, 2);
void log_progress_end(void);

#endif
