/* generation: text that a model continues, token by token. */
#ifndef TRAINER_GENERATION_GENERATION_H
#define TRAINER_GENERATION_GENERATION_H

#include "base/strbuf.h"
#include "trainer/generation/sampler.h"
#include "trainer/training/model_loading.h"

struct generation_request {
    const char *prompt; /* any bytes; a document's beginning stands before it */
    int64_t tokens;     /* at most: the end of the document ends it earlier */
    int64_t sample;     /* number of this continuation: another draw of the same seed */
    struct sampler_settings sampling;
    /* Called with the bytes of each new token. */
    void (*emit)(void *context, const char *bytes, size_t length);
    void *context;
};

struct generation_result {
    int64_t prompt_tokens, tokens;
    bool reached_end_of_text;
};

/* Local. A prompt or a length beyond the model's positions (gpt2) is bad input, and so is a model
 * whose logits are not finite. */
enum status generation_run(struct loaded_model *loaded, struct kernels *kernels,
                           const struct generation_request *request,
                           struct generation_result *result);

#endif
