/* import_tokenizer: the tokenizer of a published model's folder, for its checkpoint. */
#ifndef TRAINER_TRAINING_IMPORT_TOKENIZER_H
#define TRAINER_TRAINING_IMPORT_TOKENIZER_H

#include "base/strbuf.h"
#include "trainer/model/document_tokens.h"
#include "trainer/model/model.h"

struct imported_tokenizer {
    struct strbuf json;     /* of tokenizer.json; empty: there is none that eon reads, */
    struct strbuf why_none; /* and why */
    struct strbuf settings; /* of tokenizer_config.json */
};

/* Local. tokenizer.json as it is, or what GPT-2's vocab.json and merges.txt make. */
enum status import_tokenizer(const char *folder, const struct model_config *config,
                             const struct document_tokens *documents,
                             struct imported_tokenizer *out);
void imported_tokenizer_release(struct imported_tokenizer *imported);

#endif
