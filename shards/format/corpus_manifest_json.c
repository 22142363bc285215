/* The manifest's JSON, both ways; the rest of it is in corpus_manifest.c. */
#include <string.h>

#include "base/file.h"
#include "base/json_cursor.h"
#include "base/memory.h"
#include "shards/format/corpus_manifest.h"

/* 100,000 shards of either split take less, and as many inputs as are allowed. */
#define MANIFEST_MAX_BYTES ((size_t)512 << 20)

static enum status need_digest(const struct json *object, const char *key, const char *source,
                               char out[SHA256_HEX])
{
    const char *text;
    TRY(json_need_text(object, key, source, &text));
    if (strlen(text) != SHA256_HEX - 1 || strspn(text, "0123456789abcdef") != SHA256_HEX - 1)
        return bad_input("cannot read '%s': '%s' is not 64 hexadecimal digits", source, key);
    memcpy(out, text, SHA256_HEX);
    return STATUS_OK;
}

/* Only letters, digits, '-', '_' and inner dots: no folder, no "..", nothing hidden. */
static bool is_plain_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.";
    size_t length = strlen(name);
    return length > 0 && length <= 200 && name[0] != '.' && strspn(name, allowed) == length;
}

static enum status check_order(const struct corpus_manifest *manifest,
                               const struct manifest_shard *next, const char *source)
{
    if (manifest->shard_count == 0)
        return STATUS_OK;
    const struct manifest_shard *last = &manifest->shards[manifest->shard_count - 1];
    if (next->split < last->split ||
        (next->split == last->split && strcmp(next->file, last->file) <= 0))
        return bad_input("cannot read '%s': shard '%s' is listed twice or out of order", source,
                         next->file);
    return STATUS_OK;
}

static enum status read_shard(const struct json *item, const char *source,
                              struct corpus_manifest *out)
{
    struct manifest_shard shard = { 0 };
    const char *name, *split;
    if (json_kind_of(item) != JSON_KIND_OBJECT)
        return bad_input("cannot read '%s': an item of 'shards' is not an object", source);
    TRY(json_need_text(item, "file", source, &name));
    if (!is_plain_name(name))
        return bad_input("cannot read '%s': shard '%s' is not a plain file name", source, name);
    TRY(json_need_text(item, "split", source, &split));
    if (!corpus_split_parse(split, &shard.split))
        return bad_input("cannot read '%s': shard '%s' has the unknown split '%s'", source, name,
                         split);
    TRY(json_need_integer(item, "tokens", 1, SHARD_MAX_TOKENS, source, &shard.tokens));
    TRY(json_need_integer(item, "documents", 1, shard.tokens, source, &shard.documents));
    TRY(json_need_integer(item, "text_bytes", 0, SHARD_MAX_TEXT_BYTES, source, &shard.text_bytes));
    TRY(json_need_integer(item, "file_bytes", 1, SHARD_MAX_FILE_BYTES, source, &shard.file_bytes));
    TRY(need_digest(item, "sha256", source, shard.sha256));
    shard.file = (char *)name; /* copied by the addition */
    TRY(check_order(out, &shard, source));
    corpus_manifest_add_shard(out, &shard);
    return STATUS_OK;
}

static enum status read_input(const struct json *item, const char *source,
                              struct corpus_manifest *out)
{
    struct manifest_input input = { 0 };
    const char *name;
    if (json_kind_of(item) != JSON_KIND_OBJECT)
        return bad_input("cannot read '%s': an item of 'inputs' is not an object", source);
    TRY(json_need_text(item, "name", source, &name));
    TRY(json_need_integer(item, "file_bytes", 0, INT64_MAX, source, &input.file_bytes));
    TRY(need_digest(item, "sha256", source, input.sha256));
    input.name = (char *)name;
    corpus_manifest_add_input(out, &input);
    return STATUS_OK;
}

