#include "shards/corpus_builder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "shards/file_digest.h"
#include "shards/shard_writer.h"
#include "shards/staging_folder.h"
#include "shards/tokenizer.h"

/* The shard that a split's documents go to now. */
struct split_output {
    struct shard_writer *writer; /* or NULL: none is open */
    struct manifest_shard shard; /* what is known of it so far */
    int64_t shard_count;         /* begun so far */
};

struct corpus_builder {
    const struct corpus_plan *plan;
    struct tokenizer *tokenizer;
    struct encoder *encoder;
    struct staging_folder staging;
    struct split_output outputs[SPLIT_COUNT];
    struct strbuf text;
    struct token_buffer tokens;
    struct corpus_manifest *manifest;
    int64_t text_bytes, empty_documents;
    double last_progress;
};

enum corpus_split document_split(const char *text, size_t length, double holdout)
{
    unsigned char digest[SHA256_BYTES];
    struct sha256 hash;
    sha256_init(&hash);
    sha256_add(&hash, text, length);
    sha256_finish(&hash, digest);

    uint64_t bits = 0;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | digest[i];
    return (double)bits < ldexp(holdout, 64) ? SPLIT_HELDOUT : SPLIT_TRAIN;
}

static enum status begin_shard(struct corpus_builder *builder, enum corpus_split split)
{
    struct split_output *output = &builder->outputs[split];
    if (output->shard_count == CORPUS_MAX_SHARDS)
        return bad_input("the corpus needs more than %lld shards: raise --shard_tokens",
                         (long long)CORPUS_MAX_SHARDS);
    struct shard_identity identity = {
        .vocab_size = tokenizer_vocab_size(builder->tokenizer),
        .split = split,
    };
    memcpy(identity.tokenizer_digest, tokenizer_digest(builder->tokenizer), SHA256_HEX);

    struct strbuf name = STRBUF_INIT;
    strbuf_addf(&name, "%s-%05lld.h5", corpus_split_names[split], (long long)output->shard_count);
    char *path = path_join(builder->staging.path, name.bytes);
    enum status status = shard_writer_open(path, &identity, &output->writer);
    if (status == STATUS_OK) {
        output->shard_count++;
        output->shard = (struct manifest_shard){
            .file = memory_copy_string(name.bytes),
            .split = split,
        };
    }
    memory_free(path);
    strbuf_release(&name);
    return status;
}

/* Closes the split's shard, if one is open, and lists it. */
static enum status end_shard(struct corpus_builder *builder, enum corpus_split split)
{
    struct split_output *output = &builder->outputs[split];
    struct manifest_shard *shard = &output->shard;
    if (output->writer == NULL)
        return STATUS_OK;
    shard->tokens = shard_writer_tokens(output->writer);
    shard->documents = shard_writer_documents(output->writer);
    struct shard_writer *writer = output->writer;
    output->writer = NULL;
    TRY(shard_writer_close(writer));

    char *path = path_join(builder->staging.path, shard->file);
    enum status status = file_digest(path, shard->sha256, &shard->file_bytes);
    memory_free(path);
    if (status == STATUS_OK)
        corpus_manifest_add_shard(builder->manifest, shard);
    memory_free(shard->file);
    shard->file = NULL;
    return status;
}

static bool is_blank(const struct strbuf *text)
{
    return strspn(text->bytes, " \t\r\n\f\v") == text->length;
}

static void show_progress(struct corpus_builder *builder, const char *input)
{
    const double interval_s = 0.2;
    double now = clock_seconds();
    if (now - builder->last_progress < interval_s)
        return;
    builder->last_progress = now;
    log_progress("%s: %.1f MB of text", input, (double)builder->text_bytes / 1e6);
}

/* The buffer holds the one id. */
static void start_document(struct token_buffer *tokens, int32_t id)
{
    if (tokens->capacity == 0) {
        tokens->capacity = 4096;
        tokens->ids = memory_alloc((size_t)tokens->capacity * sizeof *tokens->ids);
    }
    tokens->ids[0] = id;
    tokens->count = 1;
}

static enum status add_document(struct corpus_builder *builder, int64_t source)
{
    const struct strbuf *text = &builder->text;
    if (is_blank(text)) {
        builder->empty_documents++;
        return STATUS_OK;
    }
    enum corpus_split split = document_split(text->bytes, text->length, builder->plan->holdout);
    struct split_output *output = &builder->outputs[split];
    if (output->writer == NULL)
        TRY(begin_shard(builder, split));

