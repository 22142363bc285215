/* eon shards verify: recomputes all that corpus.json says. */
#include <stdio.h>

#include "base/log.h"
#include "shards/format/shard_verifier.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"

struct verify_settings {
    bool json;
};

static const struct option_spec verify_options[] = {
    { .key = "json",
      .type = OPTION_BOOL,
      .offset = offsetof(struct verify_settings, json),
      .default_text = "false",
      .help = "print one JSON object a shard" },
    { 0 },
};

static void report_json(const struct manifest_shard *shard, enum status status)
{
    struct json *object = json_new_object();
    json_put_text(object, "file", shard->file);
    json_put_bool(object, "ok", status == STATUS_OK);
    if (status != STATUS_OK)
        json_put_text(object, "error", status_message());
    json_output_print(object, JSON_COMPACT);
    json_free(object);
}

static void report(const struct manifest_shard *shard, enum status status)
{
    if (status == STATUS_OK)
        printf("ok   %s  %lld tokens, %lld documents\n", shard->file, (long long)shard->tokens,
               (long long)shard->documents);
    else
        printf("BAD  %s  %s\n", shard->file, status_message());
}

/* Every shard is looked at, so that one run tells all that is bad. */
static enum status verify_shards(const char *folder, const struct corpus_manifest *manifest,
                                 const struct tokenizer *tokenizer,
                                 const struct verify_settings *settings)
{
    int64_t bad = 0;
    enum status worst = STATUS_OK;
    char first[STATUS_MESSAGE_BYTES] = "";
    for (int64_t i = 0; i < manifest->shard_count; i++) {
        log_progress("shard %lld of %lld", (long long)i + 1, (long long)manifest->shard_count);
        enum status status = shard_verify(folder, manifest, tokenizer, i);
        log_progress_end();
        (settings->json ? report_json : report)(&manifest->shards[i], status);
        if (status == STATUS_OK)
            continue;
        if (bad++ == 0) {
            worst = status;
            snprintf(first, sizeof first, "%s", status_message());
        }
    }
    if (bad == 0)
        return STATUS_OK;
    status_set(worst, first);
    return status_prefix(worst, "%lld of %lld shards of '%s' are bad, the first", (long long)bad,
                         (long long)manifest->shard_count, folder);
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    (void)count;
    const char *folder = positionals[0];
    struct corpus_manifest manifest;
    struct tokenizer *tokenizer = NULL;
    enum status status;
    TRY(corpus_manifest_read(folder, &manifest));
    TRY_CLEANUP(corpus_tokenizer_read(folder, &manifest, &tokenizer));
    status = verify_shards(folder, &manifest, tokenizer, given);

cleanup:
    tokenizer_free(tokenizer);
    corpus_manifest_release(&manifest);
    return status;
}

const struct command command_shards_verify = {
    .name = "shards verify",
    .arguments = "CORPUS",
    .summary = "check a corpus against its list, byte by byte",
    .description =
        "Recomputes everything that corpus.json says of each shard: size, sha256, checksums of\n"
        "all chunks, tokens within the vocabulary, documents and where they begin, bytes of\n"
        "text. Exit status 2 if anything differs. Training itself checks sizes when it opens a\n"
        "corpus and the checksum of each chunk that it reads.\n"
        "\n"
        "    eon shards verify corpus",
    .options = verify_options,
    .settings_bytes = sizeof(struct verify_settings),
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run,
};
