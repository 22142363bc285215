/* speed_record: how fast a start of a run was, and on what: RUN/speed.json.
 *
 * Shares are of 1. Who measures them, and what they mean to a digit: docs/scaling.md.
 */
#ifndef TRAINER_REPORTS_SPEED_RECORD_H
#define TRAINER_REPORTS_SPEED_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

#define SPEED_FILE "speed.json" /* in the run's folder */

enum { SPEED_TEXT_BYTES = 128 };

struct speed_record {
    int64_t nodes, ranks, ranks_per_node; /* of the node that has most */
    int64_t threads, cores;               /* of the rank that has most; of all ranks together */
    char host[SPEED_TEXT_BYTES];          /* rank 0's */

    int64_t tokens_per_step, leaves;
    int64_t parameters, seq_len, micro_batch, groups;
    char recompute[SPEED_TEXT_BYTES], optimizer[SPEED_TEXT_BYTES], precision[SPEED_TEXT_BYTES];
    char wire[SPEED_TEXT_BYTES], kernels[SPEED_TEXT_BYTES], cpu[SPEED_TEXT_BYTES];

    int64_t warm_up_steps;     /* that this start began with, and that are left out */
    int64_t first_step, steps; /* the first that counts, as in metrics.jsonl; how many do */
    double elapsed_seconds;    /* since that began, with all that lay between steps */
    double step_seconds_lower_quartile, step_seconds_median, step_seconds_upper_quartile;

    double tokens_per_second;                            /* of all steps together */
    double model_flops_per_token, peak_flops_per_second; /* the peak of all ranks, measured */
    double mfu;

    /* Of the steps' time, on average over the ranks: data move, and nothing is computed beside;
     * the others are not there yet. */
    double exposed_communication, rank_wait;
    double imbalance; /* computing, of the rank that does so longest over the mean, less 1 */
    double data_wait; /* of the steps' time, on the rank that waited longest for tokens */
    double save_wait; /* of elapsed_seconds, on the rank that waited longest for saves */

    int64_t peak_memory_rank_bytes; /* of the rank that held most */
    double peak_memory_node_bytes;  /* of the node that held most; NaN: not told */
    double joules_per_token;        /* of all nodes; NaN: not told */
};

/* The settings in which runs must be alike for their speeds to be compared, in the order of
 * speed.json: the name and the value of number `index`. False behind the last. */
bool speed_record_setting(const struct speed_record *record, int index, const char **name,
                          char value[SPEED_TEXT_BYTES]);
bool speed_record_same_settings(const struct speed_record *left, const struct speed_record *right);

/* As an object; the caller frees it. */
struct json *speed_record_to_json(const struct speed_record *record);
/* Strict: what is missing, out of bounds or contradicts the rest is bad input that names `source`.
 * Unknown members are left. */
enum status speed_record_from_json(const struct json *value, const char *source,
                                   struct speed_record *record);

/* The file is replaced whole. Not synced: the next log interval writes it again. */
enum status speed_record_write(const struct speed_record *record, const char *run_folder);
enum status speed_record_read(const char *run_folder, struct speed_record *record);

#endif
