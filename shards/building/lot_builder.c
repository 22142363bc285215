#include "shards/building/lot_builder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "shards/format/file_digest.h"
#include "shards/building/lot_feed.h"
#include "shards/building/lot_maker.h"
#include "shards/format/shard_format.h"
#include "shards/building/worker_crew.h"

struct lot_builder {
    const struct lot_builder_plan *plan;
    struct lot_feed *feed;
    double begun, last_progress; /* s; the latter is thread 0's alone */
};

void lot_rejected_path(const char *folder, const struct build_input *input, int64_t lot,
                       struct strbuf *out)
{
    lot_path(folder, input, lot, out);
    strbuf_add_string(out, ".rejected");
}

/* ---- lots ---- */

static void show_progress(struct lot_builder *builder)
{
    const double interval_s = 0.5, now = clock_seconds();
    if (now - builder->last_progress < interval_s)
        return;
    builder->last_progress = now;
    const struct lot_feed_progress progress = lot_feed_look(builder->feed);
    const double elapsed = now - builder->begun;
    char left[64] = "?";
    if (progress.bytes_done > 0)
        clock_format_duration(elapsed * (double)(progress.bytes_total - progress.bytes_done) /
                                  (double)progress.bytes_done,
                              left, sizeof left);
    log_progress("documents: %.1f %%, %.1f MB/s of text a rank, %s left",
                 100 * (double)progress.bytes_done / (double)progress.bytes_total,
                 (double)progress.text_bytes / 1e6 / elapsed, left);
}

static enum status write_lot(const struct lot_builder_plan *plan,
                             const struct document_batch *batch, const struct lot *lot,
                             struct rejected_writer *rejected)
{
    struct strbuf path = STRBUF_INIT;
    enum status status = STATUS_OK;
    const struct build_input *input = &plan->inputs[batch->input];
    if (rejected) { /* first: a lot that is there has all that belongs to it */
        lot_rejected_path(plan->folder, input, batch->lot, &path);
        status = rejected_writer_put(rejected, path.bytes);
    }
    if (status == STATUS_OK) {
        lot_path(plan->folder, input, batch->lot, &path);
        status = lot_write(lot, path.bytes);
    }
    strbuf_release(&path);
    return status;
}

static enum status make_lots(struct lot_builder *builder, struct lot_maker *maker,
                             struct rejected_writer *rejected, struct document_batch *batch,
                             bool shows_progress)
{
    for (;;) {
        bool found;
        const struct lot *lot;
        TRY(lot_feed_next(builder->feed, batch, &found));
        if (!found)
            return STATUS_OK;
        TRY(lot_maker_make(maker, batch, rejected, &lot));
        TRY(write_lot(builder->plan, batch, lot, rejected));
        if (shows_progress)
            show_progress(builder);
    }
}

static enum status run_thread(void *context, int64_t item, int thread)
{
    struct lot_builder *builder = context;
    const struct corpus_plan *corpus = builder->plan->corpus;
    struct lot_maker *maker = lot_maker_create(&(struct lot_maker_plan){
        .tokenizer = builder->plan->tokenizer,
        .quality = corpus->quality,
        .holdout = corpus->holdout,
        .has_keys = corpus->deduplicate == DEDUPLICATE_NEAR,
    });
    struct rejected_writer *rejected = corpus->keep_rejected ? rejected_writer_create() : NULL;
    struct document_batch batch = { 0 };
    (void)item;
    enum status status =
        make_lots(builder, maker, rejected, &batch, thread == 0 && builder->plan->rank == 0);
    if (status != STATUS_OK)
        lot_feed_stop(builder->feed);
    document_batch_release(&batch);
    rejected_writer_free(rejected);
    lot_maker_free(maker);
    return status;
}

/* ---- the inputs' digests ---- */

static void digest_path(const char *folder, const struct build_input *input, struct strbuf *out)
{
    strbuf_reset(out);
    strbuf_addf(out, "%s/%.32s/sha256", folder, input->identity);
}

static enum status digest_input(void *context, int64_t item, int thread)
{
    struct lot_builder *builder = context;
    const struct lot_builder_plan *plan = builder->plan;
    const struct build_input *input = &plan->inputs[item * plan->ranks + plan->rank];
    struct strbuf path = STRBUF_INIT;
    char hex[SHA256_HEX];
    int64_t bytes;
    enum status status = STATUS_OK;
    (void)thread;
    digest_path(plan->folder, input, &path);
    if (!file_exists(path.bytes)) {
        char *resolved = realpath(input->path, NULL); /* links are followed: the user named them */
        status = file_digest(resolved ? resolved : input->path, hex, &bytes);
        free(resolved); /* of the C library: returned to it */
        if (status == STATUS_OK && bytes != input->bytes)
            status = failed("'%s' changed while it was read", input->path);
        if (status == STATUS_OK)
            status = file_replace(path.bytes, hex, SHA256_HEX - 1);
    }
    strbuf_release(&path);
    return status;
}

enum status input_digest_read(const char *folder, const struct build_input *input,
                              char hex[SHA256_HEX])
{
    struct strbuf path = STRBUF_INIT, text = STRBUF_INIT;
    digest_path(folder, input, &path);
    enum status status = file_read(path.bytes, SHA256_HEX, &text);
    if (status == STATUS_OK && text.length != SHA256_HEX - 1)
        status = failed("cannot use '%s': it is not what was written", path.bytes);
    if (status == STATUS_OK)
        memcpy(hex, text.bytes, SHA256_HEX);
    strbuf_release(&path);
    strbuf_release(&text);
    return status;
}

/* ---- the stage ---- */

static enum status create_folders(const struct lot_builder_plan *plan)
{
    struct strbuf path = STRBUF_INIT;
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < plan->corpus->input_count && status == STATUS_OK; i++) {
        strbuf_reset(&path);
        strbuf_addf(&path, "%s/%.32s", plan->folder, plan->inputs[i].identity);
        if (mkdir(path.bytes, 0777) != 0 && errno != EEXIST)
            status = failed("cannot create folder '%s': %s", path.bytes, strerror(errno));
    }
    strbuf_release(&path);
    return status;
}

enum status lots_build(const struct lot_builder_plan *plan)
{
    const struct corpus_plan *corpus = plan->corpus;
    TRY(create_folders(plan));
    struct lot_builder builder = { .plan = plan, .begun = clock_seconds() };
    builder.feed = lot_feed_create(&(struct lot_feed_plan){
        .inputs = plan->inputs,
        .input_count = corpus->input_count,
        .rank = plan->rank,
        .ranks = plan->ranks,
        .rules = &corpus->documents,
        .lot_bytes = corpus->lot_bytes,
        .folder = plan->folder,
        .token_bytes = shard_token_bytes(tokenizer_vocab_size(plan->tokenizer)),
        .has_keys = corpus->deduplicate == DEDUPLICATE_NEAR,
    });
    enum status status = crew_run(plan->pool, thread_pool_size(plan->pool), run_thread, &builder);
    const int64_t kept = lot_feed_look(builder.feed).lots_kept;
    lot_feed_free(builder.feed);
    TRY(status);
    if (kept > 0)
        log_info("note: goes on from an earlier build, with %lld lots of this rank",
                 (long long)kept);
    const int64_t digests = (corpus->input_count - plan->rank + plan->ranks - 1) / plan->ranks;
    return crew_run(plan->pool, digests > 0 ? digests : 0, digest_input, &builder);
}
