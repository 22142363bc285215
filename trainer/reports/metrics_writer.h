/* metrics_writer: RUN/metrics.jsonl, one JSON object a line, in ascending steps.
 *
 * A record has at least "step". Each line is one write to a file opened for
 * appending, so that a reader or a kill sees whole lines, but for the last.
 *
 * Metrics never stop a training: a full disk or a closed pipe loses lines, with
 * one warning when it begins and one message with their number when it ends.
 *
 * A resumed run takes its own later lines back: on opening, lines of steps after
 * the one that is resumed from are dropped, and so is what a kill left half
 * written. The kept lines are written to a file beside, which then takes the
 * place of the old one: a second kill finds the old or the new file.
 *
 * Local: one process (rank 0) writes.
 */
#ifndef TRAINER_REPORTS_METRICS_WRITER_H
#define TRAINER_REPORTS_METRICS_WRITER_H

#include <stdint.h>

#include "base/json.h"

#define METRICS_FILE "metrics.jsonl" /* in the run's folder */

struct metrics_writer;

/* Keeps the lines of steps up to `last_step` (0 for a new run). Never fails: trouble is a warning.
 */
struct metrics_writer *metrics_writer_open(const char *run_folder, int64_t last_step);
void metrics_writer_add(struct metrics_writer *writer, const struct json *record);
void metrics_writer_close(struct metrics_writer *writer); /* NULL is allowed */

#endif