/* The items of an array, one after the other: all at once would take a kilobyte each. */
static enum status read_items(struct json_cursor *cursor, const char *key, int64_t max,
                              enum status (*read)(const struct json *, const char *,
                                                  struct corpus_manifest *),
                              struct corpus_manifest *out)
{
    TRY(json_cursor_enter(cursor, '[', key));
    for (int64_t count = 0;; count++) {
        bool there_is_one;
        struct json *item;
        TRY(json_cursor_next_item(cursor, &there_is_one));
        if (!there_is_one)
            return STATUS_OK;
        if (count == max)
            return bad_input("cannot read '%s': %s has more than %lld items", cursor->source, key,
                             (long long)max);
        TRY(json_cursor_value(cursor, &item));
        enum status status = read(item, cursor->source, out);
        json_free(item);
        TRY(status);
    }
}

static enum status read_rules(const struct json *object, const char *source,
                              struct corpus_manifest *out)
{
    struct corpus_rules rules;
    const char *document_start;
    TRY(json_need_text(object, "document_start", source, &document_start));
    TRY(json_need_integer(object, "document_bytes", 0, INT64_MAX, source, &rules.document_bytes));
    TRY(json_need_integer(object, "shard_tokens", 1, INT64_MAX, source, &rules.shard_tokens));
    TRY(json_need_number(object, "holdout", source, &rules.holdout));
    TRY(json_need_integer(object, "empty_documents", 0, INT64_MAX, source, &rules.empty_documents));
    rules.document_start = (char *)document_start;
    corpus_manifest_set_rules(out, &rules);
    return STATUS_OK;
}

/* What was seen of the members that must be there. */
enum { SEEN_SHARDS = 1, SEEN_INPUTS = 2, SEEN_RULES = 4, SEEN_ALL = 7 };

static enum status read_provenance(struct json_cursor *cursor, struct corpus_manifest *out,
                                   unsigned *seen)
{
    const char *key;
    TRY(json_cursor_enter(cursor, '{', "'provenance'"));
    for (;;) {
        TRY(json_cursor_next_key(cursor, &key));
        if (key == NULL)
            return STATUS_OK;
        if (strcmp(key, "inputs") == 0) {
            TRY(read_items(cursor, "'inputs'", CORPUS_MAX_INPUTS, read_input, out));
            *seen |= SEEN_INPUTS;
        } else if (strcmp(key, "rules") == 0) {
            struct json *rules;
            TRY(json_cursor_value(cursor, &rules));
            enum status status = read_rules(rules, cursor->source, out);
            json_free(rules);
            TRY(status);
            *seen |= SEEN_RULES;
        } else if (strcmp(key, "options") == 0 && !out->options) {
            TRY(json_cursor_value(cursor, &out->options));
        } else if (strcmp(key, "report") == 0) {
            struct json *report;
            TRY(json_cursor_value(cursor, &report));
            enum status status = corpus_report_read(report, cursor->source, &out->report);
            json_free(report);
            TRY(status);
        } else {
            TRY(json_cursor_skip(cursor));
        }
    }
}

static enum status read_members(struct json_cursor *cursor, struct json *head,
                                struct corpus_manifest *out, unsigned *seen)
{
    const char *key;
    TRY(json_cursor_enter(cursor, '{', "the text"));
    for (;;) {
        TRY(json_cursor_next_key(cursor, &key));
        if (key == NULL)
            return json_cursor_end(cursor);
        if (strcmp(key, "shards") == 0) {
            TRY(read_items(cursor, "'shards'", SPLIT_COUNT * CORPUS_MAX_SHARDS, read_shard, out));
            *seen |= SEEN_SHARDS;
        } else if (strcmp(key, "provenance") == 0) {
            TRY(read_provenance(cursor, out, seen));
        } else { /* short ones, and what is unknown */
            struct json *value;
            TRY(json_cursor_value(cursor, &value));
            json_put(head, key, value);
        }
    }
}

static enum status read_head(const struct json *head, const char *source,
                             struct corpus_manifest *out)
{
    int64_t version;
    TRY(json_need_integer(head, "format_version", 1, INT64_MAX, source, &version));
    if (version != CORPUS_FORMAT_VERSION)
        return bad_input("cannot read '%s': format version %lld is not %d, which this eon reads",
                         source, (long long)version, CORPUS_FORMAT_VERSION);
    TRY(need_digest(head, "tokenizer_digest", source, out->tokenizer_digest));
    return json_need_integer(head, "vocab_size", 1, CORPUS_MAX_VOCAB, source, &out->vocab_size);
}

