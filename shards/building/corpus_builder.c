#include "shards/building/corpus_builder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "shards/building/build_input.h"
#include "shards/building/corpus_commit.h"
#include "shards/inputs/input_spool.h"
#include "shards/building/lot_builder.h"
#include "shards/building/rejected_files.h"
#include "shards/building/shard_filler.h"
#include "shards/building/staging_folder.h"

/* OUT.partial/work/  lots/  fill-DIGEST/  spool/  : what a later build goes on from */
#define WORK_FOLDER "work"

struct corpus_builder {
    const struct corpus_plan *plan;
    const struct build_team *team;
    struct tokenizer *tokenizer;
    struct thread_pool *pool;
    struct staging_folder staging; /* rank 0's */
    struct strbuf partial, lots_folder, fill_folder, spool_folder;
    char **paths; /* [input_count] what is read: the inputs, or copies of pipes */
    struct build_input *inputs;
    struct lot_list lots;
    struct duplicates duplicates;
    struct shard_layout layout;
};

/* ---- start ---- */

static enum status create_folder(struct strbuf *path, const char *partial, const char *name)
{
    strbuf_reset(path);
    strbuf_addf(path, "%s/" WORK_FOLDER "/%s", partial, name);
    return folder_create(path->bytes);
}

static enum status begin_folders(struct corpus_builder *builder)
{
    const struct corpus_plan *plan = builder->plan;
    TRY(staging_folder_begin(&builder->staging, plan->out, plan->overwrite, CORPUS_MANIFEST_NAME,
                             WORK_FOLDER));
    TRY(create_folder(&builder->lots_folder, builder->staging.path, "lots"));
    return create_folder(&builder->spool_folder, builder->staging.path, "spool");
}

/* Rank 0 has the folder; the others learn where it is. */
static void name_folders(struct corpus_builder *builder)
{
    const char *out = builder->plan->out;
    size_t length = strlen(out);
    while (length > 1 && out[length - 1] == '/')
        length--;
    strbuf_addf(&builder->partial, "%.*s.partial", (int)length, out);
    strbuf_reset(&builder->lots_folder);
    strbuf_addf(&builder->lots_folder, "%s/" WORK_FOLDER "/lots", builder->partial.bytes);
    strbuf_reset(&builder->spool_folder);
    strbuf_addf(&builder->spool_folder, "%s/" WORK_FOLDER "/spool", builder->partial.bytes);
}

static enum status check_plan(const struct corpus_plan *plan)
{
    if (plan->input_count > CORPUS_MAX_INPUTS)
        return bad_input("%lld inputs are more than %lld", (long long)plan->input_count,
                         (long long)CORPUS_MAX_INPUTS);
    return STATUS_OK;
}

static enum status open_tokenizer(struct corpus_builder *builder)
{
    TRY(check_plan(builder->plan));
    return tokenizer_open(builder->plan->tokenizer, &builder->tokenizer);
}

/* All that decides what becomes of a document, besides the document. */
static void digest_rules(const struct corpus_builder *builder, char hex[SHA256_HEX])
{
    struct strbuf text = STRBUF_INIT;
    struct sha256 hash;
    const struct corpus_plan *plan = builder->plan;
    strbuf_addf(&text, "eon build 1\n%s\n%s\n%lld %d", tokenizer_digest(builder->tokenizer),
                plan->options ? plan->options : "", (long long)plan->lot_bytes,
                plan->keep_rejected);
    sha256_init(&hash);
    sha256_add(&hash, text.bytes, text.length);
    sha256_finish_hex(&hash, hex);
    strbuf_release(&text);
}

static enum status find_inputs(struct corpus_builder *builder)
{
    const struct corpus_plan *plan = builder->plan;
    char rules[SHA256_HEX];
    digest_rules(builder, rules);
    TRY(input_spool_names(plan->inputs, plan->input_count, builder->spool_folder.bytes,
                          &builder->paths));
    TRY(build_inputs_find((const char *const *)builder->paths, plan->input_count, rules,
                          &builder->inputs));
    build_inputs_share(builder->inputs, plan->input_count, builder->team->size);
    return STATUS_OK;
}

