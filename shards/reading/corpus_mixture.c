#include "shards/reading/corpus_mixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "shards/reading/shard_set.h"

#define MILLION     INT64_C(1000000)
#define WEIGHT_MAX  (MILLION * MILLION) /* in millionths: a sum of 64 is below 2^62 */
#define WEIGHT_TEXT 20

/* ---- The text -----------------------------------------------------------------------------------
 */

/* "0.7" in millionths, or 0: it is no weight. */
static int64_t parse_weight(const char *text, size_t length)
{
    int64_t value = 0, unit = 0; /* 0: before the point */
    if (length == 0 || length > WEIGHT_TEXT || text[0] == '.' || text[length - 1] == '.')
        return 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.' && unit == 0) {
            unit = MILLION;
        } else if (text[i] < '0' || text[i] > '9' || value > WEIGHT_MAX || unit == 1) {
            return 0;
        } else if (unit == 0) {
            value = 10 * value + (text[i] - '0') * MILLION;
        } else {
            unit /= 10;
            value += (text[i] - '0') * unit;
        }
    }
    return value > WEIGHT_MAX ? 0 : value;
}

static void trim(const char **text, size_t *length)
{
    while (*length > 0 && **text == ' ') {
        (*text)++;
        (*length)--;
    }
    while (*length > 0 && (*text)[*length - 1] == ' ')
        (*length)--;
}

