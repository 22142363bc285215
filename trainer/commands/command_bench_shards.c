/* eon bench shards: how fast tokens come out of a corpus, and text becomes tokens. */
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "shards/reading/reading_bench.h"
#include "shards/tokenizer/tokenizer.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"
#include "trainer/reports/median.h"
#include "trainer/reports/peak_memory.h"

struct bench_shards_settings {
    int64_t seq_len, seed, tokens, repeats, data_threads;
    char *text, *tokenizer;
    bool json;
};

#define AT(member) offsetof(struct bench_shards_settings, member)
#define TEXT_MAX   ((size_t)1 << 30)
#define PLACES     100000

/* clang-format off */
static const struct option_spec bench_shards_table[] = {
    { .section = "reading", .key = "seq_len", .type = OPTION_INTEGER, .offset = AT(seq_len),
      .default_text = "1024", .min = 1, .max = 1048576, .unit = "tokens",
      .help = "length of a training sequence" },
    { .key = "seed", .type = OPTION_INTEGER, .offset = AT(seed), .default_text = "1",
      .min = 0, .max = 9e15, .help = "of the data's order" },
    { .key = "data_threads", .type = OPTION_INTEGER, .offset = AT(data_threads),
      .default_text = "1", .min = 1, .max = 64,
      .help = "that inflate, in the schedule's order" },
    { .section = "encoding", .key = "text", .type = OPTION_TEXT, .offset = AT(text),
      .default_text = "", .help = "file whose text is encoded, on one thread; empty: none" },
    { .key = "tokenizer", .type = OPTION_TEXT, .offset = AT(tokenizer), .default_text = "",
      .help = "its tokenizer; empty: that of the corpus" },
    { .section = "measurement", .key = "tokens", .type = OPTION_INTEGER, .offset = AT(tokens),
      .default_text = "8M", .min = 0, .max = 1e12,
      .help = "read in a round, of each kind; 0: none, only opening is measured" },
    { .key = "repeats", .type = OPTION_INTEGER, .offset = AT(repeats), .default_text = "5",
      .min = 1, .max = 10000, .help = "rounds, of which the medians are told" },
    { .key = "json", .type = OPTION_BOOL, .offset = AT(json), .default_text = "false",
      .help = "one JSON object instead of the table" },
    { 0 }
};
/* clang-format on */

/* What is measured in each round. */
enum figure { SCHEDULED, SCHEDULED_WALL, SEQUENCE, INFLATE, ENCODING, FIGURES };

struct bench_result {
    double opening_seconds, opening_bytes, place_seconds;
    int64_t text_bytes;
    double *rounds[FIGURES]; /* [repeats] a second */
    struct measured rates[FIGURES];
};

struct encoding {
    struct tokenizer *tokenizer; /* NULL: nothing is encoded */
    struct encoder *encoder;
    struct strbuf text;
};

static enum status open_encoding(const struct bench_shards_settings *settings, const char *folder,
                                 struct encoding *encoding)
{
    if (settings->text[0] == '\0')
        return STATUS_OK;
    TRY(file_read(settings->text, TEXT_MAX, &encoding->text));
    if (encoding->text.length == 0)
        return bad_input("cannot encode '%s': it is empty", settings->text);
    if (settings->tokenizer[0] != '\0') {
        TRY(tokenizer_open(settings->tokenizer, &encoding->tokenizer));
    } else {
        char *path = path_join(folder, "tokenizer.json");
        enum status status = tokenizer_read(path, &encoding->tokenizer);
        memory_free(path);
        TRY(status);
    }
    encoding->encoder = encoder_create(encoding->tokenizer);
    return STATUS_OK;
}

static void close_encoding(struct encoding *encoding)
{
    if (encoding->encoder)
        encoder_free(encoding->encoder);
    tokenizer_free(encoding->tokenizer);
    strbuf_release(&encoding->text);
}

/* Bytes a second of CPU. */
static double encode(const struct encoding *encoding)
{
    struct token_buffer ids = { 0 };
    const double begun = clock_cpu_seconds();
    encoder_add(encoding->encoder, encoding->text.bytes, encoding->text.length, &ids);
    const double seconds = clock_cpu_seconds() - begun;
    token_buffer_release(&ids);
    return (double)encoding->text.length / seconds;
}

static enum status run_round(struct reading_bench *bench, const struct encoding *encoding,
                             int64_t tokens, double rates[FIGURES])
{
    struct reading_time scheduled, sequence, inflate;
    TRY(reading_bench_scheduled(bench, tokens, &scheduled));
    TRY(reading_bench_sequence(bench, tokens, &sequence, &inflate));
    rates[SCHEDULED] = (double)scheduled.tokens / scheduled.cpu_seconds;
    rates[SCHEDULED_WALL] = (double)scheduled.tokens / scheduled.seconds;
    rates[SEQUENCE] = (double)sequence.tokens / sequence.cpu_seconds;
    rates[INFLATE] = inflate.tokens > 0 ? (double)inflate.tokens / inflate.cpu_seconds : 0;
    rates[ENCODING] = encoding->encoder ? encode(encoding) : 0;
    return STATUS_OK;
}

