#include "trainer/reports/progress_line.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

static const double live_interval_seconds = 0.1; /* faster than that no one reads */

enum { LINE_BYTES = 256 };

void progress_line_begin(struct progress_line *line, int64_t steps_done, int64_t steps,
                         int64_t log_every)
{
    *line = (struct progress_line){ .steps_done = steps_done,
                                    .steps = steps,
                                    .log_every = log_every,
                                    .begun = clock_seconds(),
                                    .shown = -INFINITY,
                                    .is_live = log_is_terminal() };
}

/* "812", "21.4k", "1.2M": stays short at any speed. */
static void format_rate(double rate, char *out, size_t size)
{
    if (rate >= 999.5e3)
        snprintf(out, size, "%.1fM", rate / 1e6);
    else if (rate >= 9999.5)
        snprintf(out, size, "%.1fk", rate / 1e3);
    else
        snprintf(out, size, "%.0f", rate);
}

void progress_line_format(const struct progress_line *line, const struct progress_report *report,
                          double now, char *out, size_t size)
{
    char rate[32], share[32] = "", remaining[64] = "done";
    format_rate(report->tokens_per_second, rate, sizeof rate);
    if (!isnan(report->utilisation))
        snprintf(share, sizeof share, "  MFU %.0f%%", 100 * report->utilisation);

    int64_t done = report->step - line->steps_done, left = line->steps - report->step;
    if (left > 0 && done > 0) {
        char duration[48];
        clock_format_duration((now - line->begun) / (double)done * (double)left, duration,
                              sizeof duration);
        snprintf(remaining, sizeof remaining, "%s left", duration);
    }
    snprintf(out, size, "step %lld/%lld  loss %.3f  %s tokens/s%s  lr %.1e  %s",
             (long long)report->step, (long long)line->steps, report->loss, rate, share,
             report->learning_rate, remaining);
}

void progress_line_step(struct progress_line *line, const struct progress_report *report)
{
    double now = clock_seconds();
    bool is_last = report->step >= line->steps;
    bool is_due = line->is_live ? now - line->shown >= live_interval_seconds
                                : report->step % line->log_every == 0;
    if (!is_due && !is_last)
        return;

    char text[LINE_BYTES];
    progress_line_format(line, report, now, text, sizeof text);
    if (line->is_live)
        log_progress("%s", text);
    else
        log_info("%s", text);
    line->shown = now;
}

void progress_line_end(struct progress_line *line)
{
    if (line->is_live)
        log_progress_end();
}
