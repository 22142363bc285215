#include "shards/building/lot_maker.h"

#include <endian.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/sha256.h"
#include "shards/building/build_rules.h"
#include "shards/format/shard_format.h"

struct lot_maker {
    struct lot_maker_plan plan;
    struct encoder *encoder;
    struct quality_judge *judge; /* or NULL */
    struct minhash *minhash;
    struct token_buffer ids;
    struct lot lot;
    int64_t document_room;
    const struct document **passed; /* [document_room] */
    struct strbuf names, tokens;
    uint64_t (*document_keys)[MINHASH_BANDS]; /* [document_room]: by document, not by band */
};

struct lot_maker *lot_maker_create(const struct lot_maker_plan *plan)
{
    struct lot_maker *maker = memory_alloc_zeroed(1, sizeof *maker);
    maker->plan = *plan;
    maker->encoder = encoder_create(plan->tokenizer);
    maker->judge = plan->quality ? quality_judge_create(plan->quality) : NULL;
    maker->minhash = minhash_create();
    strbuf_init(&maker->names);
    strbuf_init(&maker->tokens);
    return maker;
}

void lot_maker_free(struct lot_maker *maker)
{
    if (!maker)
        return;
    encoder_free(maker->encoder);
    quality_judge_free(maker->judge);
    minhash_free(maker->minhash);
    token_buffer_release(&maker->ids);
    strbuf_release(&maker->names);
    strbuf_release(&maker->tokens);
    memory_free(maker->lot.records);
    memory_free(maker->lot.hashes);
    memory_free(maker->lot.keys);
    memory_free(maker->document_keys);
    memory_free(maker->passed);
    memory_free(maker);
}

enum corpus_split document_split(const unsigned char digest[SHA256_BYTES], double holdout)
{
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | digest[i];
    return (double)bits < ldexp(holdout, 64) ? SPLIT_HELDOUT : SPLIT_TRAIN;
}

static void reserve_documents(struct lot_maker *maker, int64_t documents)
{
    if (documents <= maker->document_room)
        return;
    struct lot *lot = &maker->lot;
    size_t room = (size_t)documents;
    lot->records = memory_realloc(lot->records, room * sizeof *lot->records);
    lot->hashes = memory_realloc(lot->hashes, room * sizeof *lot->hashes);
    maker->passed = memory_realloc(maker->passed, room * sizeof(struct document *));
    if (maker->plan.has_keys) {
        lot->keys = memory_realloc(lot->keys, room * MINHASH_BANDS * sizeof *lot->keys);
        maker->document_keys =
            memory_realloc(maker->document_keys, room * sizeof *maker->document_keys);
    }
    maker->document_room = documents;
}

/* The rule that leaves the document out, or -1. */
static int judge(struct lot_maker *maker, struct batch_item *item)
{
    if (item->verdict != READER_DOCUMENT)
        return build_rule_of_reader(item->verdict);
    if (!maker->judge)
        return -1;
    int rule = quality_judge_document(maker->judge, &item->document);
    return rule == QUALITY_PASSES ? -1 : build_rule_of_quality(rule);
}

/* Little-endian, as in a shard. */
static void store_ids(const struct token_buffer *ids, size_t token_bytes, void *out)
{
    const int32_t *restrict from = ids->ids;
    uint16_t *restrict short_ids = out;
    uint32_t *restrict long_ids = out;
    for (int64_t i = 0; i < ids->count && token_bytes == 2; i++)
        short_ids[i] = htole16((uint16_t)from[i]);
    for (int64_t i = 0; i < ids->count && token_bytes == 4; i++)
        long_ids[i] = htole32((uint32_t)from[i]);
}

/* Appends <|endoftext|> and the document's tokens, in the bytes that a shard has. */
static int64_t add_tokens(struct lot_maker *maker, const struct strbuf *text)
{
    struct token_buffer *ids = &maker->ids;
    const size_t token_bytes = (size_t)maker->lot.header.token_bytes;
    ids->count = 0;
    token_buffer_add(ids, tokenizer_end_of_text(maker->plan.tokenizer));
    encoder_add(maker->encoder, text->bytes, text->length, ids);

    strbuf_reserve(&maker->tokens, (size_t)ids->count * token_bytes);
    store_ids(ids, token_bytes, maker->tokens.bytes + maker->tokens.length);
    maker->tokens.length += (size_t)ids->count * token_bytes;
    return ids->count;
}

