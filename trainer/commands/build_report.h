/* build_report: what `eon shards build` says at its end. */
#ifndef TRAINER_COMMANDS_BUILD_REPORT_H
#define TRAINER_COMMANDS_BUILD_REPORT_H

#include "comm/world.h"
#include "shards/format/corpus_manifest.h"

/* Local. `out` is the corpus's folder. */
void build_report_print(const struct corpus_manifest *manifest, const char *out,
                        const struct world *world, double elapsed_s);

/* Local. Documents read and rejected by rule, as `eon shards info` shows them too. */
void build_report_print_counts(const struct corpus_report *report);

#endif