/* What the shards depend on: inputs, rules, and nothing else. */
static void digest_inputs(const struct corpus_builder *builder, char hex[SHA256_HEX])
{
    struct sha256 hash;
    sha256_init(&hash);
    for (int64_t i = 0; i < builder->plan->input_count; i++)
        sha256_add(&hash, builder->inputs[i].identity, SHA256_HEX - 1);
    sha256_finish_hex(&hash, hex);
}

/* A file system may show ranks different states of a file that is being written. */
static enum status check_same_inputs(const struct corpus_builder *builder)
{
    const struct build_team *team = builder->team;
    char mine[SHA256_HEX];
    enum status status = STATUS_OK;
    digest_inputs(builder, mine);
    if (team->size == 1)
        return STATUS_OK;
    char *all = memory_alloc((size_t)team->size * sizeof mine);
    team->gather_all(team->context, mine, sizeof mine, all);
    for (int rank = 1; rank < team->size && status == STATUS_OK; rank++)
        if (memcmp(all + (size_t)rank * sizeof mine, all, sizeof mine) != 0)
            status = failed("ranks 0 and %d see other inputs: names, sizes or times of the files, "
                            "or options, differ",
                            rank);
    memory_free(all);
    return status;
}

static enum status prepare(struct corpus_builder *builder)
{
    const struct build_team *team = builder->team;
    const struct corpus_plan *plan = builder->plan;
    TRY(team_agree(team, open_tokenizer(builder)));
    enum status status = STATUS_OK;
    if (team->rank == 0) {
        status = begin_folders(builder);
        if (status == STATUS_OK)
            status = input_spool_fill(plan->inputs, plan->input_count, builder->spool_folder.bytes);
    }
    TRY(team_agree(team, status));
    name_folders(builder);
    TRY(team_agree(team, find_inputs(builder)));
    return check_same_inputs(builder);
}

/* ---- stages ---- */

static enum status make_lots(struct corpus_builder *builder)
{
    const struct lot_builder_plan plan = {
        .corpus = builder->plan,
        .tokenizer = builder->tokenizer,
        .inputs = builder->inputs,
        .folder = builder->lots_folder.bytes,
        .pool = builder->pool,
        .rank = builder->team->rank,
        .ranks = builder->team->size,
    };
    TRY(team_agree(builder->team, lots_build(&plan)));
    return team_agree(builder->team, lot_list_read(builder->lots_folder.bytes, builder->inputs,
                                                   builder->plan->input_count, &builder->lots));
}

static enum status lay_out(struct corpus_builder *builder)
{
    const struct corpus_plan *plan = builder->plan;
    TRY(duplicates_find(&builder->lots, plan->deduplicate, plan->dedup_memory, builder->team,
                        &builder->duplicates));
    enum status status = shard_layout_make(&builder->lots, &builder->duplicates, plan->shard_tokens,
                                           &builder->layout);
    if (status == STATUS_OK && builder->layout.count == 0)
        status = bad_input("the inputs hold no document");
    return team_agree(builder->team, status);
}

static void show_shards(int64_t done, int64_t total)
{
    log_progress("shards: %lld of %lld", (long long)done, (long long)total);
}

static struct shard_filler_plan filler_plan(const struct corpus_builder *builder)
{
    return (struct shard_filler_plan){
        .assembly = { .layout = &builder->layout,
                      .tokenizer_digest = tokenizer_digest(builder->tokenizer),
                      .vocab_size = tokenizer_vocab_size(builder->tokenizer),
                      .folder = builder->fill_folder.bytes },
        .pool = builder->pool,
        .team = builder->team,
        .progress = builder->team->rank == 0 ? show_shards : NULL,
    };
}