static enum status read_text(const struct strbuf *text, const char *source,
                             struct corpus_manifest *out)
{
    struct json_cursor cursor;
    struct json *head = json_new_object();
    unsigned seen = 0;
    json_cursor_init(&cursor, text->bytes, text->length, source);
    enum status status = read_members(&cursor, head, out, &seen);
    /* What another version means by its shards is not for us to judge. */
    if (json_member(head, "format_version") || status == STATUS_OK) {
        enum status head_status = read_head(head, source, out);
        status = head_status != STATUS_OK ? head_status : status;
    }
    json_free(head);
    json_cursor_release(&cursor);
    TRY(status);
    if (seen != SEEN_ALL)
        return bad_input(
            "cannot use '%s': it lacks 'shards', or 'inputs' or 'rules' in 'provenance'", source);
    return STATUS_OK;
}

enum status corpus_manifest_read(const char *folder, struct corpus_manifest *out)
{
    *out = (struct corpus_manifest){ 0 };
    char *path = path_join(folder, CORPUS_MANIFEST_NAME);
    struct strbuf text = STRBUF_INIT;
    enum status status = file_read(path, MANIFEST_MAX_BYTES, &text);
    if (status == STATUS_OK)
        status = read_text(&text, path, out);
    if (status != STATUS_OK)
        corpus_manifest_release(out);
    strbuf_release(&text);
    memory_free(path);
    return status;
}

static struct json *shards_to_json(const struct corpus_manifest *manifest)
{
    struct json *items = json_new_array();
    for (int64_t i = 0; i < manifest->shard_count; i++) {
        const struct manifest_shard *shard = &manifest->shards[i];
        struct json *item = json_new_object();
        json_put_text(item, "file", shard->file);
        json_put_text(item, "split", corpus_split_names[shard->split]);
        json_put_integer(item, "tokens", shard->tokens);
        json_put_integer(item, "documents", shard->documents);
        json_put_integer(item, "text_bytes", shard->text_bytes);
        json_put_integer(item, "file_bytes", shard->file_bytes);
        json_put_text(item, "sha256", shard->sha256);
        json_append(items, item);
    }
    return items;
}

static struct json *inputs_to_json(const struct corpus_manifest *manifest)
{
    struct json *items = json_new_array();
    for (int64_t i = 0; i < manifest->input_count; i++) {
        const struct manifest_input *input = &manifest->inputs[i];
        struct json *item = json_new_object();
        json_put_text(item, "name", input->name);
        json_put_integer(item, "file_bytes", input->file_bytes);
        json_put_text(item, "sha256", input->sha256);
        json_append(items, item);
    }
    return items;
}

static struct json *rules_to_json(const struct corpus_rules *rules)
{
    struct json *object = json_new_object();
    json_put_text(object, "document_start", rules->document_start);
    json_put_integer(object, "document_bytes", rules->document_bytes);
    json_put_integer(object, "shard_tokens", rules->shard_tokens);
    json_put_number(object, "holdout", rules->holdout);
    json_put_integer(object, "empty_documents", rules->empty_documents);
    return object;
}

struct json *corpus_manifest_to_json(const struct corpus_manifest *manifest)
{
    struct json *root = json_new_object(), *provenance = json_new_object();
    json_put_integer(root, "format_version", CORPUS_FORMAT_VERSION);
    json_put_text(root, "tokenizer_digest", manifest->tokenizer_digest);
    json_put_integer(root, "vocab_size", manifest->vocab_size);
    json_put(root, "shards", shards_to_json(manifest));
    json_put(provenance, "inputs", inputs_to_json(manifest));
    json_put(provenance, "rules", rules_to_json(&manifest->rules));
    if (manifest->options)
        json_put(provenance, "options", json_duplicate(manifest->options));
    if (manifest->report.read.documents > 0)
        json_put(provenance, "report", corpus_report_to_json(&manifest->report));
    json_put(root, "provenance", provenance);
    return root;
}

enum status corpus_manifest_write(const struct corpus_manifest *manifest, const char *folder)
{
    char *path = path_join(folder, CORPUS_MANIFEST_NAME);
    struct json *root = corpus_manifest_to_json(manifest);
    enum status status = json_write(root, path);
    json_free(root);
    memory_free(path);
    return status;
}
