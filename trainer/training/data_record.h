/* data_record: what decides which text each step of a run saw, as RUN/data.json keeps it.
 *
 * Parts follow one another where a resumed run had other data or another cut of it
 * (--accept_changes). With a part and its corpora, every step's documents are
 * known: `eon shards show --run`. The format is in docs/run-folder.md.
 */
#ifndef TRAINER_TRAINING_DATA_RECORD_H
#define TRAINER_TRAINING_DATA_RECORD_H

#include <stdint.h>

#include "base/sha256.h"
#include "base/status.h"

#define DATA_RECORD_FILE "data.json"

struct data_part {
    int64_t from_step; /* the first, up to the next part's */
    char *corpus;      /* the setting, as it was given */
    char corpus_digest[SHA256_HEX];
    int64_t seed, seq_len, leaves, leaf_sequences;
};

struct data_record {
    struct data_part *parts; /* by from_step, each beyond that of the one before */
    int64_t count;
};

/* A run without the file has an empty record. */
enum status data_record_read(const char *run, struct data_record *out);
void data_record_release(struct data_record *record);

/* From `part->from_step` on the run's data are these: writes the file, if that changes it. */
enum status data_record_begin(const char *run, const struct data_part *part);

/* The part that a step (counted from 0) belongs to, or NULL. */
const struct data_part *data_record_part(const struct data_record *record, int64_t step);

#endif
