#include "tests/golden/golden_case.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"

#define MUST(expression) CHECK((expression) == STATUS_OK, "%s", status_message())

static int64_t setting(const struct golden_case *golden, const char *key)
{
    int64_t value;
    MUST(json_need_integer(golden->settings, key, 1, 1000, golden->file.path, &value));
    return value;
}

static double number_setting(const struct golden_case *golden, const char *key)
{
    double value;
    MUST(json_need_number(golden->settings, key, golden->file.path, &value));
    return value;
}

static bool is_set(const struct golden_case *golden, const char *key)
{
    bool value = false;
    if (json_member(golden->settings, key))
        MUST(json_need_bool(golden->settings, key, golden->file.path, &value));
    return value;
}

/* By the keys of transformers. */
static void read_rope_scaling(const struct json *json, const char *place,
                              struct rope_scaling *scaling)
{
    const char *type;
    MUST(json_need_text(json, "rope_type", place, &type));
    MUST(json_need_number(json, "factor", place, &scaling->factor));
    scaling->kind = ROPE_LINEAR;
    if (strcmp(type, "llama3") != 0)
        return;
    scaling->kind = ROPE_LLAMA3;
    MUST(json_need_number(json, "low_freq_factor", place, &scaling->low_freq_factor));
    MUST(json_need_number(json, "high_freq_factor", place, &scaling->high_freq_factor));
    MUST(json_need_integer(json, "original_max_position_embeddings", 1, 1000, place,
                           &scaling->original_positions));
}

static void read_config(struct golden_case *golden)
{
    const char *family;
    MUST(json_need_text(golden->settings, "family", golden->file.path, &family));
    golden->config = (struct model_config){
        .family = strcmp(family, "gpt2") == 0 ? FAMILY_GPT2 : FAMILY_LLAMA,
        .layers = setting(golden, "layers"),
        .width = setting(golden, "width"),
        .heads = setting(golden, "heads"),
        .kv_heads = setting(golden, "kv_heads"),
        .ffn_width = setting(golden, "ffn_width"),
        .vocab_size = setting(golden, "vocab_size"),
        .max_positions = setting(golden, "max_positions"),
        .norm_epsilon = 1e-5,
        .rope_theta = 10000,
        .tied_head = is_set(golden, "tied_head"),
        .attention_bias = is_set(golden, "attention_bias"),
        .mlp_bias = is_set(golden, "mlp_bias"),
    };
    const struct json *scaling = json_member(golden->settings, "rope_scaling");
    if (json_member(golden->settings, "head_dim"))
        golden->config.head_dim = setting(golden, "head_dim");
    if (json_member(golden->settings, "rope_theta"))
        golden->config.rope_theta = number_setting(golden, "rope_theta");
    if (scaling)
        read_rope_scaling(scaling, golden->file.path, &golden->config.rope_scaling);
}

void golden_case_open(struct golden_case *golden, const char *name)
{
    const char *source = getenv("EON_SOURCE"), *text;
    struct strbuf path = STRBUF_INIT;
    strbuf_addf(&path, "%s/tests/golden/%s.safetensors", source ? source : ".", name);
    MUST(safetensors_reader_open(path.bytes, &golden->file));
    strbuf_release(&path);

    const char *place = golden->file.path;
    const struct json *metadata = safetensors_reader_metadata(&golden->file);
    CHECK(metadata, "'%s' has no metadata", place);
    MUST(json_need_text(metadata, "settings", place, &text));
    MUST(json_parse(text, strlen(text), place, &golden->settings));
    read_config(golden);
    golden->sequences = setting(golden, "sequences");
    golden->positions = setting(golden, "positions");
    golden->steps = setting(golden, "steps");
    golden->clip_norm = number_setting(golden, "clip_norm");
    golden->beta1 = number_setting(golden, "beta1");
    golden->beta2 = number_setting(golden, "beta2");
    golden->epsilon = number_setting(golden, "epsilon");
    golden->weight_decay = number_setting(golden, "weight_decay");
}

