/* eon tokenizer train: a vocabulary learned from text. */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "shards/inputs/input_list.h"
#include "shards/tokenizer/tokenizer_trainer.h"
#include "trainer/commands/command.h"
#include "trainer/commands/input_options.h"
#include "trainer/commands/json_output.h"
#include "trainer/reports/machine_memory.h"

struct tokenizer_train_settings {
    int64_t vocab_size;
    char *out;
    char *special;
    int splitting;
    int64_t threads;
    int64_t memory;
    bool json;
    struct input_settings input;
};

#define SETTING(member) .offset = offsetof(struct tokenizer_train_settings, member)

static const struct option_spec vocabulary_options[] = {
    { .key = "vocab_size",
      .type = OPTION_INTEGER,
      SETTING(vocab_size),
      .min = TOKENIZER_TRAINER_MIN_VOCAB,
      .max = (double)TOKENIZER_TRAINER_MAX_VOCAB,
      .unit = "tokens",
      .section = "Vocabulary",
      .help = "entries, with the 256 bytes and the special tokens" },
    { .key = "out", .type = OPTION_TEXT, SETTING(out), .help = "the tokenizer.json to write" },
    { .key = "special",
      .type = OPTION_TEXT,
      SETTING(special),
      .default_text = "",
      .help = "special tokens besides <|endoftext|>, as A,B,C: the last ids, in this order" },
    { .key = "splitting",
      .type = OPTION_CHOICE,
      SETTING(splitting),
      .choices = splitting_rule_names,
      .default_text = "gpt2",
      .help = "the rule by which text is cut into the pieces that are learned from" },
    { 0 },
};

static const struct option_spec machine_options[] = {
    { .key = "threads",
      .type = OPTION_INTEGER,
      SETTING(threads),
      .default_text = "0",
      .min = 0,
      .max = TOKENIZER_TRAINER_MAX_THREADS,
      .section = "Machine",
      .help = "they change nothing of the result; 0: the cores" },
    { .key = "memory",
      .type = OPTION_INTEGER,
      SETTING(memory),
      .default_text = "0",
      .min = 0,
      .max = 1e15,
      .unit = "bytes",
      .help = "for distinct pieces; text with more is refused; 0: nine tenths of what is free" },
    { .key = "json",
      .type = OPTION_BOOL,
      SETTING(json),
      .default_text = "false",
      .help = "one JSON object instead of the digest and the name" },
    { 0 },
};

enum { MOST_OPTIONS = 32 };
static struct option_spec tokenizer_train_options[MOST_OPTIONS];

__attribute__((constructor)) static void join_options(void)
{
    int count = options_append(tokenizer_train_options, 0, MOST_OPTIONS, vocabulary_options, 0);
    count = options_append(tokenizer_train_options, count, MOST_OPTIONS, input_options,
                           offsetof(struct tokenizer_train_settings, input));
    options_append(tokenizer_train_options, count, MOST_OPTIONS, machine_options, 0);
}

/* ---- inputs ---- */

struct inputs {
    struct input_list list;
    int64_t opened;
    struct document_rules rules;
    struct document_reader *reader; /* or NULL */
    struct document document;
    int64_t rejected; /* documents that are none */
};

/* The next input, where there is one. */
static enum status open_next(struct inputs *inputs)
{
    if (inputs->reader || inputs->opened == inputs->list.count)
        return STATUS_OK;
    return document_reader_open(inputs->list.paths[inputs->opened++], &inputs->rules,
                                &inputs->reader);
}

static enum status next_document(void *context, struct strbuf *text, bool *found)
{
    struct inputs *inputs = context;
    *found = false;
    for (;;) {
        enum reader_verdict verdict;
        TRY(open_next(inputs));
        if (!inputs->reader)
            return STATUS_OK;
        TRY(document_reader_next(inputs->reader, &inputs->document, &verdict));
        if (verdict == READER_DOCUMENT)
            break;
        inputs->rejected += verdict != READER_END;
        if (verdict == READER_END) {
            document_reader_close(inputs->reader);
            inputs->reader = NULL;
        }
    }
    const struct strbuf swapped = *text; /* its memory is used for the next one */
    *text = inputs->document.text;
    inputs->document.text = swapped;
    *found = true;
    return STATUS_OK;
}

static enum status read_inputs(struct tokenizer_trainer *trainer,
                               const struct tokenizer_train_settings *settings,
                               const char *const *paths, int count)
{
    struct inputs inputs = { .rules = input_rules(&settings->input) };
    TRY(input_list_expand(paths, count, &inputs.list));
    document_init(&inputs.document);
    enum status status = tokenizer_trainer_read(trainer, next_document, &inputs);
    if (inputs.rejected > 0)
        log_warning("%lld documents are left out: empty, or not what their format says",
                    (long long)inputs.rejected);
    document_reader_close(inputs.reader);
    document_release(&inputs.document);
    input_list_release(&inputs.list);
    return status;
}

static enum status add_specials(struct tokenizer_trainer *trainer, const char *names)
{
    enum status status = STATUS_OK;
    while (*names && status == STATUS_OK) {
        size_t length = strcspn(names, ",");
        char *name = memory_copy_string(names);
        name[length] = '\0';
        status = tokenizer_trainer_add_special(trainer, name);
        memory_free(name);
        names += length + (names[length] == ',');
    }
    return status;
}

/* ---- the machine ---- */

