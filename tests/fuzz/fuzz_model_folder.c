/* A model's folder: what is taken has each tensor of the model that config.json describes once, of
 * its size. An input is config.json, then NUL, then the index or nothing for a single file, then
 * the headers of one or two safetensors files, NUL before each; their data are zeros. */
#include <unistd.h>

#include "checkpoints/weight_files.h"
#include "tests/fuzz/fuzz_target.h"
#include "trainer/model/document_tokens.h"
#include "trainer/model/huggingface_config.h"
#include "trainer/model/huggingface_tensors.h"

enum { DATA_MOST = 1 << 20, LAYERS_MOST = 16, VOCAB_MOST = 1 << 24 };

void fuzz_begin(void)
{
}

/* What stands before the next NUL, which is skipped. */
static struct fuzz_bytes take_text(struct fuzz_bytes *rest)
{
    const uint8_t *end = rest->size > 0 ? memchr(rest->data, 0, rest->size) : NULL;
    const struct fuzz_bytes text = { rest->data, end ? (size_t)(end - rest->data) : rest->size };
    const size_t used = text.size + (end != NULL);
    *rest = (struct fuzz_bytes){ rest->data + used, rest->size - used };
    return text;
}

/* The last place that a header's tensors name, where it is near enough. */
static size_t data_length(const struct json *header)
{
    void *cursor = NULL;
    const char *name;
    const struct json *entry;
    int64_t length = 0;
    while (json_kind_of(header) == JSON_KIND_OBJECT &&
           json_next_member(header, &cursor, &name, &entry)) {
        const struct json *offsets =
            json_kind_of(entry) == JSON_KIND_OBJECT ? json_member(entry, "data_offsets") : NULL;
        if (!offsets || json_kind_of(offsets) != JSON_KIND_ARRAY || json_length(offsets) != 2 ||
            json_kind_of(json_item(offsets, 1)) != JSON_KIND_INTEGER)
            continue;
        const int64_t end = json_integer_of(json_item(offsets, 1));
        length = end > length && end <= DATA_MOST ? end : length;
    }
    return (size_t)length;
}

static const char *write_weights(const char *name, struct fuzz_bytes text)
{
    static const uint8_t zeros[DATA_MOST];
    struct strbuf file = STRBUF_INIT;
    struct json *header = NULL;
    size_t length = 0;
    if (json_parse((const char *)text.data, text.size, name, &header) == STATUS_OK)
        length = data_length(header);
    json_free(header);
    for (int i = 0; i < 8; i++)
        strbuf_add_char(&file, (char)((uint64_t)text.size >> 8 * i));
    strbuf_add(&file, text.data, text.size);
    strbuf_add(&file, zeros, length);
    const char *path = fuzz_file(name, file.bytes, file.length);
    strbuf_release(&file);
    return path;
}

static void check_sources(const struct huggingface_tensors *tensors,
                          const struct tensor_table *table)
{
    for (int64_t i = 0; i < table->tensor_count; i++) {
        const struct weight_tensor *source = tensors->sources[i];
        CHECK(weight_tensor_is_float(source), "a tensor without floats");
        CHECK(source->stored->elements == table->tensors[i].count, "a tensor of another size");
        CHECK(source != tensors->repeated_head, "the head is a tensor of the model");
        for (int64_t j = 0; j < i; j++)
            CHECK(source != tensors->sources[j], "one tensor is two of the model's");
    }
}

static void match(const char *folder, const struct model_config *config)
{
    struct weight_files files;
    struct tensor_table table;
    struct huggingface_tensors tensors;
    if (weight_files_open(folder, &files) != STATUS_OK)
        return;
    tensor_table_init(&table, config);
    if (huggingface_tensors_match(&files, config, &table, &tensors) == STATUS_OK) {
        check_sources(&tensors, &table);
        CHECK(huggingface_tensors_check_head(&tensors, &files) == STATUS_OK, "zeros are equal");
        huggingface_tensors_release(&tensors);
    }
    tensor_table_release(&table);
    weight_files_release(&files);
}

static bool read_config(struct fuzz_bytes text, struct model_config *config)
{
    struct json *json;
    struct document_tokens documents;
    if (json_parse((const char *)text.data, text.size, "config.json", &json) != STATUS_OK)
        return false;
    const bool is_read = huggingface_config_parse(json, "config.json", config) == STATUS_OK;
    if (is_read && document_tokens_parse(json, "config.json", VOCAB_MOST, &documents) == STATUS_OK)
        document_tokens_put(&documents, json);
    json_free(json);
    return is_read && config->layers <= LAYERS_MOST;
}

void fuzz_input(const uint8_t *data, size_t size)
{
    struct fuzz_bytes rest = { data, size };
    struct model_config config;
    if (!read_config(take_text(&rest), &config))
        return;
    const struct fuzz_bytes index = take_text(&rest);
    char *folder, *index_path;
    if (index.size > 0) {
        folder = memory_copy_string(write_weights("one.safetensors", take_text(&rest)));
        write_weights("two.safetensors", take_text(&rest));
        fuzz_file("model.safetensors.index.json", index.data, index.size);
    } else {
        folder = memory_copy_string(write_weights("model.safetensors", take_text(&rest)));
    }
    *strrchr(folder, '/') = '\0';
    match(folder, &config);

    index_path =
        path_join(folder, index.size > 0 ? "model.safetensors.index.json" : "model.safetensors");
    unlink(index_path);
    memory_free(index_path);
    memory_free(folder);
}
