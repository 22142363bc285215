/* loss_curve: the losses of a run, from RUN/metrics.jsonl, and a picture of them in characters.
 *
 *   7.34 |o
 *        | oo
 *        |   ooooxooo
 *   4.21 |           oooxoooooox
 *        +----------------------
 *         1                  400
 */
#ifndef TRAINER_REPORTS_LOSS_CURVE_H
#define TRAINER_REPORTS_LOSS_CURVE_H

#include <stdint.h>

#include "base/status.h"
#include "base/strbuf.h"

struct loss_point {
    int64_t step;
    double loss;          /* nats a token */
    double bits_per_byte; /* of held-out text; NaN for training */
};

struct loss_points {
    struct loss_point *points;
    int64_t count, capacity;
};

struct loss_curve {
    struct loss_points training, heldout;
};

/* A line that is no JSON object is bad input, named by its number; the last may be half
 * written, as a kill leaves it. */
enum status loss_curve_read(const char *run_folder, struct loss_curve *curve);
void loss_curve_release(struct loss_curve *curve);

/* Appends `rows` lines of `columns` characters and the axes. A column shows the mean of its
 * steps; the losses' axis runs over the means. */
void loss_curve_draw(const struct loss_curve *curve, int columns, int rows, struct strbuf *out);

#endif
