/* corpus_mixture: what a run reads: a corpus, or several by weight.
 *
 *   corpus                    one: all that is written is the folder's name
 *   books:0.7, web:0.3        several: each name followed by ':' and its weight
 *
 * Weights are decimals of at most six places, and count by their proportion.
 * All corpora have the same tokenizer. Memory: that of each corpus.
 */
#ifndef SHARDS_CORPUS_MIXTURE_H
#define SHARDS_CORPUS_MIXTURE_H

#include "shards/reading/corpus.h"
#include "shards/reading/mixture_schedule.h"

struct corpus_mixture {
    int count;
    struct mixture_part {
        char *folder;
        int64_t weight; /* without a common divisor; 1 where there is but one */
        struct corpus *corpus;
    } parts[MIXTURE_PARTS_MAX];
    int64_t seq_len;
    char digest[SHA256_HEX]; /* the corpus digest, or sha256 over all digests and weights */
};

/* Opens a split of all corpora that `text` names. Any of them may be shorter than a sample. */
enum status corpus_mixture_open(const char *text, enum corpus_split split, int64_t seq_len,
                                struct corpus_mixture **out);
/* Another split of the same corpora, by their corpus.json as it was read; closed before them. */
enum status corpus_mixture_open_beside(const struct corpus_mixture *mixture,
                                       enum corpus_split split, struct corpus_mixture **out);
void corpus_mixture_close(struct corpus_mixture *mixture); /* NULL is allowed */
void corpus_mixture_set_threads(struct corpus_mixture *mixture, int threads);
/* Shards are read from their copies in the folder where there are any: shard_stager.h. */
void corpus_mixture_prefer_staged(struct corpus_mixture *mixture, const char *folder);

int64_t corpus_mixture_vocab_size(const struct corpus_mixture *mixture);
int64_t corpus_mixture_token_count(const struct corpus_mixture *mixture);  /* of all */
int64_t corpus_mixture_sample_count(const struct corpus_mixture *mixture); /* of all */
/* Bad input that names a corpus without one sample. */
enum status corpus_mixture_need_samples(const struct corpus_mixture *mixture);
struct mixture_schedule corpus_mixture_schedule(const struct corpus_mixture *mixture,
                                                uint64_t seed);

/* Sample `number` of all, those of the first corpus first, if only the first `limit` of all were
 * taken evenly from each: for validation. As corpus_read_sample. */
enum status corpus_mixture_read_evenly(struct corpus_mixture *mixture, int64_t number,
                                       int64_t limit, int32_t *tokens, int32_t *document_starts);

#endif
