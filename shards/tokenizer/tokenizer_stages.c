#include "shards/tokenizer/tokenizer_stages.h"

#include <string.h>

bool tokenizer_stage_is_set(const struct json *object, const char *key)
{
    const struct json *value = json_member(object, key);
    if (!value || json_kind_of(value) == JSON_KIND_NULL)
        return false;
    return json_kind_of(value) != JSON_KIND_BOOL || json_bool_of(value);
}

const char *tokenizer_stage_text(const struct json *object, const char *key)
{
    const struct json *value = json_member(object, key);
    return value && json_kind_of(value) == JSON_KIND_STRING ? json_text(value) : NULL;
}

enum status tokenizer_stage_refuse(const char *source, const char *what, const char *value)
{
    return bad_input("cannot use tokenizer '%s': its %s%s%s%s is not supported", source, what,
                     value ? " '" : "", value ? value : "", value ? "'" : "");
}

static bool is_type(const struct json *stage, const char *type)
{
    const char *text = tokenizer_stage_text(stage, "type");
    return text && strcmp(text, type) == 0;
}

/* ---- stages, alone or in a Sequence ---- */

static enum status read_stage(const struct json *stage, const char *source,
                              tokenizer_stage_reader *read, void *result)
{
    if (json_kind_of(stage) != JSON_KIND_OBJECT)
        return bad_input("cannot use tokenizer '%s': a stage is no object", source);
    return read(stage, source, result);
}

enum status tokenizer_stages_each(const struct json *root, const char *key, const char *items,
                                  const char *source, tokenizer_stage_reader *read, void *result)
{
    const struct json *stage, *list;
    if (!tokenizer_stage_is_set(root, key))
        return STATUS_OK;
    TRY(json_need_kind(root, key, JSON_KIND_OBJECT, source, &stage));
    if (!is_type(stage, "Sequence"))
        return read_stage(stage, source, read, result);
    TRY(json_need_kind(stage, items, JSON_KIND_ARRAY, source, &list));
    for (int64_t i = 0; i < json_length(list); i++)
        TRY(read_stage(json_item(list, i), source, read, result));
    return STATUS_OK;
}

/* ---- pre_tokenizer ---- */

struct splitting {
    enum splitting_rule rule;
    bool is_cut;     /* by the rule */
    bool is_letters; /* what comes later sees bytes' letters, not text */
};

static enum status read_byte_level(const struct json *stage, const char *source,
                                   struct splitting *splitting)
{
    /* Both members are true where they are not written. */
    const bool cuts =
        !json_member(stage, "use_regex") || tokenizer_stage_is_set(stage, "use_regex");
    if (!json_member(stage, "add_prefix_space") ||
        tokenizer_stage_is_set(stage, "add_prefix_space"))
        return tokenizer_stage_refuse(source, "pre_tokenizer's add_prefix_space", NULL);
    if (splitting->is_letters || (splitting->is_cut && cuts))
        return tokenizer_stage_refuse(source, "pre_tokenizer that cuts twice", NULL);
    splitting->is_letters = true;
    if (cuts)
        *splitting = (struct splitting){ SPLITTING_GPT2, true, true };
    return STATUS_OK;
}

/* The rules match every character, so that to isolate what matches is to remove what does not. */
static enum status read_split(const struct json *stage, const char *source,
                              struct splitting *splitting)
{
    const struct json *pattern;
    const char *behavior = tokenizer_stage_text(stage, "behavior");
    const char *as = tokenizer_stage_is_set(stage, "invert") ? "Removed" : "Isolated";
    if (splitting->is_letters || splitting->is_cut)
        return tokenizer_stage_refuse(source, "pre_tokenizer that cuts twice", NULL);
    if (!behavior || strcmp(behavior, as) != 0)
        return tokenizer_stage_refuse(source, "pre_tokenizer's behavior", behavior);
    TRY(json_need_kind(stage, "pattern", JSON_KIND_OBJECT, source, &pattern));
    const char *regex = tokenizer_stage_text(pattern, "Regex");
    if (!regex || !splitting_rule_of_pattern(regex, &splitting->rule))
        return tokenizer_stage_refuse(source, "pre_tokenizer's pattern", regex);
    splitting->is_cut = true;
    return STATUS_OK;
}

static enum status read_pre_tokenizer(const struct json *stage, const char *source, void *result)
{
    if (is_type(stage, "ByteLevel"))
        return read_byte_level(stage, source, result);
    if (is_type(stage, "Split"))
        return read_split(stage, source, result);
    return tokenizer_stage_refuse(source, "pre_tokenizer", tokenizer_stage_text(stage, "type"));
}