static char *copy_part(const char *text, size_t length)
{
    char *copy = memory_alloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

/* NAME:WEIGHT, the weight behind the last colon. */
static enum status add_part(struct corpus_mixture *mixture, const char *item, size_t length)
{
    trim(&item, &length);
    size_t colon = length;
    while (colon > 0 && item[colon - 1] != ':')
        colon--;
    size_t name_length = colon > 0 ? colon - 1 : 0;
    const int64_t weight = parse_weight(item + colon, length - colon);
    trim(&item, &name_length);
    if (name_length == 0 || weight == 0)
        return bad_input("cannot read the corpora: '%.*s' is not NAME:WEIGHT, with a weight such "
                         "as 0.25, of at most six places and a million",
                         (int)(length < 200 ? length : 200), item);
    if (mixture->count == MIXTURE_PARTS_MAX)
        return bad_input("cannot read the corpora: more than %d", MIXTURE_PARTS_MAX);
    mixture->parts[mixture->count++] =
        (struct mixture_part){ .folder = copy_part(item, name_length), .weight = weight };
    return STATUS_OK;
}

static void reduce_weights(struct corpus_mixture *mixture)
{
    int64_t divisor = 0;
    for (int i = 0; i < mixture->count; i++)
        for (int64_t a = mixture->parts[i].weight; a != 0;) { /* Euclid */
            int64_t rest = divisor % a;
            divisor = a;
            a = rest;
        }
    for (int i = 0; i < mixture->count; i++)
        mixture->parts[i].weight /= divisor;
}

static enum status parse(struct corpus_mixture *mixture, const char *text)
{
    if (strchr(text, ',') == NULL) {
        mixture->parts[mixture->count++] =
            (struct mixture_part){ .folder = memory_copy_string(text), .weight = 1 };
        return STATUS_OK;
    }
    for (const char *item = text; item != NULL;) {
        const char *comma = strchr(item, ',');
        TRY(add_part(mixture, item, comma ? (size_t)(comma - item) : strlen(item)));
        item = comma ? comma + 1 : NULL;
    }
    reduce_weights(mixture);
    return STATUS_OK;
}

/* ---- Opening ------------------------------------------------------------------------------------
 */

static enum status check_tokenizers(const struct corpus_mixture *mixture)
{
    const struct mixture_part *first = &mixture->parts[0];
    for (int i = 1; i < mixture->count; i++)
        if (strcmp(corpus_tokenizer_digest(mixture->parts[i].corpus),
                   corpus_tokenizer_digest(first->corpus)) != 0 ||
            corpus_vocab_size(mixture->parts[i].corpus) != corpus_vocab_size(first->corpus))
            return bad_input("cannot mix corpora '%s' and '%s': they were made with different "
                             "tokenizers",
                             first->folder, mixture->parts[i].folder);
    return STATUS_OK;
}

static void set_digest(struct corpus_mixture *mixture)
{
    struct sha256 hash;
    struct strbuf text = STRBUF_INIT;
    for (int i = 0; i < mixture->count; i++)
        strbuf_addf(&text, "%s:%lld\n", corpus_digest(mixture->parts[i].corpus),
                    (long long)mixture->parts[i].weight);
    if (mixture->count == 1) {
        memcpy(mixture->digest, corpus_digest(mixture->parts[0].corpus), SHA256_HEX);
    } else {
        sha256_init(&hash);
        sha256_add(&hash, text.bytes, text.length);
        sha256_finish_hex(&hash, mixture->digest);
    }
    strbuf_release(&text);
}

static enum status finish(struct corpus_mixture *mixture, enum status status,
                          struct corpus_mixture **out)
{
    if (status == STATUS_OK)
        *out = mixture;
    else
        corpus_mixture_close(mixture);
    return status;
}

static enum status open_parts(struct corpus_mixture *mixture, const char *text,
                              enum corpus_split split)
{
    TRY(parse(mixture, text));
    for (int i = 0; i < mixture->count; i++)
        TRY(corpus_open(mixture->parts[i].folder, split, mixture->seq_len,
                        &mixture->parts[i].corpus));
    TRY(check_tokenizers(mixture));
    set_digest(mixture);
    return STATUS_OK;
}

enum status corpus_mixture_open(const char *text, enum corpus_split split, int64_t seq_len,
                                struct corpus_mixture **out)
{
    struct corpus_mixture *mixture = memory_alloc_zeroed(1, sizeof *mixture);
    mixture->seq_len = seq_len;
    return finish(mixture, open_parts(mixture, text, split), out);
}

enum status corpus_mixture_open_beside(const struct corpus_mixture *mixture,
                                       enum corpus_split split, struct corpus_mixture **out)
{
    struct corpus_mixture *beside = memory_alloc_zeroed(1, sizeof *beside);
    enum status status = STATUS_OK;
    beside->seq_len = mixture->seq_len;
    memcpy(beside->digest, mixture->digest, SHA256_HEX);
    for (int i = 0; i < mixture->count && status == STATUS_OK; i++) {
        const struct mixture_part *part = &mixture->parts[i];
        beside->parts[beside->count++] =
            (struct mixture_part){ .folder = memory_copy_string(part->folder),
                                   .weight = part->weight };
        status = corpus_open_beside(part->corpus, split, &beside->parts[i].corpus);
    }
    return finish(beside, status, out);
}

void corpus_mixture_close(struct corpus_mixture *mixture)
{
    if (mixture == NULL)
        return;
    for (int i = 0; i < mixture->count; i++) {
        corpus_close(mixture->parts[i].corpus);
        memory_free(mixture->parts[i].folder);
    }
    memory_free(mixture);
}

void corpus_mixture_set_threads(struct corpus_mixture *mixture, int threads)
{
    for (int i = 0; i < mixture->count; i++)
        corpus_set_threads(mixture->parts[i].corpus, threads);
}

void corpus_mixture_prefer_staged(struct corpus_mixture *mixture, const char *folder)
{
    for (int i = 0; i < mixture->count; i++)
        shard_set_prefer_staged(corpus_shards(mixture->parts[i].corpus), folder);
}

/* ---- What it holds ------------------------------------------------------------------------------
 */

int64_t corpus_mixture_vocab_size(const struct corpus_mixture *mixture)
{
    return corpus_vocab_size(mixture->parts[0].corpus);
}

int64_t corpus_mixture_token_count(const struct corpus_mixture *mixture)
{
    int64_t count = 0;
    for (int i = 0; i < mixture->count; i++)
        count += corpus_token_count(mixture->parts[i].corpus);
    return count;
}

int64_t corpus_mixture_sample_count(const struct corpus_mixture *mixture)
{
    int64_t count = 0;
    for (int i = 0; i < mixture->count; i++)
        count += corpus_sample_count(mixture->parts[i].corpus);
    return count;
}

enum status corpus_mixture_need_samples(const struct corpus_mixture *mixture)
{
    for (int i = 0; i < mixture->count; i++)
        if (corpus_sample_count(mixture->parts[i].corpus) == 0)
            return bad_input(
                "cannot train on corpus '%s': it is shorter than one sequence of %lld tokens",
                mixture->parts[i].folder, (long long)mixture->seq_len);
    return STATUS_OK;
}

struct mixture_schedule corpus_mixture_schedule(const struct corpus_mixture *mixture, uint64_t seed)
{
    struct mixture_schedule schedule = { .seed = seed, .count = mixture->count };
    for (int i = 0; i < mixture->count; i++) {
        schedule.weights[i] = mixture->parts[i].weight;
        schedule.samples[i] = corpus_sample_count(mixture->parts[i].corpus);
    }
    return schedule;
}

/* x * limit / all, rounded down: of the first x samples so many are taken. */
static int64_t taken_of(int64_t x, int64_t limit, int64_t all)
{
    return (int64_t)((unsigned __int128)x * (uint64_t)limit / (uint64_t)all);
}

enum status corpus_mixture_read_evenly(struct corpus_mixture *mixture, int64_t number,
                                       int64_t limit, int32_t *tokens, int32_t *document_starts)
{
    const int64_t all = corpus_mixture_sample_count(mixture);
    CHECK(number >= 0 && number < limit && limit <= all, "sample %lld of %lld", (long long)number,
          (long long)limit);
    int64_t passed = 0;
    for (int i = 0; i < mixture->count; i++) {
        struct corpus *corpus = mixture->parts[i].corpus;
        const int64_t before = taken_of(passed, limit, all);
        passed += corpus_sample_count(corpus);
        if (number < taken_of(passed, limit, all))
            return corpus_read_sample(corpus, number - before, tokens, document_starts);
    }
    fatal("sample %lld is in no corpus", (long long)number);
}
