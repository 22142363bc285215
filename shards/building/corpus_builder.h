/* corpus_builder: raw text in, a corpus folder out, by all ranks together.
 *
 * docs/building.md tells how. The same inputs and rules give the same bytes for
 * every number of ranks and threads; a build that was stopped leaves OUT.partial
 * with what is done, and the next one of the same name goes on from there. The
 * corpus appears whole or not at all.
 */
#ifndef SHARDS_CORPUS_BUILDER_H
#define SHARDS_CORPUS_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "shards/building/build_team.h"
#include "shards/format/corpus_manifest.h"
#include "shards/inputs/document_reader.h"
#include "shards/building/duplicate_finder.h"
#include "shards/quality/quality.h"

struct corpus_plan {
    const char *tokenizer; /* as tokenizer_open takes it */
    const char *out;
    const char *const *inputs; /* files; "-" is standard input of rank 0 */
    int64_t input_count;
    struct document_rules documents;
    const struct quality_rules *quality;
    enum deduplication deduplicate;
    int64_t dedup_memory; /* bytes, of each rank */
    double holdout;       /* fraction of the documents, in [0, 1) */
    int64_t shard_tokens; /* a shard is closed once it has as many */
    int64_t lot_bytes;    /* of inflated text: the unit of work */
    bool keep_rejected;   /* OUT/rejected has what was left out */
    bool overwrite;       /* an existing corpus; anything else is refused */
    int threads;          /* of each rank */
    const char
        *options; /* text of all that decides the content: builds that differ share nothing */
};

/* Collective; `team` NULL: alone. `out` is what corpus.json says, on every rank; the caller
 * releases it. Empty after an error. */
enum status corpus_build(const struct corpus_plan *plan, const struct build_team *team,
                         struct corpus_manifest *out);

#endif