static enum status read_splitting(const struct json *root, const char *source,
                                  enum splitting_rule *rule)
{
    struct splitting splitting = { SPLITTING_GPT2, false, false };
    if (!tokenizer_stage_is_set(root, "pre_tokenizer"))
        return bad_input("cannot use tokenizer '%s': it has no pre_tokenizer", source);
    TRY(tokenizer_stages_each(root, "pre_tokenizer", "pretokenizers", source, read_pre_tokenizer,
                              &splitting));
    if (!splitting.is_letters)
        return tokenizer_stage_refuse(source, "pre_tokenizer without ByteLevel", NULL);
    if (!splitting.is_cut)
        return tokenizer_stage_refuse(source, "pre_tokenizer without use_regex", NULL);
    *rule = splitting.rule;
    return STATUS_OK;
}

/* ---- the other stages ---- */

/* A template that puts special tokens around a text, once, leaves the text's own ids alone. */
static enum status check_template(const struct json *stage, const char *source)
{
    const struct json *single;
    int texts = 0;
    TRY(json_need_kind(stage, "single", JSON_KIND_ARRAY, source, &single));
    for (int64_t i = 0; i < json_length(single); i++) {
        const struct json *item = json_item(single, i);
        texts += json_kind_of(item) == JSON_KIND_OBJECT && json_member(item, "Sequence");
    }
    if (texts != 1)
        return tokenizer_stage_refuse(source, "post_processor's template", NULL);
    return STATUS_OK;
}

static enum status check_post_processor(const struct json *stage, const char *source, void *result)
{
    (void)result;
    if (is_type(stage, "TemplateProcessing"))
        return check_template(stage, source);
    if (!is_type(stage, "ByteLevel"))
        return tokenizer_stage_refuse(source, "post_processor",
                                      tokenizer_stage_text(stage, "type"));
    return STATUS_OK;
}

static enum status check_decoder(const struct json *stage, const char *source, void *result)
{
    (void)result;
    if (!is_type(stage, "ByteLevel"))
        return tokenizer_stage_refuse(source, "decoder", tokenizer_stage_text(stage, "type"));
    return STATUS_OK;
}

enum status tokenizer_stages_check_others(const struct json *root, const char *source)
{
    static const char *const absent[] = { "truncation", "padding" };
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (tokenizer_stage_is_set(root, absent[i]))
            return tokenizer_stage_refuse(source, absent[i], NULL);
    return tokenizer_stages_each(root, "post_processor", "processors", source, check_post_processor,
                                 NULL);
}

enum status tokenizer_stages_read(const struct json *root, const char *source,
                                  enum splitting_rule *rule)
{
    if (tokenizer_stage_is_set(root, "normalizer"))
        return tokenizer_stage_refuse(source, "normalizer", NULL);
    TRY(read_splitting(root, source, rule));
    TRY(tokenizer_stages_check_others(root, source));
    return tokenizer_stages_each(root, "decoder", "decoders", source, check_decoder, NULL);
}

/* ---- writing ---- */

static struct json *byte_level(bool use_regex)
{
    struct json *stage = json_new_object();
    json_put_text(stage, "type", "ByteLevel");
    json_put_bool(stage, "add_prefix_space", false);
    json_put_bool(stage, "trim_offsets", true);
    json_put_bool(stage, "use_regex", use_regex);
    return stage;
}

static struct json *split(enum splitting_rule rule)
{
    struct json *stage = json_new_object(), *pattern = json_new_object();
    json_put_text(pattern, "Regex", splitting_rule_pattern(rule));
    json_put_text(stage, "type", "Split");
    json_put(stage, "pattern", pattern);
    json_put_text(stage, "behavior", "Isolated");
    json_put_bool(stage, "invert", false);
    return stage;
}

/* GPT-2's rule is ByteLevel's own. */
static struct json *pre_tokenizer(enum splitting_rule rule)
{
    if (rule == SPLITTING_GPT2)
        return byte_level(true);
    struct json *sequence = json_new_object(), *list = json_new_array();
    json_append(list, split(rule));
    json_append(list, byte_level(false));
    json_put_text(sequence, "type", "Sequence");
    json_put(sequence, "pretokenizers", list);
    return sequence;
}

void tokenizer_stages_put(struct json *root, enum splitting_rule rule)
{
    json_put_null(root, "normalizer");
    json_put(root, "pre_tokenizer", pre_tokenizer(rule));
    json_put(root, "post_processor", byte_level(true));
    json_put(root, "decoder", byte_level(true));
}
