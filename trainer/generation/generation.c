#include "trainer/generation/generation.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

/* A continuation under way. */
struct generation {
    struct loaded_model *loaded;
    struct kernels *kernels;
    const struct generation_request *request;
    struct decoder *decoder;
    struct sampler *sampler;
    real *logits;       /* [vocab_size], of the next token */
    struct strbuf text; /* of one token */
};

/* As in training, a document's beginning stands before its text. */
static void encode_prompt(const struct loaded_model *loaded, const char *prompt,
                          struct token_buffer *out)
{
    const struct document_tokens *documents = &loaded->documents;
    struct encoder *encoder = encoder_create(loaded->tokenizer);
    token_buffer_add(out, documents->has_begin ? documents->begin
                                               : tokenizer_end_of_text(loaded->tokenizer));
    encoder_add(encoder, prompt, strlen(prompt), out);
    encoder_free(encoder);
}

static enum status check_length(const struct model_config *config, int64_t positions)
{
    if (config->family == FAMILY_GPT2 && positions > config->max_positions)
        return bad_input("prompt and tokens need %lld positions and the model has %lld",
                         (long long)positions, (long long)config->max_positions);
    return STATUS_OK;
}

/* Feeds tokens, and sees to it that what follows can be drawn from. */
static enum status append(struct generation *generation, const int32_t *tokens, int64_t count)
{
    real *logits = generation->logits;
    TRY(decoder_append(generation->decoder, generation->kernels, tokens, count, logits));
    for (int64_t i = 0; i < generation->loaded->model.config.vocab_size; i++)
        if (!isfinite(logits[i]))
            return bad_input("cannot continue the text: the model's logits are not finite at "
                             "position %lld",
                             (long long)decoder_position(generation->decoder));
    return STATUS_OK;
}

/* A token's text as it follows what is there: a decoder may strip a blank off the first alone. */
static void emit(struct generation *generation, int32_t token, bool first)
{
    const struct tokenizer *tokenizer = generation->loaded->tokenizer;
    if (token >= tokenizer_vocab_size(tokenizer))
        return; /* a model's vocabulary may be larger than its tokenizer's */
    strbuf_reset(&generation->text);
    tokenizer_decode_token(tokenizer, token, first, &generation->text);
    generation->request->emit(generation->request->context, generation->text.bytes,
                              generation->text.length);
}

/* Draws, emits and feeds back one token after the other. */
static enum status continue_text(struct generation *generation, struct generation_result *result)
{
    const struct generation_request *request = generation->request;
    const struct tokenizer *tokenizer = generation->loaded->tokenizer;
    const bool alone = result->prompt_tokens == 1; /* after the document's beginning */
    while (result->tokens < request->tokens) {
        int32_t token = sampler_draw(generation->sampler, generation->logits, request->sample,
                                     decoder_position(generation->decoder));
        result->tokens++;
        if (token == tokenizer_end_of_text(tokenizer) ||
            document_tokens_end_with(&generation->loaded->documents, token)) {
            result->reached_end_of_text = true;
            break;
        }
        emit(generation, token, alone && result->tokens == 1);
        if (result->tokens < request->tokens)
            TRY(append(generation, &token, 1));
    }
    return STATUS_OK;
}

enum status generation_run(struct loaded_model *loaded, struct kernels *kernels,
                           const struct generation_request *request,
                           struct generation_result *result)
{
    const struct model_config *config = &loaded->model.config;
    struct generation generation = { .loaded = loaded, .kernels = kernels, .request = request };
    struct token_buffer prompt = { 0 };
    enum status status;
    strbuf_init(&generation.text);
    encode_prompt(loaded, request->prompt, &prompt);
    *result = (struct generation_result){ .prompt_tokens = prompt.count };

    int64_t positions = prompt.count + request->tokens;
    TRY_CLEANUP(check_length(config, positions));
    generation.decoder = decoder_create(&loaded->model, positions);
    generation.sampler = sampler_create(&request->sampling, config->vocab_size);
    generation.logits = memory_alloc(sizeof *generation.logits * (size_t)config->vocab_size);
    TRY_CLEANUP(append(&generation, prompt.ids, prompt.count));
    TRY_CLEANUP(continue_text(&generation, result));

cleanup:
    strbuf_release(&generation.text);
    memory_free(generation.logits);
    sampler_free(generation.sampler);
    decoder_free(generation.decoder);
    token_buffer_release(&prompt);
    return status;
}
