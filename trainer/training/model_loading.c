#include "trainer/training/model_loading.h"

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint.h"
#include "trainer/model/huggingface_config.h"

#define CONFIG_BYTES_MAX ((size_t)1 << 20)

enum status model_read_config(const char *folder, struct model_config *config,
                              struct document_tokens *documents)
{
    char *path = path_join(folder, "config.json");
    struct json *json = NULL;
    enum status status = json_read(path, CONFIG_BYTES_MAX, &json);
    if (status == STATUS_OK)
        status = huggingface_config_parse(json, path, config);
    if (status == STATUS_OK)
        status = document_tokens_parse(json, path, config->vocab_size, documents);
    json_free(json);
    memory_free(path);
    return status;
}

enum status model_read_tokenizer(const char *folder, const struct model_config *config,
                                 struct tokenizer **out)
{
    char *path = path_join(folder, "tokenizer.json");
    *out = NULL;
    enum status status = file_exists(path) ? tokenizer_read(path, out) : STATUS_OK;
    if (*out && tokenizer_vocab_size(*out) > config->vocab_size)
        status =
            bad_input("cannot use '%s': it has %lld entries and the model's vocabulary %lld", path,
                      (long long)tokenizer_vocab_size(*out), (long long)config->vocab_size);
    memory_free(path);
    return status;
}

enum status model_read_weights(struct checkpoint *checkpoint, struct model *model)
{
    for (int64_t i = 0; i < model->table.tensor_count; i++) {
        const struct tensor *tensor = &model->table.tensors[i];
        TRY(checkpoint_read(checkpoint, tensor->name, tensor->rows, tensor->cols, 0, tensor->count,
                            model->parameters + tensor->offset));
    }
    return STATUS_OK;
}

static enum status load_from(struct checkpoint *checkpoint, struct loaded_model *out)
{
    const char *folder = checkpoint_folder(checkpoint);
    struct model_config config;
    TRY(model_read_config(folder, &config, &out->documents));
    TRY(model_read_tokenizer(folder, &config, &out->tokenizer));
    model_init(&out->model, &config);
    out->step = checkpoint_step(checkpoint);
    return model_read_weights(checkpoint, &out->model);
}

enum status model_load(const char *checkpoint_or_run, struct loaded_model *out)
{
    struct checkpoint *checkpoint;
    *out = (struct loaded_model){ .step = 0 };
    TRY(checkpoint_open_newest(checkpoint_or_run, &checkpoint));
    enum status status = load_from(checkpoint, out);
    checkpoint_close(checkpoint);
    if (status != STATUS_OK)
        loaded_model_release(out);
    return status;
}

void loaded_model_release(struct loaded_model *loaded)
{
    tokenizer_free(loaded->tokenizer);
    if (loaded->model.parameters)
        model_release(&loaded->model);
    *loaded = (struct loaded_model){ .step = 0 };
}

enum status loaded_model_need_tokenizer(const struct loaded_model *loaded, const char *source)
{
    if (loaded->tokenizer)
        return STATUS_OK;
    return bad_input("cannot give text to '%s' or read any from it: it has no tokenizer.json",
                     source);
}
