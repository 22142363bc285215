/* scaling_study: a folder of runs, of which each is a point: so many nodes, ranks and threads. */
#ifndef TRAINER_REPORTS_SCALING_STUDY_H
#define TRAINER_REPORTS_SCALING_STUDY_H

#include "trainer/reports/speed_record.h"

struct scaling_point {
    char *name;       /* of its folder, as it can be shown */
    char *run_folder; /* STUDY/NAME */
    struct speed_record speed;
};

struct scaling_study {
    struct scaling_point *points; /* by their folders' names */
    int64_t count;
};

/* Reads speed.json of each folder in the study's. One that has none or a damaged one is named in a
 * warning and left out; bad input where none is left. */
enum status scaling_study_read(const char *folder, struct scaling_study *study);
void scaling_study_release(struct scaling_study *study);

#endif
