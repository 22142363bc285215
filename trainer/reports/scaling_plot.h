/* scaling_plot: tokens a second over cores, both on a logarithmic scale, as an SVG picture.
 *
 *   8k |                . ideal        a colour for each series, a marker for its kind; the
 *      |            .  o 91 %          efficiency stands beside each point, and a dashed line
 *   4k |        o 97 %                 goes from the smallest one to what the same for each
 *      |    o 100 %                    core would bring
 *   2k +----+---+---+--
 *           1   2   4  cores
 */
#ifndef TRAINER_REPORTS_SCALING_PLOT_H
#define TRAINER_REPORTS_SCALING_PLOT_H

#include "base/strbuf.h"
#include "trainer/reports/scaling_series.h"

/* Appends the picture. `name` is the study's. */
void scaling_plot_draw(const struct scaling_series_list *list, const char *name,
                       struct strbuf *out);

#endif
