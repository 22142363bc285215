/* model_loading: a model and its tokenizer out of a checkpoint, for everything but training on. */
#ifndef TRAINER_TRAINING_MODEL_LOADING_H
#define TRAINER_TRAINING_MODEL_LOADING_H

#include "checkpoints/checkpoint.h"
#include "shards/tokenizer/tokenizer.h"
#include "trainer/model/model.h"

struct loaded_model {
    struct model model;
    struct tokenizer *tokenizer;
    int64_t step; /* that the checkpoint was saved at */
};

/* Local. From a checkpoint's folder, or a run's, whose newest valid checkpoint is taken. All
 * checksums are verified. On success the caller releases it. */
enum status model_load(const char *checkpoint_or_run, struct loaded_model *out);
void loaded_model_release(struct loaded_model *loaded);

/* Local. What the checkpoint's config.json says. */
enum status model_read_config(const char *folder, struct model_config *config);
/* Local. The checkpoint's tokenizer.json, which may not have more entries than the model. */
enum status model_read_tokenizer(const char *folder, const struct model_config *config,
                                 struct tokenizer **out);
/* Local. All parameters; their shapes must be the model's. */
enum status model_read_weights(struct checkpoint *checkpoint, struct model *model);

#endif
