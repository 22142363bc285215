/* progress_line: what a person watches while a model trains.
 *
 *   step 1200/5000  loss 3.412  21.4k tokens/s  MFU 61%  lr 2.9e-04  14 min 5 s left
 *
 * On a terminal the line is overwritten in place; elsewhere (a file, a batch
 * job) it is a plain line at every log interval and at the last step.
 *
 * Local: rank 0 alone is heard (base/log.h).
 */
#ifndef TRAINER_REPORTS_PROGRESS_LINE_H
#define TRAINER_REPORTS_PROGRESS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress_line {
    int64_t steps_done, steps; /* before this start, and of the whole run */
    int64_t log_every;
    double begun, shown; /* clock_seconds */
    bool is_live;        /* on a terminal */
};

struct progress_report {
    int64_t step; /* just completed, 1 .. steps */
    double loss;
    double tokens_per_second;
    double utilisation; /* model FLOPs, in [0, 1]; NaN: unknown, not shown */
    double learning_rate;
};

void progress_line_begin(struct progress_line *line, int64_t steps_done, int64_t steps,
                         int64_t log_every);
/* After every step: decides by itself whether anything is shown. */
void progress_line_step(struct progress_line *line, const struct progress_report *report);
void progress_line_end(struct progress_line *line);

/* The text at time `now` (clock_seconds): remaining time by the mean pace of this start. */
void progress_line_format(const struct progress_line *line, const struct progress_report *report,
                          double now, char *out, size_t size);

#endif
