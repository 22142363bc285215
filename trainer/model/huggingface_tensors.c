#include "trainer/model/huggingface_tensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"

#define HEAD "lm_head.weight"

enum { COMPARED_AT_ONCE = 1 << 16 };

/* Of eon's names, which are those of the models with a head. */
static const char *prefix_of(const struct model_config *config)
{
    return config->family == FAMILY_GPT2 ? "transformer." : "model.";
}

/* The name without the prefix. */
static const char *short_name(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0 ? name + strlen(prefix) : name;
}

/* "h.12.attn.bias" with opening "h." and ending "attn.bias". */
static bool is_of_layer(const char *name, const char *opening, const char *ending)
{
    if (strncmp(name, opening, strlen(opening)) != 0)
        return false;
    const char *number = name + strlen(opening);
    size_t digits = strspn(number, "0123456789");
    return digits > 0 && number[digits] == '.' && strcmp(number + digits + 1, ending) == 0;
}

static bool is_buffer(const char *name, enum model_family family)
{
    if (family == FAMILY_GPT2)
        return is_of_layer(name, "h.", "attn.bias") || is_of_layer(name, "h.", "attn.masked_bias");
    return strcmp(name, "rotary_emb.inv_freq") == 0 ||
           is_of_layer(name, "layers.", "self_attn.rotary_emb.inv_freq");
}

static void add_shape(const int64_t *shape, int dimensions, struct strbuf *out)
{
    for (int i = 0; i < dimensions; i++)
        strbuf_addf(out, "%s%lld", i ? ", " : "[", (long long)shape[i]);
    strbuf_add_string(out, dimensions ? "]" : "[]");
}

static enum status check_shape(const struct safetensors_tensor *stored, const struct tensor *tensor,
                               const char *path)
{
    const int64_t wanted[] = { tensor->rows, tensor->cols };
    const int dimensions = tensor->cols ? 2 : 1;
    if (stored->dimensions == dimensions &&
        memcmp(stored->shape, wanted, (size_t)dimensions * sizeof *wanted) == 0)
        return STATUS_OK;
    struct strbuf shapes = STRBUF_INIT;
    add_shape(stored->shape, stored->dimensions, &shapes);
    strbuf_add_string(&shapes, ", and config.json asks for ");
    add_shape(wanted, dimensions, &shapes);
    enum status status =
        bad_input("cannot use '%s': tensor '%s' has shape %s", path, stored->name, shapes.bytes);
    strbuf_release(&shapes);
    return status;
}

static enum status check_tensor(const struct weight_files *files,
                                const struct weight_tensor *source, const struct tensor *tensor)
{
    const char *path = files->readers[source->file].path;
    if (!weight_tensor_is_float(source))
        return bad_input("cannot use '%s': tensor '%s' is of type %s, and eon reads F32, F16 and "
                         "BF16",
                         path, source->stored->name, source->stored->dtype);
    return check_shape(source->stored, tensor, path);
}

static enum status find_sources(const struct weight_files *files, const struct tensor_table *table,
                                const char *prefix, bool is_short, struct huggingface_tensors *out)
{
    for (int64_t i = 0; i < table->tensor_count; i++) {
        const struct tensor *tensor = &table->tensors[i];
        const char *name = is_short ? short_name(tensor->name, prefix) : tensor->name;
        out->sources[i] = weight_files_find(files, name);
        if (!out->sources[i])
            return bad_input("cannot use the weights: tensor '%s' is missing", name);
        TRY(check_tensor(files, out->sources[i], tensor));
    }
    return STATUS_OK;
}

static enum status check_rest(const struct weight_files *files, const struct model_config *config,
                              const struct tensor_table *table, struct huggingface_tensors *out)
{
    const char *prefix = prefix_of(config);
    bool *is_used = memory_alloc_zeroed((size_t)files->tensor_count + 1, sizeof *is_used);
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < table->tensor_count; i++)
        is_used[out->sources[i] - files->tensors] = true;
    for (int64_t i = 0; status == STATUS_OK && i < files->tensor_count; i++) {
        const struct weight_tensor *source = &files->tensors[i];
        const char *name = source->stored->name;
        if (is_used[i] || is_buffer(short_name(name, prefix), config->family))
            continue;
        if (config->tied_head && strcmp(name, HEAD) == 0) {
            out->repeated_head = source;
            status = check_tensor(files, source, &table->tensors[0]);
        } else {
            status = bad_input("cannot use '%s': tensor '%s' is none of the model's",
                               files->readers[source->file].path, name);
        }
    }
    memory_free(is_used);
    return status;
}

enum status huggingface_tensors_match(const struct weight_files *files,
                                      const struct model_config *config,
                                      const struct tensor_table *table,
                                      struct huggingface_tensors *out)
{
    const char *prefix = prefix_of(config);
    const bool is_short = !weight_files_find(files, table->tensors[0].name) &&
                          weight_files_find(files, short_name(table->tensors[0].name, prefix));
    *out = (struct huggingface_tensors){ 0 };
    out->sources = memory_alloc_zeroed((size_t)table->tensor_count, sizeof *out->sources);
    enum status status = find_sources(files, table, prefix, is_short, out);
    if (status == STATUS_OK)
        status = check_rest(files, config, table, out);
    if (status != STATUS_OK)
        huggingface_tensors_release(out);
    return status;
}

void huggingface_tensors_release(struct huggingface_tensors *tensors)
{
    memory_free(tensors->sources);
    *tensors = (struct huggingface_tensors){ 0 };
}

static enum status compare_block(const struct huggingface_tensors *tensors,
                                 struct weight_files *files, int64_t begin, int64_t end,
                                 float *blocks)
{
    float *embedding = blocks, *head = blocks + COMPARED_AT_ONCE;
    TRY(weight_files_read(files, tensors->sources[0], begin, end, embedding));
    TRY(weight_files_read(files, tensors->repeated_head, begin, end, head));
    if (memcmp(embedding, head, (size_t)(end - begin) * sizeof *head) == 0)
        return STATUS_OK;
    return bad_input("cannot use '%s': tensor '" HEAD "' is not '%s', and config.json says that "
                     "they are tied (tie_word_embeddings)",
                     files->readers[tensors->repeated_head->file].path,
                     tensors->sources[0]->stored->name);
}

enum status huggingface_tensors_check_head(const struct huggingface_tensors *tensors,
                                           struct weight_files *files)
{
    if (!tensors->repeated_head)
        return STATUS_OK;
    enum status status = STATUS_OK;
    const int64_t elements = tensors->repeated_head->stored->elements;
    float *blocks = memory_alloc(2 * COMPARED_AT_ONCE * sizeof *blocks);
    for (int64_t begin = 0; status == STATUS_OK && begin < elements; begin += COMPARED_AT_ONCE) {
        const int64_t left = elements - begin;
        status = compare_block(tensors, files, begin,
                               begin + (left < COMPARED_AT_ONCE ? left : COMPARED_AT_ONCE), blocks);
    }
    memory_free(blocks);
    return status;
}