static int thread_count(int64_t wanted)
{
    cpu_set_t allowed;
    if (wanted > 0)
        return (int)wanted;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return 1;
    int cores = CPU_COUNT(&allowed);
    return cores < TOKENIZER_TRAINER_MAX_THREADS ? cores : TOKENIZER_TRAINER_MAX_THREADS;
}

static int64_t memory_bytes(int64_t wanted)
{
    if (wanted > 0)
        return wanted;
    int64_t free_bytes = machine_memory_bytes("MemAvailable"), limit = machine_memory_limit_bytes();
    if (limit >= 0 && (free_bytes < 0 || limit < free_bytes))
        free_bytes = limit;
    return free_bytes < 0 ? 0 : free_bytes / 10 * 9;
}

/* ---- reports ---- */

struct progress {
    double started, shown;
    int64_t vocab_size;
};

static void show_progress(void *context, const struct tokenizer_training *so_far)
{
    static const double pause = 0.2;
    struct progress *progress = context;
    double now = clock_seconds();
    if (now - progress->shown < pause)
        return;
    progress->shown = now;
    if (so_far->vocab_size == 0)
        log_progress("read %.1f MB in %lld documents, %.1f MB/s", (double)so_far->bytes * 1e-6,
                     (long long)so_far->documents,
                     (double)so_far->bytes * 1e-6 / (now - progress->started));
    else
        log_progress("%lld of %lld tokens, from %lld distinct pieces",
                     (long long)so_far->vocab_size, (long long)progress->vocab_size,
                     (long long)so_far->pieces);
}

static double bytes_per_token(const struct tokenizer_training *training)
{
    return training->text_tokens ? (double)training->bytes / (double)training->text_tokens : 0;
}

static void report(const struct tokenizer_training *training, double seconds)
{
    log_info("%lld tokens from %.1f MB of text in %.1f s, %.1f MB/s",
             (long long)training->vocab_size, (double)training->bytes * 1e-6, seconds,
             (double)training->bytes * 1e-6 / seconds);
    log_info("%lld documents, %lld distinct pieces, %.3f bytes a token",
             (long long)training->documents, (long long)training->pieces,
             bytes_per_token(training));
}

static void print_json(const struct tokenizer_training *training, const struct tokenizer *tokenizer,
                       const char *path, double seconds)
{
    struct json *object = json_new_object();
    json_put_text(object, "tokenizer", path);
    json_put_text(object, "tokenizer_digest", tokenizer_digest(tokenizer));
    json_put_integer(object, "vocab_size", training->vocab_size);
    json_put_integer(object, "documents", training->documents);
    json_put_integer(object, "bytes", training->bytes);
    json_put_integer(object, "distinct_pieces", training->pieces);
    json_put_integer(object, "text_tokens", training->text_tokens);
    json_put_number(object, "bytes_per_token", bytes_per_token(training));
    json_put_number(object, "seconds", seconds);
    json_output_print(object, JSON_COMPACT);
    json_free(object);
}

static enum status tokenizer_train_run(const void *given, const char *const *positionals, int count)
{
    const struct tokenizer_train_settings *settings = given;
    struct progress progress = { .started = clock_seconds(), .vocab_size = settings->vocab_size };
    const struct tokenizer_trainer_settings how = {
        .threads = thread_count(settings->threads),
        .splitting = (enum splitting_rule)settings->splitting,
        .memory_bytes = memory_bytes(settings->memory),
        .progress = show_progress,
        .progress_context = &progress,
    };
    struct tokenizer_trainer *trainer = tokenizer_trainer_create(&how);
    const struct tokenizer_training *training = tokenizer_trainer_summary(trainer);
    struct tokenizer *tokenizer = NULL;
    enum status status;

    TRY_CLEANUP(add_specials(trainer, settings->special));
    TRY_CLEANUP(read_inputs(trainer, settings, positionals, count));
    TRY_CLEANUP(tokenizer_trainer_finish(trainer, settings->vocab_size, &tokenizer));
    TRY_CLEANUP(tokenizer_write(tokenizer, settings->out));

    log_progress_end();
    if (training->vocab_size < settings->vocab_size)
        log_warning("the text has no more than %lld tokens: no further pair occurs twice",
                    (long long)training->vocab_size);
    double seconds = clock_seconds() - progress.started;
    report(training, seconds);
    if (settings->json)
        print_json(training, tokenizer, settings->out, seconds);
    else
        printf("%s  %s\n", tokenizer_digest(tokenizer), settings->out);
cleanup:
    log_progress_end();
    tokenizer_free(tokenizer);
    tokenizer_trainer_free(trainer);
    return status;
}

const struct command command_tokenizer_train = {
    .name = "tokenizer train",
    .arguments = "INPUT...",
    .summary = "learn a vocabulary from text",
    .description =
        "Reads text, JSON lines or WET, plain or gzip (docs/inputs.md), learns byte-level BPE\n"
        "merges (docs/tokenizer.md) and writes a tokenizer.json that `eon`, `tokenizers` and\n"
        "`transformers` read. The result depends on the text alone. Prints the tokenizer's digest\n"
        "and the file's name.\n"
        "\n"
        "    eon tokenizer train --vocab_size=4096 --out=tokenizer.json book.txt pages.txt.gz\n"
        "    eon tokenizer train --vocab_size=32768 --special='<|user|>,<|assistant|>' \\\n"
        "        --out=chat.json pages.txt.gz\n",
    .options = tokenizer_train_options,
    .settings_bytes = sizeof(struct tokenizer_train_settings),
    .min_positionals = 1,
    .max_positionals = -1,
    .run = tokenizer_train_run,
};
