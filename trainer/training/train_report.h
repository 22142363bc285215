/* train_report: what a training tells while it goes on: the progress line,
 * metrics.jsonl, the compute ledger, speed.json, and which rank is slow. */
#ifndef TRAINER_TRAINING_TRAIN_REPORT_H
#define TRAINER_TRAINING_TRAIN_REPORT_H

#include "comm/straggler.h"
#include "trainer/reports/energy_meter.h"
#include "trainer/reports/metrics_writer.h"
#include "trainer/reports/progress_line.h"
#include "trainer/training/run_saver.h"
#include "trainer/training/speed_meter.h"
#include "trainer/training/train_step.h"

struct train_report {
    struct trainer *trainer;
    struct metrics_writer *metrics; /* rank 0; NULL elsewhere */
    struct energy_meter *energy;    /* one rank a node; NULL elsewhere */
    struct progress_line line;
    struct straggler straggler; /* train_loop.c tells it of each step, */
    struct speed_meter speed;   /* and this one */
    double flops_per_token;     /* the model's, analytic */
    double seconds;             /* of the steps since the last record, without comparing ranks */
    int64_t tokens;             /* and their tokens */
    double save_wait_seconds;   /* that training waited for saves that are done */
};

/* All collective. */
void train_report_begin(struct train_report *report, struct trainer *trainer);
void train_report_step(struct train_report *report, const struct step_report *step,
                       double step_seconds);
void train_report_validate(struct train_report *report);
void train_report_saved(struct train_report *report, const struct save_report *save);
void train_report_end(struct train_report *report);

#endif
