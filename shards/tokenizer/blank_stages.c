#include "shards/tokenizer/blank_stages.h"

#include <string.h>

#include "shards/tokenizer/tokenizer_stages.h"

/* ---- reading ---- */

/* How far a list of stages was read, which must come in one order. */
struct stage_walk {
    struct blank_marking *marking;
    int count;
};

static bool has_text(const struct json *stage, const char *key, const char *expected)
{
    const char *text = tokenizer_stage_text(stage, key);
    return text && strcmp(text, expected) == 0;
}

static bool replaces(const struct json *stage, const char *from, const char *to)
{
    const struct json *pattern = json_member(stage, "pattern");
    return has_text(stage, "type", "Replace") && has_text(stage, "content", to) && pattern &&
           json_kind_of(pattern) == JSON_KIND_OBJECT && has_text(pattern, "String", from);
}

static bool strips_one_blank(const struct json *stage)
{
    const struct json *start = json_member(stage, "start"), *stop = json_member(stage, "stop");
    return has_text(stage, "type", "Strip") && has_text(stage, "content", " ") && start &&
           json_kind_of(start) == JSON_KIND_INTEGER && json_integer_of(start) == 1 && stop &&
           json_kind_of(stop) == JSON_KIND_INTEGER && json_integer_of(stop) == 0;
}

/* Prepend and Replace, or Replace alone. */
static enum status read_normalizer(const struct json *stage, const char *source, void *result)
{
    struct stage_walk *walk = result;
    const bool prepends = walk->count == 0 && has_text(stage, "type", "Prepend") &&
                          has_text(stage, "prepend", BLANK_MARK);
    if (prepends)
        walk->marking->prefix = BLANK_ALWAYS;
    else if (walk->count == 2 || !replaces(stage, " ", BLANK_MARK))
        return tokenizer_stage_refuse(source, "normalizer", tokenizer_stage_text(stage, "type"));
    walk->count = prepends ? 1 : 2;
    return STATUS_OK;
}

static enum status read_prefix(const struct json *stage, const char *source,
                               struct blank_marking *marking)
{
    const char *scheme = "always"; /* where it is not written */
    int prefix = 0;
    if (json_member(stage, "prepend_scheme"))
        scheme = tokenizer_stage_text(stage, "prepend_scheme");
    while (scheme && blank_prefix_names[prefix] && strcmp(blank_prefix_names[prefix], scheme) != 0)
        prefix++;
    if (!scheme || !blank_prefix_names[prefix])
        return tokenizer_stage_refuse(source, "pre_tokenizer's prepend_scheme", scheme);
    marking->prefix = (enum blank_prefix)prefix;
    /* The member's older name. */
    if (json_member(stage, "add_prefix_space") && marking->prefix != BLANK_NEVER &&
        !tokenizer_stage_is_set(stage, "add_prefix_space"))
        return tokenizer_stage_refuse(source, "pre_tokenizer's add_prefix_space", NULL);
    return STATUS_OK;
}

static enum status read_pre_tokenizer(const struct json *stage, const char *source, void *result)
{
    struct stage_walk *walk = result;
    if (!has_text(stage, "type", "Metaspace"))
        return tokenizer_stage_refuse(source, "pre_tokenizer with byte_fallback,",
                                      tokenizer_stage_text(stage, "type"));
    if (walk->count++ > 0)
        return tokenizer_stage_refuse(source, "pre_tokenizer that marks twice", NULL);
    if (!has_text(stage, "replacement", BLANK_MARK))
        return tokenizer_stage_refuse(source, "pre_tokenizer's replacement",
                                      tokenizer_stage_text(stage, "replacement"));
    walk->marking->stage = BLANK_METASPACE;
    walk->marking->splits = !json_member(stage, "split") || tokenizer_stage_is_set(stage, "split");
    return read_prefix(stage, source, walk->marking);
}

/* Replace, ByteFallback, Fuse, and Strip or not; or Metaspace alone. */
static enum status read_decoder(const struct json *stage, const char *source, void *result)
{
    enum { END = 4 };
    struct stage_walk *walk = result;
    const int at = walk->count++;
    if ((at == 0 && replaces(stage, BLANK_MARK, " ")) ||
        (at == 1 && has_text(stage, "type", "ByteFallback")) ||
        (at == 2 && has_text(stage, "type", "Fuse")))
        return STATUS_OK;
    if (at == 3 && strips_one_blank(stage)) {
        walk->marking->strip = BLANK_STRIP_ONE;
        return STATUS_OK;
    }
    if (at > 0 || !has_text(stage, "type", "Metaspace") ||
        !has_text(stage, "replacement", BLANK_MARK))
        return tokenizer_stage_refuse(source, "decoder", tokenizer_stage_text(stage, "type"));
    struct blank_marking as_decoder = { .strip = BLANK_STRIP_NOTHING };
    TRY(read_prefix(stage, source, &as_decoder));
    if (as_decoder.prefix != BLANK_NEVER)
        walk->marking->strip = BLANK_STRIP_TOKEN;
    walk->count = END;
    return STATUS_OK;
}