/* Of the document whose ids were made last: what they decode to, as a reader of the corpus finds
 * it. SentencePiece's kind does not keep every text. */
static int64_t decoded_bytes(const struct lot_maker *maker, const struct strbuf *text)
{
    const struct tokenizer *tokenizer = maker->plan.tokenizer;
    int64_t bytes = 0;
    if (tokenizer_kind_of(tokenizer) == TOKENIZER_BYTE_LEVEL)
        return (int64_t)text->length;
    for (int64_t i = 1; i < maker->ids.count; i++)
        bytes += (int64_t)tokenizer_decoded_bytes(tokenizer, maker->ids.ids[i], i == 1);
    return bytes;
}

static void add_document(struct lot_maker *maker, const struct document *document,
                         const unsigned char digest[SHA256_BYTES])
{
    struct lot *lot = &maker->lot;
    const int64_t at = lot->header.documents++;
    memcpy(lot->hashes[at], digest, LOT_HASH_BYTES);
    strbuf_add(&maker->names, document->name.bytes, document->name.length);
    const int64_t tokens = add_tokens(maker, &document->text);
    lot->records[at] = (struct lot_record){
        .number = document->number,
        .tokens = (uint32_t)tokens,
        .text_bytes = (uint32_t)decoded_bytes(maker, &document->text),
        .name_bytes = (uint32_t)document->name.length,
        .split = document_split(digest, maker->plan.holdout),
    };
    lot->header.tokens += lot->records[at].tokens;
    if (maker->plan.has_keys && !minhash_keys(maker->minhash, document->text.bytes,
                                              document->text.length, maker->document_keys[at]))
        memset(maker->document_keys[at], 0, sizeof maker->document_keys[at]);
}

/* Adds what passed, by two. */
static void add_documents(struct lot_maker *maker, int64_t count)
{
    static const struct document none = { .text = STRBUF_INIT };
    for (int64_t i = 0; i < count; i += 2) {
        const struct document *first = maker->passed[i];
        const struct document *second = i + 1 < count ? maker->passed[i + 1] : &none;
        unsigned char digests[2][SHA256_BYTES];
        sha256_of_two((const void *[]){ first->text.bytes, second->text.bytes },
                      (size_t[]){ first->text.length, second->text.length }, digests);
        add_document(maker, first, digests[0]);
        if (i + 1 < count)
            add_document(maker, second, digests[1]);
    }
}

static void count(struct rule_count *counter, int64_t bytes)
{
    counter->documents++;
    counter->bytes += bytes;
}

static void gather_parts(struct lot_maker *maker)
{
    struct lot *lot = &maker->lot;
    const int64_t documents = lot->header.documents;
    lot->header.name_bytes = (int64_t)maker->names.length;
    lot->names = maker->names.bytes;
    lot->tokens = (unsigned char *)maker->tokens.bytes;
    for (int band = 0; maker->plan.has_keys && band < MINHASH_BANDS; band++)
        for (int64_t i = 0; i < documents; i++)
            lot->keys[band * documents + i] = maker->document_keys[i][band];
}

enum status lot_maker_make(struct lot_maker *maker, struct document_batch *batch,
                           struct rejected_writer *rejected, const struct lot **out)
{
    struct lot_header *header = &maker->lot.header;
    *header = (struct lot_header){
        .is_last = batch->is_last,
        .has_keys = maker->plan.has_keys,
        .token_bytes = (int64_t)shard_token_bytes(tokenizer_vocab_size(maker->plan.tokenizer)),
    };
    strbuf_reset(&maker->names);
    strbuf_reset(&maker->tokens);
    reserve_documents(maker, batch->count);
    int64_t passed = 0;
    for (int64_t i = 0; i < batch->count; i++) {
        struct batch_item *item = &batch->items[i];
        const int64_t bytes = (int64_t)item->document.text.length;
        count(&header->read, bytes);
        int rule = judge(maker, item);
        if (rule < 0) {
            maker->passed[passed++] = &item->document;
            continue;
        }
        count(&header->rejected[rule], bytes);
        if (rejected)
            TRY(rejected_writer_add(rejected, &item->document, build_rule_name(rule)));
    }
    add_documents(maker, passed);
    gather_parts(maker);
    *out = &maker->lot;
    return STATUS_OK;
}
