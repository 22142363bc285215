/* eon tokenizer train: a vocabulary learned from text. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "shards/text_reader.h"
#include "shards/tokenizer_trainer.h"
#include "trainer/commands/command.h"

struct tokenizer_train_settings {
    int64_t vocab_size;
    char *out;
    char *document_start;
    int64_t document_bytes;
};

#define SETTING(member) .offset = offsetof(struct tokenizer_train_settings, member)

static const struct option_spec tokenizer_train_options[] = {
    { .key = "vocab_size",
      .type = OPTION_INTEGER,
      SETTING(vocab_size),
      .min = TOKENIZER_TRAINER_MIN_VOCAB,
      .max = (double)TOKENIZER_TRAINER_MAX_VOCAB,
      .unit = "tokens",
      .section = "Vocabulary",
      .help = "entries, with the 256 bytes and <|endoftext|>" },
    { .key = "out", .type = OPTION_TEXT, SETTING(out), .help = "the tokenizer.json to write" },
    { .key = "document_start",
      .type = OPTION_TEXT,
      SETTING(document_start),
      .default_text = "",
      .section = "Text",
      .help = "pattern (PCRE2) that the first line of each document matches" },
    { .key = "document_bytes",
      .type = OPTION_INTEGER,
      SETTING(document_bytes),
      .default_text = "1M",
      .min = 0,
      .max = (double)TEXT_READER_MAX_DOCUMENT,
      .unit = "bytes",
      .help = "documents are cut at the first line end after so many; 0: never" },
    { 0 },
};

static enum status add_file(struct tokenizer_trainer *trainer, const char *path,
                            const struct text_rules *rules, int64_t *bytes)
{
    struct text_reader *reader;
    struct strbuf document = STRBUF_INIT;
    bool found;
    TRY(text_reader_open(path, rules, &reader));
    enum status status = text_reader_next(reader, &document, &found);
    while (status == STATUS_OK && found) {
        tokenizer_trainer_add(trainer, document.bytes, document.length);
        status = text_reader_next(reader, &document, &found);
    }
    *bytes += text_reader_bytes(reader);
    text_reader_close(reader);
    strbuf_release(&document);
    return status;
}

static enum status tokenizer_train_run(const void *given, const char *const *positionals, int count)
{
    const struct tokenizer_train_settings *settings = given;
    const struct text_rules rules = {
        .document_start = settings->document_start,
        .document_bytes = settings->document_bytes,
    };
    double started = clock_seconds();
    struct tokenizer_trainer *trainer = tokenizer_trainer_create();
    struct tokenizer *tokenizer = NULL;
    int64_t bytes = 0;
    enum status status;

    for (int i = 0; i < count; i++)
        TRY_CLEANUP(add_file(trainer, positionals[i], &rules, &bytes));
    TRY_CLEANUP(tokenizer_trainer_finish(trainer, settings->vocab_size, &tokenizer));
    TRY_CLEANUP(tokenizer_write(tokenizer, settings->out));

    if (tokenizer_vocab_size(tokenizer) < settings->vocab_size)
        log_warning("the text has no more than %lld tokens: no further pair occurs twice",
                    (long long)tokenizer_vocab_size(tokenizer));
    log_info("%lld tokens from %.1f MB of text in %.1f s",
             (long long)tokenizer_vocab_size(tokenizer), (double)bytes * 1e-6,
             clock_seconds() - started);
    printf("%s  %s\n", tokenizer_digest(tokenizer), settings->out);
cleanup:
    tokenizer_free(tokenizer);
    tokenizer_trainer_free(trainer);
    return status;
}

const struct command command_tokenizer_train = {
    .name = "tokenizer train",
    .arguments = "INPUT...",
    .summary = "learn a vocabulary from text",
    .description =
        "Reads text files, plain or gzip, learns byte-level BPE merges (docs/tokenizer.md) and\n"
        "writes a tokenizer.json that `eon`, `tokenizers` and `transformers` read. The result\n"
        "depends on the text alone. Prints the tokenizer's digest and the file's name.\n"
        "\n"
        "    eon tokenizer train --vocab_size=4096 --out=tokenizer.json book.txt pages.txt.gz\n",
    .options = tokenizer_train_options,
    .settings_bytes = sizeof(struct tokenizer_train_settings),
    .min_positionals = 1,
    .max_positionals = -1,
    .run = tokenizer_train_run,
};
