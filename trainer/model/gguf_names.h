/* gguf_names: what llama.cpp calls the tensors of a model, and how it wants them to lie.
 * Its sources: src/llama-arch.cpp (names), src/models/gpt2.cpp and llama.cpp (shapes), conversion/
 * (what is turned). */
#ifndef TRAINER_MODEL_GGUF_NAMES_H
#define TRAINER_MODEL_GGUF_NAMES_H

#include "trainer/model/model.h"

/* llama.cpp's matrices are [out, in], row by row.
 *
 *   TRANSPOSED   GPT-2's products, which Hugging Face keeps as [in, out]
 *   INTERLEAVED  the rows of Llama's queries and keys, within each head: Hugging Face turns row i
 *                with row i + HD/2, llama.cpp row 2i with row 2i + 1
 *
 *       Hugging Face   0 1 2 3 | 4 5 6 7        HD = 8
 *       llama.cpp      0 4 1 5 2 6 3 7
 */
enum gguf_layout { GGUF_LAYOUT_SAME, GGUF_LAYOUT_TRANSPOSED, GGUF_LAYOUT_INTERLEAVED };

struct gguf_place {
    char name[64];
    enum gguf_layout layout; /* a bias goes as the rows of its weight do */
    bool stays_f32;          /* llama.cpp computes with it as it is: vectors, positions */
};

/* Bad input, named, for a tensor that this mapping does not know. */
enum status gguf_place_of(const struct model_config *config, const struct tensor *tensor,
                          struct gguf_place *place);

/* Rows of queries, or of keys, that a head has. */
int64_t gguf_head_width(const struct model_config *config);
/* By what llama.cpp divides the frequency of each pair of a head, in tensor GGUF_ROPE_FACTORS.
 * Returns how many: none unless positions are scaled as Llama 3.1's are. */
#define GGUF_ROPE_FACTORS "rope_freqs.weight"
enum { GGUF_ROPE_FACTORS_MOST = 512 };
int64_t gguf_rope_factors(const struct model_config *config, float *factors);

/* The row of Hugging Face's that is llama.cpp's row `row`, where the layout is interleaved. */
int64_t gguf_source_row(int64_t row, int64_t head_width);

#endif
