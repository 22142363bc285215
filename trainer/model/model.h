/* model: the transformer that is trained. One tensor table says what it is made of.
 *
 * Families:
 *   gpt2    LayerNorm, learned positions, GELU (tanh), biases
 *   llama   RMSNorm, RoPE, SwiGLU, grouped-query attention, optional biases
 * The head of both may be the embedding's weights, or have its own.
 *
 * Names, shapes and layouts of the tensors are those of Hugging Face's
 * GPT2LMHeadModel and LlamaForCausalLM, so that the flat vector of parameters,
 * in the table's order, is the data section of model.safetensors.
 *
 * Shapes: B sequences, T positions, C width, NH heads, KV key-value heads, HD elements of a
 * head, Q = NH HD (gpt2: C), F feed-forward width, V vocabulary, L layers.
 */
#ifndef TRAINER_MODEL_MODEL_H
#define TRAINER_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/status.h"
#include "trainer/kernels/kernels.h"
#include "trainer/kernels/real.h"

enum model_family { FAMILY_GPT2, FAMILY_LLAMA };
extern const char *const model_family_names[]; /* "gpt2", "llama", NULL */

/* How rotary positions are slowed for a context longer than the one of the first training. */
enum rope_scaling_kind { ROPE_NOT_SCALED, ROPE_LINEAR, ROPE_LLAMA3 };
extern const char *const rope_scaling_names[]; /* "none", "linear", "llama3", NULL */

/* See rope_frequency (rope.h). */
struct rope_scaling {
    enum rope_scaling_kind kind;
    double factor; /* linear, llama3: 1 or more */
    /* llama3: turns of a pair over the original positions. Slower than the lower: by `factor`;
     * faster than the higher: not at all. */
    double low_freq_factor, high_freq_factor;
    int64_t original_positions;
};

struct model_config {
    enum model_family family;
    int64_t layers, width, heads, kv_heads, ffn_width, vocab_size;
    int64_t max_positions; /* gpt2: rows of the position table; llama: what config.json says */
    double norm_epsilon;   /* 1e-5 */
    double rope_theta;     /* llama: 10000 */
    bool tied_head;
    bool attention_bias, mlp_bias;    /* llama: of q, k, v, o; of gate, up, down */
    int64_t head_dim;                 /* llama: 0 is width / heads */
    struct rope_scaling rope_scaling; /* llama */
};

/* Bad input, named, where the numbers do not make a model (width not a multiple of heads, ...). */
enum status model_config_check(const struct model_config *config);

enum tensor_init { INIT_ZERO, INIT_ONE, INIT_NORMAL, INIT_NORMAL_RESIDUAL /* / sqrt(2 L) */ };

struct tensor {
    char name[80];         /* "transformer.h.0.attn.c_attn.weight" */
    int64_t rows, cols;    /* a vector has cols == 0 */
    int64_t offset, count; /* elements, in the flat vector; no padding between tensors */
    enum tensor_init init;
    bool decays;       /* weight decay applies: matrices, not norms and biases */
    bool is_embedding; /* a table of rows, not a product */
    /* Of a layer: how many matrices lie side by side in the columns, 3 in gpt2's q | k | v. Zero
     * for embeddings, head, norms and biases. */
    int64_t hidden_matrices;
};

struct tensor_table {
    struct tensor *tensors;
    int64_t tensor_count, element_count;
};

void tensor_table_init(struct tensor_table *table, const struct model_config *config);
void tensor_table_release(struct tensor_table *table);
const struct tensor *tensor_table_find(const struct tensor_table *table,
                                       const char *name); /* or NULL */

/* Who follows a pass along the flat vector, in the thread that computes; NULL: nobody. */
struct model_follower {
    void *context;
    /* Forward is about to read parameters [0, end), which may still be on their way. */
    void (*needs)(void *context, int64_t end);
    /* Backward will not change the gradient any more from element `from` on. */
    void (*has_final)(void *context, int64_t from);
};

struct model {
    struct model_config config;
    struct tensor_table table;
    struct arena arena; /* of the parameters, where they are its own */
    real *parameters;   /* [table.element_count], in the table's order */
    struct model_follower follower;
    /* ... private: views by layer, RoPE's table */
    struct model_views *views;
};

/* With zeroed parameters in memory of its own. */
void model_init(struct model *model, const struct model_config *config);
/* All but the parameters, which are the caller's to set, and to release after the model. */
void model_init_shape(struct model *model, const struct model_config *config);
void model_release(struct model *model);
/* Normal(0, 0.02), keyed by (seed, tensor, element): the same bits anywhere. */
void model_set_initial_weights(struct model *model, struct kernels *kernels, uint64_t seed);