/* A first round, which fills the page cache, is not counted. */
static enum status run_rounds(struct reading_bench *bench, const struct encoding *encoding,
                              const struct bench_shards_settings *settings,
                              struct bench_result *result)
{
    double rates[FIGURES];
    TRY(run_round(bench, encoding, settings->tokens, rates));
    for (int64_t round = 0; round < settings->repeats; round++) {
        TRY(run_round(bench, encoding, settings->tokens, rates));
        for (int i = 0; i < FIGURES; i++)
            result->rounds[i][round] = rates[i];
    }
    for (int i = 0; i < FIGURES; i++)
        result->rates[i] = measured_of(result->rounds[i], settings->repeats);
    return STATUS_OK;
}

static void print_rate(const char *name, struct measured rate, const char *unit)
{
    if (rate.median > 0)
        printf("  %-40s %8.1f %s  (+- %.1f %%)\n", name, 1e-6 * rate.median, unit,
               100 * rate.spread);
}

static void print_table(const struct bench_result *result, const char *folder, int64_t tokens)
{
    printf("%s, %lld tokens\n\n", folder, (long long)tokens);
    printf("  %-40s %8.3f s, %.1f MiB more in memory\n", "opening", result->opening_seconds,
           result->opening_bytes / 1048576);
    printf("  %-40s %8.2f us\n", "finding a sample's place", 1e6 * result->place_seconds);
    const char *unit = "million tokens/s";
    print_rate("in the schedule's order, a core", result->rates[SCHEDULED], unit);
    print_rate("in the schedule's order, elapsed", result->rates[SCHEDULED_WALL], unit);
    print_rate("in sequence, a core", result->rates[SEQUENCE], unit);
    print_rate("the limit: inflate alone, a core", result->rates[INFLATE], unit);
    print_rate("encoding, a core", result->rates[ENCODING], "MB/s");
}

static void print_json(const struct bench_result *result, int64_t tokens)
{
    static const char *const names[FIGURES] = {
        [SCHEDULED] = "scheduled_tokens_per_cpu_second",
        [SCHEDULED_WALL] = "scheduled_tokens_per_second",
        [SEQUENCE] = "sequence_tokens_per_cpu_second",
        [INFLATE] = "inflate_tokens_per_cpu_second",
        [ENCODING] = "encoded_bytes_per_cpu_second",
    };
    struct json *json = json_new_object();
    json_put_integer(json, "tokens", tokens);
    json_put_number(json, "opening_seconds", result->opening_seconds);
    json_put_number(json, "opening_bytes", result->opening_bytes);
    json_put_number(json, "place_seconds", result->place_seconds);
    for (int i = 0; i < FIGURES; i++) {
        if (result->rates[i].median <= 0)
            continue;
        struct json *value = json_new_object();
        json_put_number(value, "median", result->rates[i].median);
        json_put_number(value, "spread", result->rates[i].spread);
        json_put(json, names[i], value);
    }
    json_output_print(json, JSON_COMPACT);
    json_free(json);
}

static enum status measure(const struct bench_shards_settings *settings, const char *folder,
                           struct bench_result *result)
{
    struct reading_bench *bench = NULL;
    struct encoding encoding = { .text = STRBUF_INIT };
    const double begun = clock_seconds(), bytes_before = (double)peak_memory_bytes();
    enum status status;
    TRY_CLEANUP(reading_bench_open(folder, settings->seq_len, (uint64_t)settings->seed,
                                   (int)settings->data_threads, &bench));
    result->opening_seconds = clock_seconds() - begun;
    result->opening_bytes = (double)peak_memory_bytes() - bytes_before;
    result->place_seconds = reading_bench_places(bench, PLACES) / PLACES;
    TRY_CLEANUP(open_encoding(settings, folder, &encoding));
    if (settings->tokens > 0)
        TRY_CLEANUP(run_rounds(bench, &encoding, settings, result));
    if (settings->json)
        print_json(result, reading_bench_tokens(bench));
    else
        print_table(result, folder, reading_bench_tokens(bench));

cleanup:
    close_encoding(&encoding);
    reading_bench_close(bench);
    return status;
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    (void)count;
    const struct bench_shards_settings *settings = given;
    struct bench_result result = { 0 };
    for (int i = 0; i < FIGURES; i++)
        result.rounds[i] = memory_alloc_zeroed((size_t)settings->repeats, sizeof(double));
    enum status status = measure(settings, positionals[0], &result);
    for (int i = 0; i < FIGURES; i++)
        memory_free(result.rounds[i]);
    return status;
}

const struct command command_bench_shards = {
    .name = "bench shards",
    .arguments = "CORPUS",
    .summary = "measure how fast tokens are read from a corpus",
    .description =
        "Reads samples in the order of training, with everything that belongs to it: the\n"
        "schedule, the look-up, inflating, checksums, the vocabulary's bound. Beside it, in the\n"
        "same rounds, the chunks in sequence, and inflate alone, which is the limit. Tokens a\n"
        "core are by the CPU time of all threads. With --text, how fast a text is encoded.\n"
        "\n"
        "    eon bench shards corpus --seq_len=1024\n"
        "    eon bench shards corpus --text=text.txt --json",
    .options = bench_shards_table,
    .settings_bytes = sizeof(struct bench_shards_settings),
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run,
};
