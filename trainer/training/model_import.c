#include "trainer/training/model_import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "checkpoints/checkpoint.h"
#include "checkpoints/checkpoint_catalogue.h"
#include "trainer/model/huggingface_config.h"
#include "trainer/model/huggingface_tensors.h"
#include "trainer/training/import_tokenizer.h"
#include "trainer/training/model_loading.h"
#include "trainer/training/run_lock.h"

#define IMPORTED_FROM "imported_from"

enum { FILE_NAME_BYTES = 64 };

/* One tensor on its way. */
struct passage {
    const struct weight_tensor *source;
    const struct tensor *target;
};

struct import {
    const char *folder;
    struct model_config config;
    struct document_tokens documents;
    struct tensor_table table;
    struct weight_files files;
    struct huggingface_tensors tensors;
    struct passage *passages; /* [table.tensor_count], as they lie in the files */
    int64_t file_count;       /* of those that hold any of them */
    struct imported_tokenizer tokenizer;
};

static int compare_passages(const void *a, const void *b)
{
    const struct weight_tensor *first = ((const struct passage *)a)->source;
    const struct weight_tensor *second = ((const struct passage *)b)->source;
    if (first->file != second->file)
        return first->file < second->file ? -1 : 1;
    return (first->stored->begin > second->stored->begin) -
           (first->stored->begin < second->stored->begin);
}

static void plan_passages(struct import *import)
{
    const int64_t count = import->table.tensor_count;
    import->passages = memory_alloc_zeroed((size_t)count, sizeof *import->passages);
    for (int64_t i = 0; i < count; i++)
        import->passages[i] =
            (struct passage){ import->tensors.sources[i], &import->table.tensors[i] };
    qsort(import->passages, (size_t)count, sizeof *import->passages, compare_passages);
    for (int64_t i = 0; i < count; i++)
        import->file_count +=
            i == 0 || import->passages[i].source->file != import->passages[i - 1].source->file;
}

/* All that can be wrong with the folder is found here. */
static enum status open_folder(struct import *import)
{
    TRY(model_read_config(import->folder, &import->config, &import->documents));
    tensor_table_init(&import->table, &import->config);
    TRY(weight_files_open(import->folder, &import->files));
    TRY(huggingface_tensors_match(&import->files, &import->config, &import->table,
                                  &import->tensors));
    TRY(huggingface_tensors_check_head(&import->tensors, &import->files));
    plan_passages(import);
    return import_tokenizer(import->folder, &import->config, &import->documents,
                            &import->tokenizer);
}

static void import_release(struct import *import)
{
    imported_tokenizer_release(&import->tokenizer);
    memory_free(import->passages);
    huggingface_tensors_release(&import->tensors);
    weight_files_release(&import->files);
    tensor_table_release(&import->table);
}

static void print_file_name(const struct import *import, int64_t file, char name[FILE_NAME_BYTES])
{
    if (import->file_count == 1)
        snprintf(name, FILE_NAME_BYTES, "model.safetensors");
    else
        snprintf(name, FILE_NAME_BYTES, "model-%05lld-of-%05lld.safetensors", (long long)file + 1,
                 (long long)import->file_count);
}

/* The passages of one file. */
struct stretch {
    struct weight_files *files;
    const struct passage *passages;
    int64_t count;
};

static struct stretch stretch_from(struct import *import, int64_t first)
{
    struct stretch stretch = { &import->files, &import->passages[first], 1 };
    while (first + stretch.count < import->table.tensor_count &&
           stretch.passages[stretch.count].source->file == stretch.passages[0].source->file)
        stretch.count++;
    return stretch;
}

static enum status fill_part(void *context, int64_t part, int64_t begin, int64_t end, float *out)
{
    const struct stretch *stretch = context;
    return weight_files_read(stretch->files, stretch->passages[part].source, begin, end, out);
}

static void write_file(struct stretch *stretch, const char *name, struct checkpoint_writer *writer)
{
    struct tensor_part *parts = memory_alloc_zeroed((size_t)stretch->count, sizeof *parts);
    struct slice *ranges = memory_alloc_zeroed((size_t)stretch->count, sizeof *ranges);
    for (int64_t i = 0; i < stretch->count; i++) {
        const struct tensor *tensor = stretch->passages[i].target;
        ranges[i].end = tensor->count;
        parts[i] = (struct tensor_part){
            .name = tensor->name,
            .rows = tensor->rows,
            .cols = tensor->cols,
            .ranges = &ranges[i],
            .range_count = 1,
        };
    }
    checkpoint_writer_add_filled(writer, name, parts, stretch->count, fill_part, stretch);
    memory_free(parts);
    memory_free(ranges);
}

static void add_json(struct checkpoint_writer *writer, const char *name, struct json *json)
{
    struct strbuf text = STRBUF_INIT;
    json_print(json, JSON_INDENTED, &text);
    strbuf_add_char(&text, '\n');
    checkpoint_writer_add_text(writer, name, text.bytes, text.length);
    strbuf_release(&text);
    json_free(json);
}