    start_document(&builder->tokens, tokenizer_end_of_text(builder->tokenizer));
    encoder_add(builder->encoder, text->bytes, text->length, &builder->tokens);
    TRY(shard_writer_add(output->writer, builder->tokens.ids, builder->tokens.count,
                         (uint32_t)source));
    output->shard.text_bytes += (int64_t)text->length;
    builder->text_bytes += (int64_t)text->length;
    if (shard_writer_tokens(output->writer) >= builder->plan->shard_tokens)
        return end_shard(builder, split);
    return STATUS_OK;
}

static enum status add_documents(struct corpus_builder *builder, int64_t source,
                                 struct text_reader *reader)
{
    for (;;) {
        bool found;
        TRY(text_reader_next(reader, &builder->text, &found));
        if (!found)
            return STATUS_OK;
        TRY(add_document(builder, source));
        show_progress(builder, builder->plan->inputs[source]);
    }
}

/* Lists the input. Links are followed here as the text reader does: the user named them. */
static enum status add_input(struct corpus_builder *builder, const char *path)
{
    struct manifest_input input;
    char *resolved = realpath(path, NULL); /* of the C library: returned to it */
    enum status status = file_digest(resolved ? resolved : path, input.sha256, &input.file_bytes);
    free(resolved);
    TRY(status);

    /* What it was, not where it lay: the same corpus comes out of any folder. */
    const char *slash = strrchr(path, '/');
    input.name = (char *)(slash != NULL ? slash + 1 : path); /* copied by the addition */
    corpus_manifest_add_input(builder->manifest, &input);
    return STATUS_OK;
}

static enum status read_inputs(struct corpus_builder *builder)
{
    const struct corpus_plan *plan = builder->plan;
    if (plan->input_count > CORPUS_MAX_INPUTS)
        return bad_input("%lld inputs are more than %lld", (long long)plan->input_count,
                         (long long)CORPUS_MAX_INPUTS);
    for (int64_t i = 0; i < plan->input_count; i++) {
        struct text_reader *reader;
        TRY(add_input(builder, plan->inputs[i]));
        TRY(text_reader_open(plan->inputs[i], &plan->text, &reader));
        enum status status = add_documents(builder, i, reader);
        text_reader_close(reader);
        TRY(status);
    }
    for (int split = 0; split < SPLIT_COUNT; split++)
        TRY(end_shard(builder, (enum corpus_split)split));
    if (builder->manifest->shard_count == 0)
        return bad_input("the inputs hold no document");
    return STATUS_OK;
}

static void record_rules(const struct corpus_builder *builder)
{
    const struct corpus_plan *plan = builder->plan;
    const struct corpus_rules rules = {
        .document_start = (char *)(plan->text.document_start ? plan->text.document_start : ""),
        .document_bytes = plan->text.document_bytes,
        .shard_tokens = plan->shard_tokens,
        .holdout = plan->holdout,
        .empty_documents = builder->empty_documents,
    };
    corpus_manifest_set_rules(builder->manifest, &rules);
}

/* Everything into the staging folder, corpus.json last. */
static enum status write_corpus(struct corpus_builder *builder)
{
    TRY(read_inputs(builder));
    corpus_manifest_sort_shards(builder->manifest);
    record_rules(builder);

    char *path = path_join(builder->staging.path, CORPUS_TOKENIZER_NAME);
    enum status status = tokenizer_write(builder->tokenizer, path);
    memory_free(path);
    TRY(status);
    return corpus_manifest_write(builder->manifest, builder->staging.path);
}

static void release_builder(struct corpus_builder *builder)
{
    for (int split = 0; split < SPLIT_COUNT; split++) {
        shard_writer_discard(builder->outputs[split].writer);
        memory_free(builder->outputs[split].shard.file);
    }
    staging_folder_release(&builder->staging);
    encoder_free(builder->encoder);
    tokenizer_free(builder->tokenizer);
    token_buffer_release(&builder->tokens);
    strbuf_release(&builder->text);
}

enum status corpus_build(const struct corpus_plan *plan, struct corpus_manifest *out)
{
    *out = (struct corpus_manifest){ 0 };
    struct corpus_builder builder = { .plan = plan, .text = STRBUF_INIT, .manifest = out };
    enum status status;
    TRY(tokenizer_open(plan->tokenizer, &builder.tokenizer));
    builder.encoder = encoder_create(builder.tokenizer);
    corpus_manifest_init(out, tokenizer_digest(builder.tokenizer),
                         tokenizer_vocab_size(builder.tokenizer));
    TRY_CLEANUP(
        staging_folder_begin(&builder.staging, plan->out, plan->overwrite, CORPUS_MANIFEST_NAME));
    TRY_CLEANUP(write_corpus(&builder));
    TRY_CLEANUP(staging_folder_commit(&builder.staging));

cleanup:
    log_progress_end();
    if (status != STATUS_OK)
        corpus_manifest_release(out);
    release_builder(&builder);
    return status;
}
