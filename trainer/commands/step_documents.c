#include "trainer/commands/step_documents.h"

#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "shards/reading/sample_documents.h"
#include "shards/reading/corpus_mixture.h"
#include "trainer/commands/json_output.h"
#include "trainer/training/data_record.h"

/* A sequence of the step, and what it is made of. */
struct step_sequence {
    int64_t leaf, sequence, sample;
    const char *folder;
    struct sample_documents documents;
};

static void print_document(const struct sample_document *document)
{
    char text[512];
    printable_copy(text, sizeof text, document->input->name);
    printf("    document %-8lld tokens %lld to %lld  %s", (long long)document->document,
           (long long)document->first_token, (long long)document->end_token - 1, text);
    if (document->label.has_number)
        printf(", number %llu", (unsigned long long)document->label.number);
    printable_copy(text, sizeof text, document->label.name.bytes);
    if (document->label.has_name)
        printf(", %s", text);
    printf("\n");
}

static void print_sequence(const struct step_sequence *sequence)
{
    const struct sample_documents *documents = &sequence->documents;
    char folder[512];
    printable_copy(folder, sizeof folder, sequence->folder);
    printf("leaf %lld, sequence %lld: %s/%s, sample %lld, tokens %lld to %lld\n",
           (long long)sequence->leaf, (long long)sequence->sequence, folder, documents->shard->file,
           (long long)sequence->sample, (long long)documents->first_token,
           (long long)documents->end_token - 1);
    for (int64_t i = 0; i < documents->count; i++)
        print_document(&documents->items[i]);
}

static struct json *document_to_json(const struct sample_document *document)
{
    struct json *json = json_new_object();
    json_put_integer(json, "document", document->document);
    json_put_integer(json, "first_token", document->first_token);
    json_put_integer(json, "end_token", document->end_token);
    json_put_text(json, "source", document->input->name);
    if (document->label.has_number && document->label.number <= INT64_MAX)
        json_put_integer(json, "number", (int64_t)document->label.number);
    if (document->label.has_name)
        json_put(json, "name",
                 json_new_text(document->label.name.bytes, document->label.name.length));
    return json;
}

static struct json *sequence_to_json(const struct step_sequence *sequence)
{
    const struct sample_documents *documents = &sequence->documents;
    struct json *json = json_new_object(), *list = json_new_array();
    json_put_integer(json, "leaf", sequence->leaf);
    json_put_integer(json, "sequence", sequence->sequence);
    json_put_text(json, "corpus", sequence->folder);
    json_put_integer(json, "sample", sequence->sample);
    json_put_text(json, "shard", documents->shard->file);
    json_put_integer(json, "first_token", documents->first_token);
    json_put_integer(json, "end_token", documents->end_token);
    for (int64_t i = 0; i < documents->count; i++)
        json_append(list, document_to_json(&documents->items[i]));
    json_put(json, "documents", list);
    return json;
}

/* `list`: where they go as JSON, or NULL. */
static enum status print_sequences(const struct corpus_mixture *mixture,
                                   const struct data_part *part, int64_t step, struct json *list)
{
    const struct mixture_schedule schedule = corpus_mixture_schedule(mixture, (uint64_t)part->seed);
    const int64_t sequences = part->leaves * part->leaf_sequences;
    for (int64_t i = 0; i < sequences; i++) {
        const struct mixture_place place = mixture_schedule_place(&schedule, step * sequences + i);
        struct step_sequence sequence = { .leaf = i / part->leaf_sequences,
                                          .sequence = i % part->leaf_sequences,
                                          .sample = place.sample,
                                          .folder = mixture->parts[place.part].folder };
        TRY(sample_documents_read(mixture->parts[place.part].corpus, place.sample,
                                  &sequence.documents));
        if (list)
            json_append(list, sequence_to_json(&sequence));
        else
            print_sequence(&sequence);
        sample_documents_release(&sequence.documents);
    }
    return STATUS_OK;
}

static enum status print_step(const struct corpus_mixture *mixture, const struct data_part *part,
                              int64_t step, bool as_json)
{
    struct json *json = NULL, *list = NULL;
    if (as_json) {
        json = json_new_object();
        list = json_new_array();
        json_put_integer(json, "step", step + 1);
        json_put_text(json, "corpus_digest", part->corpus_digest);
    } else {
        printf(
            "step %lld: %lld leaves of %lld sequences of %lld tokens, seed %lld, data %.16s...\n",
            (long long)step + 1, (long long)part->leaves, (long long)part->leaf_sequences,
            (long long)part->seq_len, (long long)part->seed, part->corpus_digest);
    }
    enum status status = print_sequences(mixture, part, step, list);
    if (as_json) {
        json_put(json, "sequences", list);
        if (status == STATUS_OK)
            json_output_print(json, JSON_INDENTED);
        json_free(json);
    }
    return status;
}

static enum status open_corpora(const char *run, const struct data_part *part, const char *corpora,
                                struct corpus_mixture **out)
{
    struct corpus_mixture *mixture;
    TRY(corpus_mixture_open(corpora ? corpora : part->corpus, SPLIT_TRAIN, part->seq_len,
                            &mixture));
    enum status status = corpus_mixture_need_samples(mixture);
    if (status == STATUS_OK && strcmp(mixture->digest, part->corpus_digest) != 0)
        status =
            bad_input("corpus '%s' is not what run '%s' was trained on: its digest is %s, "
                      "not %s",
                      corpora ? corpora : part->corpus, run, mixture->digest, part->corpus_digest);
    if (status == STATUS_OK)
        *out = mixture;
    else
        corpus_mixture_close(mixture);
    return status;
}

enum status step_documents_print(const char *run, int64_t step, const char *corpora, bool as_json)
{
    struct data_record record;
    struct corpus_mixture *mixture = NULL;
    enum status status;
    TRY(data_record_read(run, &record));
    const struct data_part *part = data_record_part(&record, step - 1);
    if (part == NULL)
        TRY_CLEANUP(bad_input("run '%s' does not record the data of step %lld: no %s, or none of "
                              "that step",
                              run, (long long)step, DATA_RECORD_FILE));
    TRY_CLEANUP(open_corpora(run, part, corpora, &mixture));
    status = print_step(mixture, part, step - 1, as_json);

cleanup:
    corpus_mixture_close(mixture);
    data_record_release(&record);
    return status;
}
