/* plot_labels: places for the labels of points in a plot, so that none covers another.
 *
 *        3 | 2          each point asks for its favourite corner, then for the others, then for
 *        --o--          those corners further off; where all are taken it has no label
 *        1 | 0
 *
 * Pixels, from the upper left corner of the picture.
 */
#ifndef TRAINER_REPORTS_PLOT_LABELS_H
#define TRAINER_REPORTS_PLOT_LABELS_H

#include <stdbool.h>
#include <stdint.h>

struct plot_box {
    double left, top, right, bottom;
};

struct plot_labels {
    struct plot_box frame; /* they stay within it */
    struct plot_box *taken;
    int64_t count, capacity;
};

enum plot_corner { BELOW_RIGHT, BELOW_LEFT, ABOVE_RIGHT, ABOVE_LEFT, PLOT_CORNERS };

void plot_labels_init(struct plot_labels *labels, struct plot_box frame);
void plot_labels_release(struct plot_labels *labels);

/* A place of that size for the label of point (x, y), from now on taken; false: there is none. */
bool plot_labels_place(struct plot_labels *labels, double x, double y, double width, double height,
                       enum plot_corner favourite, struct plot_box *place);

#endif
