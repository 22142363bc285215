/* speed_meter: how fast this start of a run trains, told in RUN/speed.json (docs/scaling.md).
 *
 *   steps of this start    1  2  3 | 4  5  6 ...
 *                          warm-up | measured
 *
 * Each rank adds up how its steps' time is spent, which the flight recorder knows already; the
 * ranks' sums are gathered only when the file is written. No bit of a run depends on it.
 */
#ifndef TRAINER_TRAINING_SPEED_METER_H
#define TRAINER_TRAINING_SPEED_METER_H

#include "comm/flight_recorder.h"
#include "trainer/reports/rank_speed.h"

/* Memory is touched, caches fill, readers get ahead. */
enum { SPEED_WARM_UP_STEPS = 3 };

struct trainer;

struct speed_meter {
    const struct trainer *trainer;
    int64_t steps;             /* of this start, the warm-up included */
    int64_t first_step;        /* that was measured, counted from 1 over the whole run */
    double begun_s;            /* when that began, on the clock, */
    double saved_before_s;     /* and what saves had taken by then */
    struct flight_totals from; /* when the present step began */
    double read_before_s;
    struct rank_speed step, spent; /* on this rank, of the last step and of all measured */
    int64_t tokens;
    double joules;
    double *recent;     /* rank 0's: seconds of the last steps, [SPEED_RECENT_STEPS] as a ring */
    int64_t told_steps; /* by the file as it stands */
};

/* The quartiles are of so many steps at most, the last ones. */
enum { SPEED_RECENT_STEPS = 1000 };

/* Local. After the run has been resumed; the trainer outlives it. */
void speed_meter_init(struct speed_meter *meter, const struct trainer *trainer);
void speed_meter_release(struct speed_meter *meter);

/* Local: around a step, then what it trained on and took, of all ranks. */
void speed_meter_step_begin(struct speed_meter *meter);
void speed_meter_step_end(struct speed_meter *meter);
void speed_meter_step_add(struct speed_meter *meter, int64_t tokens, double joules);

/* Collective. Writes the file, unless nothing new was measured; a warning where it cannot be. */
void speed_meter_tell(struct speed_meter *meter);

#endif
