/* eon shards show: one document, to look at; or which documents a step of a run saw. */
#include <stdio.h>

#include "base/printable.h"
#include "shards/reading/corpus_document.h"
#include "shards/format/shard_verifier.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"
#include "trainer/commands/step_documents.h"

struct show_settings {
    int64_t document, step;
    char *run;
    int split;
    bool tokens, json;
};

#define AT(member) offsetof(struct show_settings, member)

/* clang-format off */
static const struct option_spec show_options[] = {
    { .section = "document", .key = "document", .type = OPTION_INTEGER, .offset = AT(document),
      .default_text = "0", .min = 0, .max = 9e15, .help = "its number within the split, from 0" },
    { .key = "split", .type = OPTION_CHOICE, .offset = AT(split), .default_text = "train",
      .choices = corpus_split_names, .help = "the part of the corpus that it belongs to" },
    { .key = "tokens", .type = OPTION_BOOL, .offset = AT(tokens), .default_text = "true",
      .help = "print the tokens' ids before the text" },
    { .section = "instead", .key = "run", .type = OPTION_TEXT, .offset = AT(run),
      .default_text = "", .help = "the folder of a run: name the documents that a step of it saw" },
    { .key = "step", .type = OPTION_INTEGER, .offset = AT(step), .default_text = "1",
      .min = 1, .max = 1e12, .help = "of the run, as its metrics count: the first is 1" },
    { .section = "output", .key = "json", .type = OPTION_BOOL, .offset = AT(json),
      .default_text = "false", .help = "print one JSON object" },
    { 0 }
};
/* clang-format on */

static void print_json(const struct corpus_document *document, const struct strbuf *text)
{
    struct json *object = json_new_object(), *tokens = json_new_array();
    for (int64_t i = 0; i < document->token_count; i++)
        json_append_integer(tokens, document->tokens[i]);

    json_put_text(object, "source", document->input->name);
    json_put_text(object, "shard", document->shard->file);
    json_put_integer(object, "document_in_shard", document->index_in_shard);
    json_put_integer(object, "first_token", document->first_token);
    if (document->label.has_number && document->label.number <= INT64_MAX)
        json_put_integer(object, "number", (int64_t)document->label.number);
    if (document->label.has_name)
        json_put(object, "name",
                 json_new_text(document->label.name.bytes, document->label.name.length));
    json_put(object, "tokens", tokens);
    json_put(object, "text", json_new_text(text->bytes, text->length));
    json_output_print(object, JSON_COMPACT);
    json_free(object);
}

static void print_document(const struct corpus_document *document, const struct strbuf *text,
                           bool with_tokens)
{
    char source[512];
    printable_copy(source, sizeof source, document->input->name);
    printf("source  %s\n", source);
    if (document->label.has_number)
        printf("number  %llu\n", (unsigned long long)document->label.number);
    printable_copy(source, sizeof source, document->label.name.bytes);
    if (document->label.has_name)
        printf("name    %s\n", source);
    printf("shard   %s, document %lld, tokens %lld to %lld\n", document->shard->file,
           (long long)document->index_in_shard, (long long)document->first_token,
           (long long)(document->first_token + document->token_count - 1));
    if (with_tokens) {
        printf("tokens ");
        for (int64_t i = 0; i < document->token_count; i++)
            printf(" %d", document->tokens[i]);
        printf("\n");
    }
    printf("\n");
    fwrite(text->bytes, 1, text->length, stdout);
    if (text->length == 0 || text->bytes[text->length - 1] != '\n')
        printf("\n");
}

static enum status show_document(const struct show_settings *settings, const char *folder)
{
    struct corpus_manifest manifest;
    struct corpus_document document = { 0 };
    struct tokenizer *tokenizer = NULL;
    struct strbuf text = STRBUF_INIT;
    enum status status;
    TRY(corpus_manifest_read(folder, &manifest));
    TRY_CLEANUP(corpus_tokenizer_read(folder, &manifest, &tokenizer));
    TRY_CLEANUP(corpus_document_read(folder, &manifest, (enum corpus_split)settings->split,
                                     settings->document, &document));
    /* Without the <|endoftext|> that begins it. */
    tokenizer_decode(tokenizer, document.tokens + 1, document.token_count - 1, &text);
    if (settings->json)
        print_json(&document, &text);
    else
        print_document(&document, &text, settings->tokens);

cleanup:
    strbuf_release(&text);
    corpus_document_release(&document);
    tokenizer_free(tokenizer);
    corpus_manifest_release(&manifest);
    return status;
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    const struct show_settings *settings = given;
    if (settings->run[0] != '\0')
        return step_documents_print(settings->run, settings->step,
                                    count > 0 ? positionals[0] : NULL, settings->json);
    if (count == 0)
        return bad_input("a corpus to show is not given, nor a --run");
    return show_document(settings, positionals[0]);
}

const struct command command_shards_show = {
    .name = "shards show",
    .arguments = "[CORPUS]",
    .summary = "print a document of a corpus, or name those of a training step",
    .description =
        "Prints the text of a document, its tokens, and the input that it came from; its number\n"
        "there and its name (an address, an id) where the shard has them. With --run it names the\n"
        "documents that each sequence of a step was made of, computed again from the run's record\n"
        "and the corpora, which must be the same; CORPUS says where they are by now if they "
        "moved.\n"
        "\n"
        "    eon shards show corpus --document=12\n"
        "    eon shards show corpus --split=heldout --json\n"
        "    eon shards show --run=runs/first --step=4711",
    .options = show_options,
    .settings_bytes = sizeof(struct show_settings),
    .max_positionals = 1,
    .run = run,
};
