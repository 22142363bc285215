#include "trainer/generation/generation.h"

#include <string.h>

#include "base/memory.h"

static void encode_prompt(const struct tokenizer *tokenizer, const char *prompt,
                          struct token_buffer *out)
{
    struct encoder *encoder = encoder_create(tokenizer);
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

/* Draws, emits and feeds back one token after the other. */
static enum status continue_text(struct loaded_model *loaded, struct kernels *kernels,
                                 const struct generation_request *request, struct decoder *decoder,
                                 struct sampler *sampler, real *logits,
                                 struct generation_result *result)
{
    const struct tokenizer *tokenizer = loaded->tokenizer;
    while (result->tokens < request->tokens) {
        int32_t token = sampler_draw(sampler, logits, request->sample, decoder_position(decoder));
        result->tokens++;
        if (token == tokenizer_end_of_text(tokenizer)) {
            result->reached_end_of_text = true;
            break;
        }
        size_t length = 0;
        const char *bytes = tokenizer_token_bytes(tokenizer, token, &length);
        if (bytes)
            request->emit(request->context, bytes, length);
        if (result->tokens < request->tokens)
            TRY(decoder_append(decoder, kernels, &token, 1, logits));
    }
    return STATUS_OK;
}

enum status generation_run(struct loaded_model *loaded, struct kernels *kernels,
                           const struct generation_request *request,
                           struct generation_result *result)
{
    const struct model_config *config = &loaded->model.config;
    struct token_buffer prompt = { 0 }, text = { 0 };
    encode_prompt(loaded->tokenizer, request->prompt, &text);
    prompt.count = text.count + 1;
    prompt.ids = memory_alloc(sizeof *prompt.ids * (size_t)prompt.count);
    prompt.ids[0] = tokenizer_end_of_text(loaded->tokenizer);
    if (text.count > 0)
        memcpy(prompt.ids + 1, text.ids, sizeof *text.ids * (size_t)text.count);
    token_buffer_release(&text);
    *result = (struct generation_result){ .prompt_tokens = prompt.count };

    int64_t positions = prompt.count + request->tokens;
    enum status status = check_length(config, positions);
    if (status == STATUS_OK) {
        struct decoder *decoder = decoder_create(&loaded->model, positions);
        struct sampler *sampler = sampler_create(&request->sampling, config->vocab_size);
        real *logits = memory_alloc(sizeof *logits * (size_t)config->vocab_size);
        status = decoder_append(decoder, kernels, prompt.ids, prompt.count, logits);
        if (status == STATUS_OK)
            status = continue_text(loaded, kernels, request, decoder, sampler, logits, result);
        memory_free(logits);
        sampler_free(sampler);
        decoder_free(decoder);
    }
    memory_free(prompt.ids);
    return status;
}
