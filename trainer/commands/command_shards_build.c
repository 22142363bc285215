/* eon shards build: raw text in, a corpus folder out, by all ranks. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "shards/building/corpus_builder.h"
#include "shards/inputs/input_list.h"
#include "shards/quality/quality_rules.h"
#include "trainer/commands/build_report.h"
#include "trainer/commands/command.h"
#include "trainer/commands/input_options.h"
#include "trainer/commands/json_output.h"
#include "trainer/training/trainer.h"

struct build_settings {
    char *tokenizer, *out;
    int deduplicate;
    int64_t dedup_memory, shard_tokens, lot_bytes, threads;
    double holdout;
    bool overwrite, keep_rejected, json;
    struct input_settings input;
    struct quality_rules quality;
};

#define AT(member) offsetof(struct build_settings, member)

static const char *const deduplication_names[] = { "no", "exact", "near", NULL };

/* clang-format off */
static const struct option_spec place_options[] = {
    { .key = "tokenizer", .type = OPTION_TEXT, .offset = AT(tokenizer), .section = "What",
      .help = "tokenizer.json, or GPT-2's two files as ENCODER.json,VOCAB.bpe" },
    { .key = "out", .type = OPTION_TEXT, .offset = AT(out),
      .help = "folder of the corpus; it appears when it is complete" },
    { .key = "overwrite", .type = OPTION_BOOL, .offset = AT(overwrite), .default_text = "false",
      .help = "replace a corpus that is there, once the new one is complete" },
    { 0 }
};

static const struct option_spec corpus_options[] = {
    { .key = "deduplicate", .type = OPTION_CHOICE, .offset = AT(deduplicate),
      .default_text = "exact", .choices = deduplication_names, .section = "Duplicates",
      .help = "leave out equal documents; near: those that share a MinHash band too" },
    { .key = "dedup_memory", .type = OPTION_INTEGER, .offset = AT(dedup_memory),
      .default_text = "1G", .min = 1, .max = 1e15, .unit = "bytes",
      .help = "for keys, on each rank; where it is too little, they are read several times" },
    { .key = "holdout", .type = OPTION_NUMBER, .offset = AT(holdout), .default_text = "0.01",
      .min = 0, .max = 0.9, .section = "Shards",
      .help = "fraction of the documents to hold out for validation, picked by their content" },
    { .key = "shard_tokens", .type = OPTION_INTEGER, .offset = AT(shard_tokens),
      .default_text = "64M", .min = 1, .max = 1e12, .unit = "tokens",
      .help = "close a shard once it has so many" },
    { .key = "threads", .type = OPTION_INTEGER, .offset = AT(threads), .default_text = "0",
      .min = 0, .max = 4096, .section = "Work",
      .help = "of each rank; 0: its share of the node's cores" },
    { .key = "lot_bytes", .type = OPTION_INTEGER, .offset = AT(lot_bytes), .default_text = "8M",
      .min = 1, .max = 1 << 30, .unit = "bytes",
      .help = "of text: what a thread works on at a time; an interrupted build redoes it" },
    { .key = "keep_rejected", .type = OPTION_BOOL, .offset = AT(keep_rejected),
      .default_text = "false", .section = "Output",
      .help = "write what is left out, with its rule, to OUT/rejected" },
    { .key = "json", .type = OPTION_BOOL, .offset = AT(json), .default_text = "false",
      .help = "print corpus.json" },
    { 0 }
};
/* clang-format on */

enum { MOST_OPTIONS = 96 };
static struct option_spec build_options[MOST_OPTIONS];

__attribute__((constructor)) static void join_options(void)
{
    int count = options_append(build_options, 0, MOST_OPTIONS, place_options, 0);
    count = options_append(build_options, count, MOST_OPTIONS, input_options, AT(input));
    count = options_append(build_options, count, MOST_OPTIONS, quality_options, AT(quality));
    options_append(build_options, count, MOST_OPTIONS, corpus_options, 0);
}

/* ---- the plan ---- */

static bool decides_content(const char *key)
{
    static const char *const others[] = { "tokenizer", "out",       "overwrite",     "dedup_memory",
                                          "threads",   "lot_bytes", "keep_rejected", "json" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(key, others[i]) == 0)
            return false;
    return true;
}

/* What decides the corpus's content, as JSON: options that are set, and the rules that they turn
 * on, with their thresholds. */
static void print_content_options(const struct build_settings *settings,
                                  const struct quality_rules *quality, struct strbuf *out)
{
    struct json *object = json_new_object();
    struct strbuf value = STRBUF_INIT;
    for (const struct option_spec *option = build_options; option->key; option++) {
        strbuf_reset(&value);
        options_print_value(option, settings, &value);
        if (value.length > 0 && decides_content(option->key))
            json_put(object, option->key, json_new_text(value.bytes, value.length));
    }
    strbuf_reset(&value);
    quality_rules_print(quality, &value);
    if (value.length > 0)
        json_put(object, "quality_rules", json_new_text(value.bytes, value.length));
    json_print(object, JSON_COMPACT, out);
    json_free(object);
    strbuf_release(&value);
}

