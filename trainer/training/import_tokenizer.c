#include "trainer/training/import_tokenizer.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "checkpoints/checked_file.h"
#include "checkpoints/hub_path.h"
#include "shards/tokenizer/tokenizer.h"

#define TOKENIZER_BYTES_MAX ((size_t)256 << 20)
#define SETTINGS_BYTES_MAX  ((size_t)16 << 20)

static enum status read_any(const char *folder, const char *path, struct tokenizer **out)
{
    char *vocabulary = path_join(folder, "vocab.json"), *merges = path_join(folder, "merges.txt");
    enum status status;
    *out = NULL;
    if (file_exists(path))
        status = tokenizer_read(path, out);
    else if (file_exists(vocabulary) && file_exists(merges))
        status = tokenizer_read_gpt2(vocabulary, merges, out);
    else
        status = bad_input("'%s' has neither tokenizer.json nor vocab.json and merges.txt", folder);
    memory_free(vocabulary);
    memory_free(merges);
    return status;
}

static enum status check_size(const struct tokenizer *tokenizer, const char *folder,
                              const struct model_config *config)
{
    const long long size = tokenizer_vocab_size(tokenizer);
    if (size <= config->vocab_size)
        return STATUS_OK;
    return bad_input("the tokenizer in '%s' has %lld entries, and the model's vocabulary %lld",
                     folder, size, (long long)config->vocab_size);
}

static void put_token(struct json *settings, const char *key, const struct tokenizer *tokenizer,
                      int32_t id)
{
    size_t length;
    const char *bytes = tokenizer_token_bytes(tokenizer, id, &length);
    if (bytes)
        json_put(settings, key, json_new_text(bytes, length));
}

static void make_settings(const struct tokenizer *tokenizer,
                          const struct document_tokens *documents, struct strbuf *out)
{
    const int32_t end = tokenizer_end_of_text(tokenizer);
    struct json *settings = json_new_object();
    json_put_text(settings, "tokenizer_class", "PreTrainedTokenizerFast");
    put_token(settings, "bos_token", tokenizer, documents->has_begin ? documents->begin : end);
    put_token(settings, "eos_token", tokenizer, documents->end_count ? documents->ends[0] : end);
    json_print(settings, JSON_INDENTED, out);
    strbuf_add_char(out, '\n');
    json_free(settings);
}

/* The folder's own as it is, where it is JSON: eon reads nothing of it. */
static enum status read_settings(const char *folder, const struct tokenizer *tokenizer,
                                 const struct document_tokens *documents, struct strbuf *out)
{
    struct json *json = NULL;
    char *path = hub_path(folder, "tokenizer_config.json");
    enum status status = STATUS_OK;
    if (!file_exists(path)) {
        make_settings(tokenizer, documents, out);
    } else {
        status = checked_file_load(path, SETTINGS_BYTES_MAX, out);
        if (status == STATUS_OK)
            status = json_parse(out->bytes, out->length, path, &json);
        if (status == STATUS_OK && json_kind_of(json) != JSON_KIND_OBJECT)
            status = bad_input("cannot use '%s': it is no JSON object", path);
    }
    json_free(json);
    memory_free(path);
    return status;
}

static enum status take(const char *folder, const char *path, const struct tokenizer *tokenizer,
                        const struct document_tokens *documents, struct imported_tokenizer *out)
{
    if (file_exists(path))
        TRY(checked_file_load(path, TOKENIZER_BYTES_MAX, &out->json));
    else
        tokenizer_print(tokenizer, &out->json);
    return read_settings(folder, tokenizer, documents, &out->settings);
}

enum status import_tokenizer(const char *folder, const struct model_config *config,
                             const struct document_tokens *documents,
                             struct imported_tokenizer *out)
{
    struct tokenizer *tokenizer;
    char *path = hub_path(folder, "tokenizer.json");
    *out = (struct imported_tokenizer){ STRBUF_INIT, STRBUF_INIT, STRBUF_INIT };

    enum status status = read_any(folder, path, &tokenizer);
    if (status == STATUS_OK)
        status = check_size(tokenizer, folder, config);
    if (status == STATUS_BAD_INPUT) { /* the weights are worth having without */
        strbuf_add_string(&out->why_none, status_message());
        status = STATUS_OK;
    } else if (status == STATUS_OK) {
        status = take(folder, path, tokenizer, documents, out);
    }
    tokenizer_free(tokenizer);
    memory_free(path);
    if (status != STATUS_OK)
        imported_tokenizer_release(out);
    return status;
}

void imported_tokenizer_release(struct imported_tokenizer *imported)
{
    strbuf_release(&imported->json);
    strbuf_release(&imported->why_none);
    strbuf_release(&imported->settings);
}