/* A micro-batch. target < 0: the position bears no loss. */
struct batch {
    int64_t sequences, positions; /* B, T */
    const int32_t *tokens;        /* [B,T] */
    const int32_t *targets;       /* [B,T] */
    /* [B,T] the first position of each token's document in its sequence: a token attends to its
     * own document alone. Positions run on. NULL: it attends to all before it. */
    const int32_t *document_starts;
};

/* Sequences [first, first + count) of a batch. */
struct batch batch_part(const struct batch *batch, int64_t first, int64_t count);

/* What backward computes once more instead of keeping it: nothing; the queries, keys, values
 * and the attention of a layer; the whole layer. The same bits in all. */
enum recompute { RECOMPUTE_NONE, RECOMPUTE_ATTENTION, RECOMPUTE_BLOCK };
extern const char *const recompute_names[]; /* "none", "attention", "block", NULL */

/* Everything that forward keeps for backward, of one fixed shape [B,T]. */
struct activations_plan {
    int64_t B, T;
    bool for_training;
    enum element element; /* of the products' operands in memory: as kernels->element, or real */
    enum recompute recompute;
    /* Backward lends the gradient the memory that it is through with: for a gradient that begins
     * an arena (base/memory.h), is written over in each pass, and is given up by
     * activations_take_back before the next. */
    bool lends;
};
struct activations;
struct activations *activations_create(const struct model_config *config,
                                       const struct activations_plan *plan);
size_t activations_bytes(const struct model_config *config, const struct activations_plan *plan);
size_t activations_bytes_lent(const struct model_config *config,
                              const struct activations_plan *plan);
void activations_free(struct activations *activations); /* NULL is allowed */

void activations_take_back(struct activations *activations, real *gradient);

struct loss {
    double sum;      /* of -log p(target), natural, over the positions that bear a loss */
    int64_t targets; /* how many they are */
};

/* Forward to the last hidden state. */
void model_forward(struct model *model, struct kernels *kernels, const struct batch *batch,
                   struct activations *activations);
/* The head and the cross-entropy, in blocks of rows: the logits are never held whole. With
 * `gradient` (flat, in the table's order) the head's backward pass is done in the same
 * blocks: gradients of the SUM of the losses are added to it, with those of z_loss logZ^2 (see
 * loss_head.h), which the loss does not tell. NULL: the loss alone. is_first: the gradient holds
 * nothing yet, and is written over: for both functions, in the first pass of a leaf. */
struct loss model_loss(struct model *model, struct kernels *kernels, const struct batch *batch,
                       struct activations *activations, double z_loss, real *gradient,
                       bool is_first);
/* From the last hidden state down: adds to `gradient`, or writes it. After model_loss with a
 * gradient, and once: it overwrites what forward kept. */
void model_backward(struct model *model, struct kernels *kernels, const struct batch *batch,
                    struct activations *activations, real *gradient, bool is_first);
/* The logits [V] of one position after model_forward: for golden tests. */
void model_logits(struct model *model, struct kernels *kernels, struct activations *activations,
                  int64_t sequence, int64_t position, real *logits);

/* FLOPs of the products of one step over `tokens` tokens in sequences of `positions`:
 * forward and backward, attention counted causally in full blocks' mathematical need
 * (half the square), documents or not. The analytic "model FLOPs" of the ledger. */
double model_flops_per_token(const struct model_config *config, int64_t positions);

/* The shapes of a step's products, forward and backward, for measuring what a plain BLAS
 * makes of them: C[M,N] = A[M,K] B[K,N], `times` times. The first 15 are those of the
 * matrices, the others attention's. Returns how many there are, and writes at most `room`. */
struct product_shape {
    int64_t M, N, K;
    bool A_transposed, B_transposed; /* A is stored [K,M], B is stored [N,K] */
    int64_t times;
};
int64_t model_step_products(const struct model_config *config, int64_t B, int64_t T,
                            struct product_shape *shapes, int64_t room);

/* Key-value cache for generation, of one sequence. */
struct decoder;
struct decoder *decoder_create(struct model *model, int64_t max_positions);
void decoder_free(struct decoder *decoder);
/* Appends `count` tokens (prompt or one) and writes the logits [V] after the last. */
enum status decoder_append(struct decoder *decoder, struct kernels *kernels, const int32_t *tokens,
                           int64_t count, real *logits);
int64_t decoder_position(const struct decoder *decoder);

#endif