static struct corpus_plan plan_of(const struct world *world, const struct build_settings *settings,
                                  const struct input_list *inputs)
{
    return (struct corpus_plan){
        .tokenizer = settings->tokenizer,
        .out = settings->out,
        .inputs = (const char *const *)inputs->paths,
        .input_count = inputs->count,
        .documents = input_rules(&settings->input),
        .deduplicate = (enum deduplication)settings->deduplicate,
        .dedup_memory = settings->dedup_memory,
        .holdout = settings->holdout,
        .shard_tokens = settings->shard_tokens,
        .lot_bytes = settings->lot_bytes,
        .keep_rejected = settings->keep_rejected,
        .overwrite = settings->overwrite,
        .threads = trainer_threads(world, settings->threads),
    };
}

static enum status agree(const void *context, enum status mine)
{
    return world_agree(context, mine);
}

static void gather_all(const void *context, const void *mine, size_t bytes_each, void *all)
{
    world_gather_all(context, mine, bytes_each, all);
}

static enum status build(const struct world *world, const struct build_settings *settings,
                         const struct input_list *inputs, struct corpus_manifest *manifest)
{
    const struct build_team team = {
        .rank = world->rank,
        .size = world->size,
        .context = world,
        .agree = agree,
        .gather_all = gather_all,
    };
    struct quality_rules quality = settings->quality;
    struct strbuf options = STRBUF_INIT;
    TRY(world_agree(world, quality_rules_complete(&quality)));
    print_content_options(settings, &quality, &options);
    struct corpus_plan plan = plan_of(world, settings, inputs);
    plan.quality = &quality;
    plan.options = options.bytes;
    enum status status = corpus_build(&plan, &team, manifest);
    strbuf_release(&options);
    quality_rules_release(&quality);
    return status;
}

/* ---- what it says at the end ---- */

static void print_json(const struct corpus_manifest *manifest)
{
    struct json *json = corpus_manifest_to_json(manifest);
    json_output_print(json, JSON_INDENTED);
    json_free(json);
}

static void note_repeated(const struct input_list *inputs)
{
    if (inputs->repeated > 0)
        log_info("note: %lld inputs are given more than once, '%s' among them",
                 (long long)inputs->repeated, inputs->first_repeated);
}

static enum status run(const struct world *world, const void *given, const char *const *positionals,
                       int count)
{
    const struct build_settings *settings = given;
    const double begun = clock_seconds();
    struct corpus_manifest manifest;
    struct input_list inputs;
    TRY(world_agree(world, input_list_expand(positionals, count, &inputs)));
    note_repeated(&inputs);
    enum status status = build(world, settings, &inputs, &manifest);
    input_list_release(&inputs);
    TRY(status);
    if (world->rank == 0) {
        if (settings->json)
            print_json(&manifest);
        else
            build_report_print(&manifest, settings->out, world, clock_seconds() - begun);
        if (settings->holdout > 0 &&
            corpus_manifest_totals(&manifest, SPLIT_HELDOUT).documents == 0)
            log_warning("no document is held out: a larger --holdout or a smaller "
                        "--document_bytes leaves some for validation");
    }
    corpus_manifest_release(&manifest);
    return STATUS_OK;
}

const struct command command_shards_build = {
    .name = "shards build",
    .arguments = "INPUT...",
    .summary = "turn raw text into a corpus of HDF5 shards, over any number of ranks",
    .description =
        "Reads text, JSON lines and Common Crawl's WET, plain or gzipped: files, folders,\n"
        "patterns, @LISTS of them, or - for standard input (docs/inputs.md). Documents are "
        "judged,\n"
        "compared with each other, encoded, and written into shards with a list of them,\n"
        "corpus.json; what is left out is counted by its rule. Which documents are held out\n"
        "depends on their content alone. The same inputs and options give the same bytes, at any\n"
        "number of ranks and threads. A build that was stopped leaves OUT.partial, and the same\n"
        "command goes on from there.\n"
        "\n"
        "    eon shards build --tokenizer=tokenizer.json --out=corpus text.txt more.txt.gz\n"
        "    mpirun -n 4 eon shards build --tokenizer=tokenizer.json --out=corpus wet/ "
        "--deduplicate=near",
    .options = build_options,
    .settings_bytes = sizeof(struct build_settings),
    .min_positionals = 1,
    .max_positionals = -1,
    .run_collective = run,
};
