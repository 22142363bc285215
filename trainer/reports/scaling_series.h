/* scaling_series: which points of a study can be compared, and what more cores brought.
 *
 *   strong    the same tokens a step on more ranks, each with as many threads
 *   weak      the same tokens a step for each rank, on more ranks
 *   threads   the same tokens a step on as many ranks and nodes, each with more threads
 *   single    what is left: no other point differs in that alone
 *
 * In a series all runs have the same settings (speed_record_setting), and it has two numbers of
 * cores at least. A point may be in one of each kind. The smallest point, that of fewest cores, is
 * the measure of the others, which are `factor` times as large:
 *
 *   speed-up = tokens/s over the smallest's          efficiency = speed-up / factor
 *
 * In weak scaling too: there the work of a step grows with the cores, so that tokens/s should.
 */
#ifndef TRAINER_REPORTS_SCALING_SERIES_H
#define TRAINER_REPORTS_SCALING_SERIES_H

#include "trainer/reports/scaling_study.h"

enum scaling_kind { SCALING_STRONG, SCALING_WEAK, SCALING_THREADS, SCALING_SINGLE, SCALING_KINDS };
extern const char *const scaling_kind_names[SCALING_KINDS];

struct scaling_member {
    const struct scaling_point *point; /* of the study */
    double speedup, efficiency;        /* NaN: of SCALING_SINGLE */
};

struct scaling_series {
    enum scaling_kind kind;
    struct scaling_member *members; /* ascending cores, nodes, names */
    int64_t count;
    char *
        title; /* "strong scaling: 16384 tokens a step, 2 threads a rank", and what sets it apart */
};

struct scaling_series_list {
    struct scaling_series *series; /* by kind; within one, by their first points' names */
    int64_t count;
};

/* The study outlives the list, which holds one series at least. */
void scaling_series_find(const struct scaling_study *study, struct scaling_series_list *list);
void scaling_series_release(struct scaling_series_list *list);

/* What the smallest point of the series would bring with so many cores. */
double scaling_series_ideal(const struct scaling_series *series, int64_t cores);

#endif
