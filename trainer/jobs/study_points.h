/* study_points: the trainings of a scaling study, written by who submits it, read by each job.
 *
 *   STUDY/study.json   {"format_version": 1, "train": ["--corpus=C", ...],
 *                       "points": [{"name": "n2-r1-t8", "nodes": 2, "ranks_per_node": 1,
 *                                   "threads": 8, "leaves": 16}, ...]}
 *
 * A point trains in STUDY/NAME. All combinations of nodes, ranks and threads have the same global
 * batch (strong scaling), and once more one that grows with the ranks (weak scaling).
 */
#ifndef TRAINER_JOBS_STUDY_POINTS_H
#define TRAINER_JOBS_STUDY_POINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/subprocess.h"

enum { STUDY_NAME_BYTES = 64 };

struct study_point {
    char name[STUDY_NAME_BYTES];
    int64_t nodes, ranks_per_node, threads; /* ranks, threads: 0 as the nodes give */
    int64_t leaves;
};

struct study_points {
    struct study_point *points; /* in ascending numbers of nodes */
    int64_t count;
    struct word_list train; /* words of eon train that all share */
};

struct study_plan {
    const char *nodes, *ranks_per_node, *threads; /* "1,2,4" */
    int64_t leaves;                               /* of the strong series */
    bool strong, weak;
};

/* Bad input where a list is none, or the study has no point. `train` is the caller's to add. */
enum status study_points_plan(const struct study_plan *plan, struct study_points *out);
void study_points_release(struct study_points *study);

enum status study_points_write(const struct study_points *study, const char *folder);
enum status study_points_read(const char *folder, struct study_points *out);

/* The index-th point of so many nodes; NULL: there is none. */
const struct study_point *study_points_find(const struct study_points *study, int64_t nodes,
                                            int64_t index);

#endif
