/* model_loading: a model and its tokenizer out of a checkpoint, for everything but training on. */
#ifndef TRAINER_TRAINING_MODEL_LOADING_H
#define TRAINER_TRAINING_MODEL_LOADING_H

#include "checkpoints/checkpoint.h"
#include "shards/tokenizer/tokenizer.h"
#include "trainer/model/document_tokens.h"
#include "trainer/model/model.h"

struct loaded_model {
    struct model model;
    struct tokenizer *tokenizer; /* NULL: the checkpoint has none */
    struct document_tokens documents;
    int64_t step; /* that the checkpoint was saved at */
};

/* Local. From a checkpoint's folder, or a run's, whose newest valid checkpoint is taken. All
 * checksums are verified. On success the caller releases it. */
enum status model_load(const char *checkpoint_or_run, struct loaded_model *out);
void loaded_model_release(struct loaded_model *loaded);
/* Bad input where the model has no tokenizer, so that text cannot be given to it or read from it;
 * `source` is what it was loaded from. */
enum status loaded_model_need_tokenizer(const struct loaded_model *loaded, const char *source);

/* Local. What the config.json in a checkpoint's folder says. */
enum status model_read_config(const char *folder, struct model_config *config,
                              struct document_tokens *documents);
/* Local. The checkpoint's tokenizer.json, which may not have more entries than the model; NULL
 * where it has none, as an imported model may. */
enum status model_read_tokenizer(const char *folder, const struct model_config *config,
                                 struct tokenizer **out);
/* Local. All parameters; their shapes must be the model's. */
enum status model_read_weights(struct checkpoint *checkpoint, struct model *model);

#endif
