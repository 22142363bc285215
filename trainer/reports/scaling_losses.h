/* scaling_losses: whether the runs of a series learned the same. In strong scaling, and with other
 * numbers of threads, they have the same bits (docs/same-bits.md): else they are not the same work,
 * and their speeds say nothing. */
#ifndef TRAINER_REPORTS_SCALING_LOSSES_H
#define TRAINER_REPORTS_SCALING_LOSSES_H

#include "trainer/reports/scaling_series.h"

struct scaling_losses {
    bool are_same;                       /* all of them, bit for bit */
    int64_t step;                        /* the last that all runs have logged */
    double first, other;                 /* that of the first point, and one that differs */
    const struct scaling_point *differs; /* NULL: none */
};

/* Whether its runs are to have the same losses. */
bool scaling_losses_are_due(const struct scaling_series *series);

/* Bad input where a run's metrics cannot be read, or no step is in all of them. */
enum status scaling_losses_compare(const struct scaling_series *series,
                                   struct scaling_losses *losses);

#endif
