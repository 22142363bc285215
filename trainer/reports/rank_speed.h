/* rank_speed: how each rank spent the steps that it measured, and what that is of them all.
 *
 *   rank 0   | reading | computing           | waiting | exposed |
 *   rank 1   | computing                               | exposed |     the one the others wait for
 *
 * Between operations a rank reads (waits for tokens) or computes; in one it waits for the other
 * ranks, or data move with nothing computed beside (comm/flight_recorder.h). Data that move beside
 * computation are part of that.
 */
#ifndef TRAINER_REPORTS_RANK_SPEED_H
#define TRAINER_REPORTS_RANK_SPEED_H

#include "trainer/reports/speed_record.h"

struct rank_speed {
    double reading_s, computing_s, waiting_s, exposed_s; /* of the steps: their sum is the whole */
    double saving_s;                                     /* between steps */
    int64_t threads;
    int64_t node;       /* the lowest rank of those on its node */
    int64_t peak_bytes; /* held at most, and its share of that: peak_memory.h; 0: not told */
    int64_t share_bytes;
};

double rank_speed_seconds(const struct rank_speed *rank); /* of the steps */

/* Fills in what the record says of ranks and nodes, from its saves' share to its memory.
 * record->elapsed_seconds is read. `ranks` [count] in their order. */
void rank_speeds_sum_up(const struct rank_speed *ranks, int64_t count, struct speed_record *record);

#endif