void golden_case_close(struct golden_case *golden)
{
    json_free(golden->settings);
    safetensors_reader_release(&golden->file);
}

static const struct safetensors_tensor *find_tensor(const struct golden_case *golden,
                                                    const char *name)
{
    for (int64_t i = 0; i < golden->file.tensor_count; i++)
        if (strcmp(golden->file.tensors[i].name, name) == 0)
            return &golden->file.tensors[i];
    fatal("'%s' has no tensor '%s'", golden->file.path, name);
}

double *golden_case_values(const struct golden_case *golden, const char *name,
                           const char *precision, int64_t count)
{
    struct strbuf full_name = STRBUF_INIT;
    strbuf_addf(&full_name, "%s%s%s", name, precision ? "." : "", precision ? precision : "");
    const struct safetensors_tensor *tensor = find_tensor(golden, full_name.bytes);
    bool is_float = strcmp(tensor->dtype, "F32") == 0;
    CHECK(is_float || strcmp(tensor->dtype, "F64") == 0, "'%s' is %s", tensor->name, tensor->dtype);
    CHECK(tensor->elements == count, "'%s' has %lld elements, not %lld", tensor->name,
          (long long)tensor->elements, (long long)count);

    size_t bytes = (size_t)(tensor->end - tensor->begin);
    double *values = memory_alloc((size_t)count * sizeof *values);
    void *raw = memory_alloc(bytes);
    int descriptor = open(golden->file.path, O_RDONLY | O_CLOEXEC);
    CHECK(descriptor >= 0, "cannot open '%s'", golden->file.path);
    MUST(file_read_at(descriptor, raw, bytes, tensor->begin, golden->file.path));
    close(descriptor);
    for (int64_t i = 0; i < count; i++)
        values[i] = is_float ? (double)((const float *)raw)[i] : ((const double *)raw)[i];
    memory_free(raw);
    strbuf_release(&full_name);
    return values;
}

/* 16 bits, a pure function of (name, index): see closed_values in make_golden.py. */
static uint32_t closed_value(const char *name, int64_t index)
{
    uint32_t x = 2166136261u;
    for (const char *c = name; *c; c++)
        x = (x ^ (unsigned char)*c) * 16777619u;
    x += 2654435761u * (uint32_t)(index + 1);
    x ^= x >> 16;
    x *= 0x85EBCA6Bu;
    x ^= x >> 13;
    x *= 0xC2B2AE35u;
    x ^= x >> 16;
    return x >> 16;
}

double golden_weight(const struct tensor *tensor, int64_t index)
{
    size_t length = strlen(tensor->name);
    bool is_scale =
        tensor->cols == 0 && length > 6 && strcmp(tensor->name + length - 6, "weight") == 0;
    double weight = ((double)closed_value(tensor->name, index) - 32768) / 131072;
    return is_scale ? 1 + weight : weight;
}

void golden_batch(const struct golden_case *golden, int64_t step, int32_t *tokens, int32_t *targets)
{
    struct strbuf name = STRBUF_INIT;
    int64_t vocab_size = golden->config.vocab_size;
    strbuf_addf(&name, "tokens.%lld", (long long)step);
    for (int64_t i = 0; i < golden->sequences * golden->positions; i++)
        tokens[i] = (int32_t)(closed_value(name.bytes, i) % vocab_size);
    strbuf_reset(&name);
    strbuf_addf(&name, "targets.%lld", (long long)step);
    for (int64_t i = 0; i < golden->sequences * golden->positions; i++) {
        uint32_t value = closed_value(name.bytes, i);
        targets[i] = value % 7 == 0 ? -1 : (int32_t)(value % vocab_size);
    }
    strbuf_release(&name);
}

double golden_distance(const double *a, const double *b, int64_t count)
{
    double distance = 0, scale = 0;
    for (int64_t i = 0; i < count; i++) {
        scale = fmax(scale, fabs(b[i]));
        if (!(fabs(a[i] - b[i]) <= distance)) /* a NaN is taken, and stays */
            distance = fabs(a[i] - b[i]);
    }
    return distance / scale;
}
