#include "shards/building/corpus_commit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "shards/building/build_rules.h"
#include "shards/building/lot_builder.h"
#include "shards/building/rejected_files.h"

/* Each input: what it was, not where it lay, so that the same corpus comes out of any folder. */
static enum status list_inputs(struct corpus_manifest *manifest, const struct corpus_plan *plan,
                               const struct build_input *inputs, const struct shard_layout *layout)
{
    for (int64_t i = 0; i < plan->input_count; i++) {
        struct manifest_input listed = { .file_bytes = inputs[i].bytes };
        const char *slash = strrchr(plan->inputs[i], '/');
        listed.name = (char *)(slash ? slash + 1 : plan->inputs[i]); /* copied by the addition */
        TRY(input_digest_read(layout->lots->folder, &inputs[i], listed.sha256));
        corpus_manifest_add_input(manifest, &listed);
    }
    return STATUS_OK;
}

static void fill_report(struct corpus_report *report, const struct shard_layout *layout)
{
    report->read = layout->lots->read;
    for (int rule = 0; rule < build_rule_count(); rule++) {
        struct rule_count count = layout->lots->rejected[rule];
        if (rule == build_rule_exact_duplicate())
            count = layout->exact;
        else if (rule == build_rule_near_duplicate())
            count = layout->near;
        corpus_report_add(report, build_rule_name(rule), count);
    }
}

enum status corpus_manifest_fill(struct corpus_manifest *manifest, const struct corpus_plan *plan,
                                 const struct build_input *inputs,
                                 const struct shard_assembly *assembly)
{
    const struct shard_layout *layout = assembly->layout;
    corpus_manifest_init(manifest, assembly->tokenizer_digest, assembly->vocab_size);
    TRY(list_inputs(manifest, plan, inputs, layout));
    TRY(shards_list(assembly, manifest));
    fill_report(&manifest->report, layout);
    const struct corpus_rules rules = {
        .document_start =
            (char *)(plan->documents.text.document_start ? plan->documents.text.document_start
                                                         : ""),
        .document_bytes = plan->documents.text.document_bytes,
        .shard_tokens = plan->shard_tokens,
        .holdout = plan->holdout,
        .empty_documents = corpus_report_rejected(&manifest->report, "empty").documents,
    };
    corpus_manifest_set_rules(manifest, &rules);
    if (plan->options)
        TRY(json_parse(plan->options, strlen(plan->options), "options", &manifest->options));
    return STATUS_OK;
}

/* ---- the commit ---- */

static enum status move(const char *from_folder, const char *to_folder, const char *name)
{
    char *from = path_join(from_folder, name), *to = path_join(to_folder, name);
    enum status status = STATUS_OK;
    if (rename(from, to) != 0)
        status = failed("cannot rename '%s' to '%s': %s", from, to, strerror(errno));
    memory_free(from);
    memory_free(to);
    return status;
}

static enum status move_content(const struct corpus_manifest *manifest, const char *from,
                                const char *to)
{
    for (int64_t i = 0; i < manifest->shard_count; i++)
        TRY(move(from, to, manifest->shards[i].file));
    char *rejected = path_join(from, REJECTED_FOLDER);
    bool any = folder_exists(rejected);
    memory_free(rejected);
    return any ? move(from, to, REJECTED_FOLDER) : STATUS_OK;
}

enum status corpus_commit(const struct corpus_manifest *manifest, const struct tokenizer *tokenizer,
                          const char *fill_folder, struct staging_folder *staging, const char *work)
{
    TRY(move_content(manifest, fill_folder, staging->path));
    char *path = path_join(staging->path, CORPUS_TOKENIZER_NAME);
    enum status status = tokenizer_write(tokenizer, path);
    memory_free(path);
    TRY(status);
    TRY(corpus_manifest_write(manifest, staging->path));
    path = path_join(staging->path, work);
    status = folder_remove(path);
    memory_free(path);
    TRY(status);
    return staging_folder_commit(staging);
}
