/* The manifest's JSON, both ways; the rest of it is in corpus_manifest.c. */
#include <string.h>

#include "base/memory.h"
#include "shards/corpus_manifest.h"

/* A million shards take less. */
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

static enum status read_items(const struct json *object, const char *key, int64_t max,
                              enum status (*read)(const struct json *, const char *,
                                                  struct corpus_manifest *),
                              const char *source, struct corpus_manifest *out)
{
    const struct json *items;
    TRY(json_need_kind(object, key, JSON_KIND_ARRAY, source, &items));
    int64_t count = json_length(items);
    if (count > max)
        return bad_input("cannot read '%s': '%s' has %lld items, more than %lld", source, key,
                         (long long)count, (long long)max);
    for (int64_t i = 0; i < count; i++)
        TRY(read(json_item(items, i), source, out));
    return STATUS_OK;
}

static enum status read_rules(const struct json *provenance, const char *source,
                              struct corpus_manifest *out)
{
    struct corpus_rules rules;
    const struct json *object;
    const char *document_start;
    TRY(json_need_kind(provenance, "rules", JSON_KIND_OBJECT, source, &object));
    TRY(json_need_text(object, "document_start", source, &document_start));
    TRY(json_need_integer(object, "document_bytes", 0, INT64_MAX, source, &rules.document_bytes));
    TRY(json_need_integer(object, "shard_tokens", 1, INT64_MAX, source, &rules.shard_tokens));
    TRY(json_need_number(object, "holdout", source, &rules.holdout));
    TRY(json_need_integer(object, "empty_documents", 0, INT64_MAX, source, &rules.empty_documents));
    rules.document_start = (char *)document_start;
    corpus_manifest_set_rules(out, &rules);
    return STATUS_OK;
}

static enum status read_root(const struct json *root, const char *source,
                             struct corpus_manifest *out)
{
    const struct json *provenance;
    int64_t version;
    if (json_kind_of(root) != JSON_KIND_OBJECT)
        return bad_input("cannot read '%s': it is not an object", source);
    TRY(json_need_integer(root, "format_version", 1, INT64_MAX, source, &version));
    if (version != CORPUS_FORMAT_VERSION)
        return bad_input("cannot read '%s': format version %lld is not %d, which this eon reads",
                         source, (long long)version, CORPUS_FORMAT_VERSION);
    TRY(need_digest(root, "tokenizer_digest", source, out->tokenizer_digest));
    TRY(json_need_integer(root, "vocab_size", 1, CORPUS_MAX_VOCAB, source, &out->vocab_size));
    TRY(read_items(root, "shards", SPLIT_COUNT * CORPUS_MAX_SHARDS, read_shard, source, out));
    TRY(json_need_kind(root, "provenance", JSON_KIND_OBJECT, source, &provenance));
    TRY(read_items(provenance, "inputs", CORPUS_MAX_INPUTS, read_input, source, out));
    return read_rules(provenance, source, out);
}

enum status corpus_manifest_read(const char *folder, struct corpus_manifest *out)
{
    *out = (struct corpus_manifest){ 0 };
    char *path = path_join(folder, CORPUS_MANIFEST_NAME);
    struct json *root = NULL;
    enum status status;
    TRY_CLEANUP(json_read(path, MANIFEST_MAX_BYTES, &root));
    TRY_CLEANUP(read_root(root, path, out));

cleanup:
    if (status != STATUS_OK)
        corpus_manifest_release(out);
    json_free(root);
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
