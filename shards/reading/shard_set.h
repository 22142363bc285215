/* shard_set: the shards of one split, of which a few are open at once.
 *
 * A shard is opened, and checked against corpus.json, when it is first wanted:
 * a corpus may have 100,000. Then it is one of at most SHARD_SET_OPEN that stay
 * open, those used last. Where a sample lies is found by bisection.
 */
#ifndef SHARDS_SHARD_SET_H
#define SHARDS_SHARD_SET_H

#include "shards/format/corpus_manifest.h"
#include "shards/format/shard_reader.h"

/* HDF5 takes more than half a megabyte for each. */
enum { SHARD_SET_OPEN = 32 };

struct set_shard {
    int64_t listed;       /* its index in the manifest */
    int64_t first_sample; /* its samples are [first_sample, that of the next shard) */
    int64_t chunk_tokens; /* 0: it was not opened yet */
    bool is_distrusted;   /* a copy of it was damaged: none is read any more */
};

struct shard_set {
    const char *folder; /* borrowed, as the manifest */
    const struct corpus_manifest *manifest;
    char *staged_folder; /* of copies (shard_stager.h), which are preferred; NULL: none */
    struct set_shard *shards;
    int64_t count, sample_count;
    struct open_shard {
        int64_t shard, last_use;
        struct shard_reader *reader;
        bool is_staged; /* a copy */
    } open[SHARD_SET_OPEN];
    int open_count;
    int64_t clock;
};

void shard_set_init(struct shard_set *set, const char *folder,
                    const struct corpus_manifest *manifest, enum corpus_split split,
                    int64_t seq_len);
void shard_set_release(struct shard_set *set);

/* The index of the shard that a sample lies in. */
int64_t shard_set_find(const struct shard_set *set, int64_t sample);
/* Its samples end there. */
int64_t shard_set_end(const struct shard_set *set, int64_t shard);
/* The shard, open until SHARD_SET_OPEN others have been used. */
enum status shard_set_use(struct shard_set *set, int64_t shard, struct shard_reader **out);
/* After a failure to read from it. True: that was a copy, which is removed, and another use will
 * open the corpus' own file. */
bool shard_set_distrust(struct shard_set *set, int64_t shard);
void shard_set_prefer_staged(struct shard_set *set, const char *folder);
/* Opens each once, so that a bad one is found now. */
enum status shard_set_check_all(struct shard_set *set);

#endif
