/* lot_maker: what becomes of the documents of a lot; one thread's scratch.
 *
 *   documents --judge--> --hash, split--> --encode--> --keys--> lot
 *
 * A function of the documents and the rules alone.
 */
#ifndef SHARDS_LOT_MAKER_H
#define SHARDS_LOT_MAKER_H

#include "base/sha256.h"
#include "shards/building/document_batch.h"
#include "shards/building/lot.h"
#include "shards/quality/quality.h"
#include "shards/building/rejected_writer.h"

struct lot_maker_plan {
    const struct tokenizer *tokenizer;
    const struct quality_rules *quality;
    double holdout;
    bool has_keys; /* near duplicates will be looked for */
};

struct lot_maker;
struct lot_maker *lot_maker_create(const struct lot_maker_plan *plan);
void lot_maker_free(struct lot_maker *maker); /* NULL is allowed */

/* The lot of a batch, the maker's until its next call. What is left out goes to `rejected` too, if
 * that is not NULL. */
enum status lot_maker_make(struct lot_maker *maker, struct document_batch *batch,
                           struct rejected_writer *rejected, const struct lot **out);

/* The split of a document: held out where the first 64 bits of its sha256, as a fraction of
 * 2^64, are below `holdout`. */
enum corpus_split document_split(const unsigned char digest[SHA256_BYTES], double holdout);

#endif
