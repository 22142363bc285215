/* metrics_trim: takes back the lines of metrics.jsonl that a resumed run will write again. */
#ifndef TRAINER_REPORTS_METRICS_TRIM_H
#define TRAINER_REPORTS_METRICS_TRIM_H

#include <stdint.h>

#include "base/status.h"

struct metrics_trimmed {
    int64_t kept, later; /* lines of steps up to last_step, and after it */
    int64_t unreadable;  /* no JSON object with a step; not counting a half-written last line */
};

/* Rewrites `path` without the lines of steps after `last_step`, and without unreadable ones,
 * through a file beside it that replaces it; a file with unreadable lines is kept as PATH.damaged.
 * Untouched where there is nothing to drop; no file is fine, and what is no regular file is left
 * alone. On errors the file is as it was. */
enum status metrics_trim(const char *path, int64_t last_step, struct metrics_trimmed *trimmed);

#endif
