/* publish_model: the weights of a checkpoint as a model's folder on a hub might hold them.
 *
 *   publish_model CHECKPOINT FOLDER [WORD...]
 *
 *   bf16, fp16, mixed   types of the weights; mixed: tensors in turn, fp32 too
 *   files=N             tensors in turn to N files, with model.safetensors.index.json
 *   short               names without the prefix 'transformer.' or 'model.'
 *   buffers             what old versions saved beside the weights
 *   head=same|other     lm_head.weight, equal to the embedding or not
 *   drop=NAME           all but this tensor
 *   add=NAME            one more, a vector
 *   flat=NAME           this one as a vector
 *   integer=NAME        this one as I64
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "checkpoints/weight_files.h"
#include "tests/unit/weights_sample.h"

enum { MOST_TENSORS = 512, NAME_BYTES = 128 };

static struct weight_files files;
static struct sample_weight weights[MOST_TENSORS];
static char names[MOST_TENSORS][NAME_BYTES];
static int64_t count;
static char **words;

static const char *word(const char *key) /* what follows "KEY="; "" for the KEY alone; or NULL */
{
    const size_t length = strlen(key);
    for (char **at = words; *at; at++)
        if (strncmp(*at, key, length) == 0 && ((*at)[length] == '=' || (*at)[length] == '\0'))
            return *at + length + ((*at)[length] == '=');
    return NULL;
}

static bool word_is(const char *key, const char *value)
{
    const char *found = word(key);
    return found && strcmp(found, value) == 0;
}

static const char *type_of(int64_t tensor)
{
    static const char *const mixed[] = { "F32", "BF16", "F16" };
    return word("bf16") ? "BF16" : word("fp16") ? "F16" : word("mixed") ? mixed[tensor % 3] : "F32";
}

static struct sample_weight *add(const char *name, int64_t rows, int64_t cols)
{
    CHECK(count < MOST_TENSORS, "more than %d tensors", MOST_TENSORS);
    const char *dot = strchr(name, '.');
    const bool has_prefix =
        strncmp(name, "transformer.", 12) == 0 || strncmp(name, "model.", 6) == 0;
    snprintf(names[count], NAME_BYTES, "%s", word("short") && has_prefix ? dot + 1 : name);
    weights[count] = (struct sample_weight){ names[count], type_of(count), rows, cols, NULL };
    return &weights[count++];
}

static void add_stored(const struct weight_tensor *tensor)
{
    const struct safetensors_tensor *stored = tensor->stored;
    if (word_is("drop", stored->name))
        return;
    float *values = memory_alloc((size_t)stored->elements * sizeof *values);
    CHECK(weight_files_read(&files, tensor, 0, stored->elements, values) == STATUS_OK, "%s",
          status_message());
    struct sample_weight *weight =
        add(stored->name, stored->shape[0], stored->dimensions == 2 ? stored->shape[1] : 0);
    weight->values = values;
    if (word_is("integer", stored->name))
        weight->dtype = "I64";
    if (word_is("flat", stored->name)) {
        weight->rows = stored->elements;
        weight->cols = 0;
    }
}

static void add_others(void)
{
    const struct weight_tensor *embedding = weight_files_find(&files, "transformer.wte.weight");
    const bool is_gpt2 = embedding != NULL;
    if (!embedding)
        embedding = weight_files_find(&files, "model.embed_tokens.weight");
    if (word("head")) {
        add_stored(embedding);
        snprintf(names[count - 1], NAME_BYTES, "lm_head.weight");
        if (word_is("head", "other"))
            *(float *)weights[count - 1].values += 1;
    }
    if (word("buffers") && is_gpt2) {
        add("transformer.h.0.attn.bias", 4, 4);
        add("transformer.h.1.attn.masked_bias", 1, 0);
    } else if (word("buffers")) {
        add("model.layers.1.self_attn.rotary_emb.inv_freq", 4, 0);
    }
    if (word("add"))
        add(word("add"), 3, 0);
}

static void write_file(const char *folder, const char *name, int64_t first, int64_t step)
{
    struct sample_weight own[MOST_TENSORS];
    int64_t own_count = 0;
    for (int64_t i = first; i < count; i += step)
        own[own_count++] = weights[i];
    char *path = path_join(folder, name);
    weights_sample_write(path, own, own_count);
    memory_free(path);
}

static void write_files(const char *folder, int64_t file_count)
{
    struct json *index = json_new_object(), *map = json_new_object();
    for (int64_t file = 0; file < file_count; file++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "model-%05d-of-%05d.safetensors", (int)file + 1,
                 (int)file_count);
        write_file(folder, name, file, file_count);
        for (int64_t i = file; i < count; i += file_count)
            json_put_text(map, weights[i].name, name);
    }
    json_put(index, "metadata", json_new_object());
    json_put(index, "weight_map", map);
    char *path = path_join(folder, "model.safetensors.index.json");
    CHECK(json_write(index, path) == STATUS_OK, "%s", status_message());
    memory_free(path);
    json_free(index);
}

int main(int argument_count, char **arguments)
{
    if (argument_count < 3)
        return 2;
    words = arguments + 3;
    CHECK(weight_files_open(arguments[1], &files) == STATUS_OK, "%s", status_message());
    for (int64_t i = 0; i < files.tensor_count; i++)
        add_stored(&files.tensors[i]);
    add_others();
    if (word("files"))
        write_files(arguments[2], atoll(word("files")));
    else
        write_file(arguments[2], "model.safetensors", 0, 1);
    for (int64_t i = 0; i < count; i++)
        memory_free((float *)weights[i].values);
    weight_files_release(&files);
    return 0;
}
