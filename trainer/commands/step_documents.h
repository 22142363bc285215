/* step_documents: the documents that a step of a run saw, computed again from RUN/data.json and the
 * corpora: `eon shards show --run=RUN --step=N`. */
#ifndef TRAINER_COMMANDS_STEP_DOCUMENTS_H
#define TRAINER_COMMANDS_STEP_DOCUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* Prints them. `step` counts as metrics.jsonl does: the first is 1. `corpora`: where they lie now,
 * as training's setting; NULL: where they lay when the run read them. Bad input where they are not
 * those of the record. */
enum status step_documents_print(const char *run, int64_t step, const char *corpora, bool as_json);

#endif