enum status blank_stages_read(const struct json *root, const char *source,
                              struct blank_marking *marking)
{
    *marking = (struct blank_marking){ .stage = BLANK_NORMALIZER };
    struct stage_walk normalizers = { .marking = marking };
    struct stage_walk pre_tokenizers = normalizers, decoders = normalizers;
    TRY(tokenizer_stages_check_others(root, source));
    TRY(tokenizer_stages_each(root, "normalizer", "normalizers", source, read_normalizer,
                              &normalizers));
    if (normalizers.count == 1)
        return tokenizer_stage_refuse(source, "normalizer without Replace", NULL);
    TRY(tokenizer_stages_each(root, "pre_tokenizer", "pretokenizers", source, read_pre_tokenizer,
                              &pre_tokenizers));
    if (normalizers.count == 0 && pre_tokenizers.count == 0)
        return bad_input("cannot use tokenizer '%s': neither a normalizer nor a pre_tokenizer "
                         "marks blanks",
                         source);
    if (normalizers.count > 0 && pre_tokenizers.count > 0)
        return tokenizer_stage_refuse(source, "normalizer beside Metaspace", NULL);
    TRY(tokenizer_stages_each(root, "decoder", "decoders", source, read_decoder, &decoders));
    if (decoders.count < 3)
        return tokenizer_stage_refuse(source, "decoder without ByteFallback and Fuse", NULL);
    return STATUS_OK;
}

/* ---- writing ---- */

static struct json *stage_of(const char *type)
{
    struct json *stage = json_new_object();
    json_put_text(stage, "type", type);
    return stage;
}

static struct json *sequence_of(const char *key, struct json *list)
{
    struct json *sequence = stage_of("Sequence");
    json_put(sequence, key, list);
    return sequence;
}

static struct json *replace(const char *from, const char *to)
{
    struct json *stage = stage_of("Replace"), *pattern = json_new_object();
    json_put_text(pattern, "String", from);
    json_put(stage, "pattern", pattern);
    json_put_text(stage, "content", to);
    return stage;
}

static struct json *metaspace(enum blank_prefix prefix, bool splits)
{
    struct json *stage = stage_of("Metaspace");
    json_put_text(stage, "replacement", BLANK_MARK);
    json_put_text(stage, "prepend_scheme", blank_prefix_names[prefix]);
    json_put_bool(stage, "split", splits);
    return stage;
}

static struct json *normalizer(const struct blank_marking *marking)
{
    struct json *list = json_new_array();
    if (marking->prefix != BLANK_NEVER) {
        struct json *prepend = stage_of("Prepend");
        json_put_text(prepend, "prepend", BLANK_MARK);
        json_append(list, prepend);
    }
    json_append(list, replace(" ", BLANK_MARK));
    return sequence_of("normalizers", list);
}

static struct json *decoder(const struct blank_marking *marking)
{
    if (marking->strip == BLANK_STRIP_TOKEN)
        return metaspace(BLANK_ALWAYS, true);
    struct json *list = json_new_array();
    json_append(list, replace(BLANK_MARK, " "));
    json_append(list, stage_of("ByteFallback"));
    json_append(list, stage_of("Fuse"));
    if (marking->strip == BLANK_STRIP_ONE) {
        struct json *strip = stage_of("Strip");
        json_put_text(strip, "content", " ");
        json_put_integer(strip, "start", 1);
        json_put_integer(strip, "stop", 0);
        json_append(list, strip);
    }
    return sequence_of("decoders", list);
}

void blank_stages_put(struct json *root, const struct blank_marking *marking)
{
    const bool normalizes = marking->stage == BLANK_NORMALIZER;
    json_put_null(root, "normalizer");
    json_put_null(root, "pre_tokenizer");
    if (normalizes)
        json_put(root, "normalizer", normalizer(marking));
    else
        json_put(root, "pre_tokenizer", metaspace(marking->prefix, marking->splits));
    json_put_null(root, "post_processor");
    json_put(root, "decoder", decoder(marking));
}
