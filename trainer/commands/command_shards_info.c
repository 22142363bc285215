/* eon shards info: what a corpus is made of, as corpus.json says. */
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "base/strbuf.h"
#include "shards/format/corpus_manifest.h"
#include "trainer/commands/build_report.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"

struct info_settings {
    bool json;
};

static const struct option_spec info_options[] = {
    { .key = "json",
      .type = OPTION_BOOL,
      .offset = offsetof(struct info_settings, json),
      .default_text = "false",
      .help = "print corpus.json with its totals and digest" },
    { 0 },
};

static void print_row(const char *name, const char *split, struct corpus_totals row)
{
    printf("  %-18s %-8s %14lld %11lld %14lld %14lld %8.3f\n", name, split, (long long)row.tokens,
           (long long)row.documents, (long long)row.text_bytes, (long long)row.file_bytes,
           (double)row.text_bytes / (double)row.tokens);
}

static void print_shards(const struct corpus_manifest *manifest)
{
    printf("  %-18s %-8s %14s %11s %14s %14s %8s\n", "shard", "split", "tokens", "documents",
           "text bytes", "file bytes", "B/token");
    for (int64_t i = 0; i < manifest->shard_count; i++) {
        const struct manifest_shard *shard = &manifest->shards[i];
        print_row(shard->file, corpus_split_names[shard->split],
                  (struct corpus_totals){ 1, shard->tokens, shard->documents, shard->text_bytes,
                                          shard->file_bytes });
    }
    for (int split = 0; split < SPLIT_COUNT; split++) {
        struct corpus_totals totals = corpus_manifest_totals(manifest, (enum corpus_split)split);
        if (totals.shards > 0)
            print_row("all", corpus_split_names[split], totals);
    }
}

static void print_provenance(const struct corpus_manifest *manifest)
{
    const struct corpus_rules *rules = &manifest->rules;
    char name[256];
    printf("\n  documents: start '%s', cut after %lld bytes, %g held out, %lld empty left out\n",
           (printable_copy(name, sizeof name, rules->document_start), name),
           (long long)rules->document_bytes, rules->holdout, (long long)rules->empty_documents);
    for (int64_t i = 0; i < manifest->input_count; i++) {
        printable_copy(name, sizeof name, manifest->inputs[i].name);
        printf("  input %lld: %s, %lld bytes, sha256 %.16s...\n", (long long)i, name,
               (long long)manifest->inputs[i].file_bytes, manifest->inputs[i].sha256);
    }
}

/* A line for each of the value's own. */
static void print_option(const char *key, const char *value)
{
    const bool has_lines = strchr(value, '\n') != NULL;
    struct strbuf line = STRBUF_INIT;
    char shown[512];
    printable_copy(shown, sizeof shown, key);
    printf("  %s =", shown);
    while (*value) {
        const size_t length = strcspn(value, "\n");
        strbuf_reset(&line);
        strbuf_add(&line, value, length);
        printable_copy(shown, sizeof shown, line.length > 0 ? line.bytes : "");
        printf(has_lines ? "\n    %s" : " %s", shown);
        value += length + (value[length] == '\n');
    }
    printf("\n");
    strbuf_release(&line);
}

static void print_options(const struct json *options)
{
    const struct json *value;
    const char *key;
    void *cursor = NULL;
    if (!options || json_kind_of(options) != JSON_KIND_OBJECT)
        return;
    printf("\n");
    while (json_next_member(options, &cursor, &key, &value))
        if (json_kind_of(value) == JSON_KIND_STRING)
            print_option(key, json_text(value));
}

static struct json *totals_to_json(struct corpus_totals totals)
{
    struct json *object = json_new_object();
    json_put_integer(object, "shards", totals.shards);
    json_put_integer(object, "tokens", totals.tokens);
    json_put_integer(object, "documents", totals.documents);
    json_put_integer(object, "text_bytes", totals.text_bytes);
    json_put_integer(object, "file_bytes", totals.file_bytes);
    return object;
}

static void print_json(const struct corpus_manifest *manifest, const char *digest)
{
    struct json *object = corpus_manifest_to_json(manifest), *totals = json_new_object();
    for (int split = 0; split < SPLIT_COUNT; split++)
        json_put(totals, corpus_split_names[split],
                 totals_to_json(corpus_manifest_totals(manifest, (enum corpus_split)split)));
    json_put(object, "totals", totals);
    json_put_text(object, "corpus_digest", digest);
    json_output_print(object, JSON_INDENTED);
    json_free(object);
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    (void)count;
    const struct info_settings *settings = given;
    struct corpus_manifest manifest;
    char digest[SHA256_HEX];
    TRY(corpus_manifest_read(positionals[0], &manifest));
    corpus_manifest_digest(&manifest, digest);
    if (settings->json) {
        print_json(&manifest, digest);
    } else {
        printf("corpus %s\ntokenizer %s, vocabulary of %lld\n\n", digest, manifest.tokenizer_digest,
               (long long)manifest.vocab_size);
        print_shards(&manifest);
        print_provenance(&manifest);
        print_options(manifest.options);
        printf("\n");
        build_report_print_counts(&manifest.report);
    }
    corpus_manifest_release(&manifest);
    return STATUS_OK;
}

const struct command command_shards_info = {
    .name = "shards info",
    .arguments = "CORPUS",
    .summary = "list what a corpus is made of",
    .description = "Prints what corpus.json says: shards, totals of each split, the inputs, the\n"
                   "options by which it was built, and what was left out by which rule.\n"
                   "'eon shards verify' checks that it is so.\n"
                   "\n"
                   "    eon shards info corpus\n"
                   "    eon shards info --json corpus",
    .options = info_options,
    .settings_bytes = sizeof(struct info_settings),
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run,
};