static enum status write_shards(struct corpus_builder *builder)
{
    char digest[SHA256_HEX], name[64];
    digest_inputs(builder, digest);
    snprintf(name, sizeof name, "fill-%.16s", digest);
    TRY(team_agree(builder->team,
                   create_folder(&builder->fill_folder, builder->partial.bytes, name)));
    const struct shard_filler_plan plan = filler_plan(builder);
    TRY(shards_fill(&plan));
    if (!builder->plan->keep_rejected)
        return STATUS_OK;
    return rejected_files_write(&builder->layout, builder->plan->inputs, builder->tokenizer,
                                builder->fill_folder.bytes, builder->team);
}

static enum status commit(struct corpus_builder *builder, struct corpus_manifest *manifest)
{
    const struct shard_filler_plan filler = filler_plan(builder);
    TRY(team_agree(builder->team, corpus_manifest_fill(manifest, builder->plan, builder->inputs,
                                                       &filler.assembly)));
    enum status status = STATUS_OK;
    if (builder->team->rank == 0) /* once nobody reads the folders any more */
        status = corpus_commit(manifest, builder->tokenizer, builder->fill_folder.bytes,
                               &builder->staging, WORK_FOLDER);
    return team_agree(builder->team, status);
}

/* ---- end ---- */

static bool any_lots(const char *folder)
{
    struct name_list inputs, lots;
    bool any = false;
    if (!folder_exists(folder) || folder_list(folder, &inputs) != STATUS_OK)
        return false;
    for (int64_t i = 0; i < inputs.count && !any; i++) {
        char *path = path_join(folder, inputs.names[i]);
        if (folder_list(path, &lots) == STATUS_OK) {
            any = lots.count > 0;
            name_list_release(&lots);
        }
        memory_free(path);
    }
    name_list_release(&inputs);
    return any;
}

/* What a later build can go on from is left for it. The message is that of the build. */
static void leave_staging(struct corpus_builder *builder, enum status status)
{
    char message[STATUS_MESSAGE_BYTES];
    snprintf(message, sizeof message, "%s", status_message());
    const bool is_empty = builder->lots.count > 0 && builder->lots.documents == 0;
    if (builder->staging.descriptor < 0 || (!is_empty && any_lots(builder->lots_folder.bytes)))
        staging_folder_leave(&builder->staging);
    else
        staging_folder_release(&builder->staging);
    if (status != STATUS_OK)
        status_set(status, message);
}

static void release_builder(struct corpus_builder *builder)
{
    duplicates_release(&builder->duplicates);
    shard_layout_release(&builder->layout);
    lot_list_release(&builder->lots);
    thread_pool_free(builder->pool);
    tokenizer_free(builder->tokenizer);
    for (int64_t i = 0; builder->paths && i < builder->plan->input_count; i++)
        memory_free(builder->paths[i]);
    memory_free(builder->paths);
    memory_free(builder->inputs);
    strbuf_release(&builder->partial);
    strbuf_release(&builder->lots_folder);
    strbuf_release(&builder->fill_folder);
    strbuf_release(&builder->spool_folder);
}

static enum status build(struct corpus_builder *builder, struct corpus_manifest *out)
{
    TRY(prepare(builder));
    TRY(make_lots(builder));
    TRY(lay_out(builder));
    TRY(write_shards(builder));
    return commit(builder, out);
}

enum status corpus_build(const struct corpus_plan *plan, const struct build_team *team,
                         struct corpus_manifest *out)
{
    static const struct build_team alone = { .size = 1 };
    struct corpus_builder builder = {
        .plan = plan,
        .team = team ? team : &alone,
        .pool = thread_pool_create(plan->threads),
        .staging = { .descriptor = -1 },
        .partial = STRBUF_INIT,
        .lots_folder = STRBUF_INIT,
        .fill_folder = STRBUF_INIT,
        .spool_folder = STRBUF_INIT,
    };
    *out = (struct corpus_manifest){ 0 };
    enum status status = build(&builder, out);
    log_progress_end();
    if (status != STATUS_OK)
        corpus_manifest_release(out);
    leave_staging(&builder, status);
    release_builder(&builder);
    return status;
}
