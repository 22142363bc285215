/* eon shards build: text in, a corpus folder out. */
#include <stdio.h>

#include "base/log.h"
#include "shards/corpus_builder.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"

struct build_settings {
    char *tokenizer, *out, *document_start;
    int64_t document_bytes, shard_tokens;
    double holdout;
    bool overwrite, json;
};

#define AT(member) offsetof(struct build_settings, member)

/* clang-format off */
static const struct option_spec build_options[] = {
    { .key = "tokenizer", .type = OPTION_TEXT, .offset = AT(tokenizer), .section = "What",
      .help = "tokenizer.json, or GPT-2's two files as ENCODER.json,VOCAB.bpe" },
    { .key = "out", .type = OPTION_TEXT, .offset = AT(out),
      .help = "folder of the corpus; it appears when it is complete" },
    { .key = "overwrite", .type = OPTION_BOOL, .offset = AT(overwrite), .default_text = "false",
      .help = "replace a corpus that is there, once the new one is complete" },
    { .key = "document_start", .type = OPTION_TEXT, .offset = AT(document_start),
      .default_text = "", .section = "Documents",
      .help = "pattern (PCRE2) of the first line of a document; empty: a file is a document" },
    { .key = "document_bytes", .type = OPTION_INTEGER, .offset = AT(document_bytes),
      .default_text = "64k", .min = 0, .max = 1 << 30, .unit = "bytes",
      .help = "cut longer documents at the next line end; 0: never" },
    { .key = "holdout", .type = OPTION_NUMBER, .offset = AT(holdout), .default_text = "0.01",
      .min = 0, .max = 0.9,
      .help = "fraction of the documents to hold out for validation, picked by their content" },
    { .key = "shard_tokens", .type = OPTION_INTEGER, .offset = AT(shard_tokens),
      .default_text = "64M", .min = 1, .max = 1e12, .unit = "tokens", .section = "Shards",
      .help = "close a shard once it has so many" },
    { .key = "json", .type = OPTION_BOOL, .offset = AT(json), .default_text = "false",
      .section = "Output", .help = "print corpus.json" },
    { 0 }
};
/* clang-format on */

static void print_json(const struct corpus_manifest *manifest)
{
    struct json *json = corpus_manifest_to_json(manifest);
    json_output_print(json, JSON_INDENTED);
    json_free(json);
}

static void print_totals(const struct corpus_manifest *manifest, const char *out)
{
    printf("%s: %lld inputs, vocabulary of %lld\n", out, (long long)manifest->input_count,
           (long long)manifest->vocab_size);
    for (int split = 0; split < SPLIT_COUNT; split++) {
        struct corpus_totals totals = corpus_manifest_totals(manifest, (enum corpus_split)split);
        printf("  %-8s %12lld tokens %10lld documents %14lld bytes of text %6lld shards\n",
               corpus_split_names[split], (long long)totals.tokens, (long long)totals.documents,
               (long long)totals.text_bytes, (long long)totals.shards);
    }
    if (manifest->rules.empty_documents > 0)
        printf("  left out %lld empty documents\n", (long long)manifest->rules.empty_documents);
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    const struct build_settings *settings = given;
    const struct corpus_plan plan = {
        .tokenizer = settings->tokenizer,
        .out = settings->out,
        .inputs = positionals,
        .input_count = count,
        .text = { .document_start = settings->document_start,
                  .document_bytes = settings->document_bytes },
        .holdout = settings->holdout,
        .shard_tokens = settings->shard_tokens,
        .overwrite = settings->overwrite,
    };
    struct corpus_manifest manifest;
    TRY(corpus_build(&plan, &manifest));
    if (settings->json)
        print_json(&manifest);
    else
        print_totals(&manifest, settings->out);
    if (settings->holdout > 0 && corpus_manifest_totals(&manifest, SPLIT_HELDOUT).documents == 0)
        log_warning("no document is held out: a larger --holdout or a smaller --document_bytes "
                    "leaves some for validation");
    corpus_manifest_release(&manifest);
    return STATUS_OK;
}

const struct command command_shards_build = {
    .name = "shards build",
    .arguments = "INPUT...",
    .summary = "turn text into a corpus of HDF5 shards",
    .description =
        "Reads text files, plain or gzipped, cuts them into documents, and writes their tokens\n"
        "into shards with a list of them, corpus.json. Which documents are held out depends on\n"
        "their content alone; documents of nothing but white space are counted and left out.\n"
        "The same inputs and options give the same bytes. An interrupted build leaves at most\n"
        "OUT.partial, which the next build removes.\n"
        "\n"
        "    eon shards build --tokenizer=tokenizer.json --out=corpus text.txt more.txt.gz\n"
        "    eon shards build --tokenizer=encoder.json,vocab.bpe --out=corpus --holdout=0.05 a.txt",
    .options = build_options,
    .settings_bytes = sizeof(struct build_settings),
    .min_positionals = 1,
    .max_positionals = -1,
    .run = run,
};
