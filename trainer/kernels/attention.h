/* attention: causal, blockwise, with grouped queries (Ainslie et al. 2023).
 *
 * Scores exist for one block of queries against one block of keys at a time
 * (Dao et al., "FlashAttention", 2022): the softmax is online, forward keeps only
 * the logarithm of each row's sum of exponentials, and backward computes the
 * probabilities of a block once more. Blocks that are masked whole are skipped.
 *
 *              keys 0    64   128   192   256
 *   queries 0   [ \  ][     ]                       stripes of 32 queries, a lane of the loops
 *           32  [    \][     ]                       each, against blocks of keys
 *           64  [     ][ \  ]
 *           96  [     ][    \]
 *
 * With `document_starts` a token attends to its own document alone. */
#ifndef TRAINER_KERNELS_ATTENTION_H
#define TRAINER_KERNELS_ATTENTION_H

#include "trainer/kernels/kernels.h"

/* Heads lie side by side in the rows: query head h at h HD, key-value head g at g HD. */
struct attention {
    int64_t B, T; /* sequences, queries in each */
    int64_t past; /* keys before the first query (a decoder's cache); B is 1 there */
    int64_t heads, kv_heads, head_dim;
    enum element element; /* of queries, keys, values and out */
    const void *queries;  /* [B,T, heads HD] in rows query_stride apart */
    int64_t query_stride;
    const void *keys, *values; /* [B,past+T, kv_heads HD] in rows kv_stride apart */
    int64_t kv_stride;
    void *out;                      /* [B,T, heads HD], dense */
    real *logsumexp;                /* [B,heads,T] */
    const int32_t *document_starts; /* [B,T] each token's first visible key, never descending
                                     * within a sequence; NULL: key 0. past must be 0 then */
};

struct attention_gradient {
    const real *dout; /* [B,T, heads HD], dense */
    real *dqueries;   /* overwritten, all three; strides as of queries and keys */
    real *dkeys, *dvalues;
};

void attention_forward(struct kernels *kernels, const struct attention *attention);
/* past must be 0; `attention` as forward left it. */
void attention_backward(struct kernels *kernels, const struct attention *attention,
                        const struct attention_gradient *gradient);

#endif