static void write_weights(struct import *import, struct checkpoint_writer *writer)
{
    struct json *map = json_new_object();
    char name[FILE_NAME_BYTES];
    for (int64_t at = 0, file = 0; at < import->table.tensor_count; file++) {
        struct stretch stretch = stretch_from(import, at);
        print_file_name(import, file, name);
        write_file(&stretch, name, writer);
        for (int64_t i = 0; i < stretch.count; i++)
            json_put_text(map, stretch.passages[i].target->name, name);
        at += stretch.count;
    }
    if (import->file_count == 1) {
        json_free(map);
        return;
    }
    struct json *index = json_new_object(), *metadata = json_new_object();
    json_put_integer(metadata, "total_size", import->table.element_count * (int64_t)sizeof(float));
    json_put(index, "metadata", metadata);
    json_put(index, "weight_map", map);
    add_json(writer, "model.safetensors.index.json", index);
}

static void write_descriptions(const struct import *import, struct checkpoint_writer *writer)
{
    const struct imported_tokenizer *tokenizer = &import->tokenizer;
    if (tokenizer->why_none.length == 0) {
        checkpoint_writer_add_text(writer, "tokenizer.json", tokenizer->json.bytes,
                                   tokenizer->json.length);
        checkpoint_writer_add_text(writer, "tokenizer_config.json", tokenizer->settings.bytes,
                                   tokenizer->settings.length);
    }
    struct json *config = huggingface_config_print(&import->config, 0);
    document_tokens_put(&import->documents, config);
    add_json(writer, "config.json", config);

    struct json *state = json_new_object(), *digested = json_new_object();
    json_put_integer(digested, "step", 0);
    json_put(state, "digested", digested);
    json_put_text(state, IMPORTED_FROM, import->folder);
    add_json(writer, CHECKPOINT_STATE_NAME, state);
}

static enum status write_checkpoint(struct import *import, const char *run)
{
    struct world alone;
    struct checkpoint_writer *writer;
    const struct checkpoint_way way = { .queue = NULL };
    world_alone(&alone);
    TRY(checkpoint_writer_begin(&alone, &way, run, 0, &writer));
    write_weights(import, writer);
    write_descriptions(import, writer);
    return checkpoint_writer_commit(writer);
}

static enum status require_no_checkpoints(const char *run)
{
    struct checkpoint_catalogue catalogue;
    char *config = path_join(run, "config.ini");
    enum status status = checkpoint_catalogue_read(run, &catalogue);
    if (status == STATUS_OK) {
        if (catalogue.count > 0 || file_exists(config))
            status = bad_input("cannot import into '%s': it is a run's folder already; choose "
                               "another --out",
                               run);
        checkpoint_catalogue_release(&catalogue);
    }
    memory_free(config);
    return status;
}

/* Whatever was made is removed again; what the folder held before stays. */
static void undo(const char *run, bool was_there, enum status status)
{
    char message[STATUS_MESSAGE_BYTES];
    snprintf(message, sizeof message, "%s", status_message());
    char *parent = checkpoint_folder_parent(run);
    if (was_there)
        rmdir(parent); /* as it is empty */
    else if (folder_remove(run) != STATUS_OK)
        log_warning("%s", status_message());
    memory_free(parent);
    status_set(status, message);
}

static enum status write_run(struct import *import, const char *run)
{
    int lock;
    const bool was_there = folder_exists(run);
    if (was_there)
        TRY(require_no_checkpoints(run));
    TRY(folder_create(run));
    TRY(run_lock_take(run, &lock));
    enum status status = write_checkpoint(import, run);
    if (status != STATUS_OK)
        undo(run, was_there, status);
    run_lock_release(lock);
    return status;
}

static void make_report(struct import *import, struct model_import_report *report)
{
    if (import->documents.left_out)
        log_warning("'%s/config.json' names a %s that is beyond its vocabulary of %lld: the "
                    "checkpoint has none in its place",
                    import->folder, import->documents.left_out,
                    (long long)import->config.vocab_size);
    *report = (struct model_import_report){
        .config = import->config,
        .parameters = import->table.element_count,
        .files = import->file_count,
        .no_tokenizer = import->tokenizer.why_none,
    };
    strbuf_init(&import->tokenizer.why_none); /* it is the report's now */
}

enum status model_import(const char *folder, const char *run, struct model_import_report *report)
{
    struct import import = {
        .folder = folder,
        .files = { .open_file = -1 },
        .tokenizer = { STRBUF_INIT, STRBUF_INIT, STRBUF_INIT },
    };
    enum status status = open_folder(&import);
    if (status == STATUS_OK)
        status = write_run(&import, run);
    if (status == STATUS_OK)
        make_report(&import, report);
    import_release(&import);
    return status;
}

void model_import_report_release(struct model_import_report *report)
{
    strbuf_release(&report->no_tokenizer);
}

bool model_is_imported(const struct json *state)
{
    return json_member(state, IMPORTED_FROM) != NULL;
}
