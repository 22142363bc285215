#include "trainer/training/run_state.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "trainer/model/huggingface_config.h"

#define STATE_VERSION 1
#define TOKENS_MAX    ((int64_t)1 << 62)

struct moment_name {
    char text[sizeof "momentum_buffer." + sizeof((struct tensor *)0)->name];
};

static void moment_name_print(struct moment_name *name, const struct tensor_moment *moment,
                              const struct tensor *tensor)
{
    snprintf(name->text, sizeof name->text, "%s.%s", moment->name, tensor->name);
}

static void write_model(const struct trainer *trainer, struct checkpoint_writer *writer)
{
    const struct tensor_table *table = &trainer->model.table;
    struct tensor_part *parts = memory_alloc_zeroed((size_t)table->tensor_count, sizeof *parts);
    for (int64_t i = 0; i < table->tensor_count; i++) {
        const struct tensor *tensor = &table->tensors[i];
        parts[i] = (struct tensor_part){
            .name = tensor->name,
            .rows = tensor->rows,
            .cols = tensor->cols,
            .begin = 0,
            .end = tensor->count,
            .data = trainer->model.parameters + tensor->offset,
        };
    }
    checkpoint_writer_add_tensors(writer, "model.safetensors", parts, table->tensor_count);
    memory_free(parts);
}

static void write_moments(const struct trainer *trainer, struct checkpoint_writer *writer)
{
    const struct tensor_table *table = &trainer->model.table;
    size_t most = (size_t)table->tensor_count * MOMENTS_MOST;
    struct tensor_part *parts = memory_alloc_zeroed(most, sizeof *parts);
    struct moment_name *names = memory_alloc_zeroed(most, sizeof *names);
    int64_t count = 0;

    for (int64_t i = 0; i < table->tensor_count; i++) {
        const struct tensor *tensor = &table->tensors[i];
        struct tensor_moment moments[MOMENTS_MOST];
        int found = optimizer_tensor_moments(&trainer->groups[0].optimizer, i, moments);
        for (const struct tensor_moment *moment = moments; moment < moments + found; moment++) {
            moment_name_print(&names[count], moment, tensor);
            parts[count] = (struct tensor_part){
                .name = names[count].text,
                .rows = tensor->rows,
                .cols = tensor->cols,
                .begin = moment->part.begin,
                .end = moment->part.end,
                .data = moment->values,
            };
            count++;
        }
    }
    char file_name[64];
    snprintf(file_name, sizeof file_name, "optimizer-%05d-of-%05d.safetensors",
             trainer->world->rank + 1, trainer->world->size);
    if (count > 0)
        checkpoint_writer_add_tensors(writer, file_name, parts, count);
    memory_free(parts);
    memory_free(names);
}

static void write_json(struct checkpoint_writer *writer, const char *name, struct json *json)
{
    struct strbuf text = STRBUF_INIT;
    json_print(json, JSON_INDENTED, &text);
    strbuf_add_char(&text, '\n');
    checkpoint_writer_add_text(writer, name, text.bytes, text.length);
    strbuf_release(&text);
    json_free(json);
}

static struct json *state_to_json(const struct trainer *trainer)
{
    const struct train_progress *progress = &trainer->progress;
    struct json *digested = json_new_object();
    json_put_integer(digested, "step", progress->step);
    json_put_integer(digested, "tokens", progress->tokens);
    json_put_integer(digested, "skipped", progress->skipped);
    json_put_integer(digested, "skipped_in_a_row", progress->skipped_in_a_row);

    struct json *state = json_new_object();
    json_put_integer(state, "format_version", STATE_VERSION);
    json_put(state, "digested", digested);
    json_put_number(state, "loss", progress->loss);
    json_put_text(state, "optimizer", optimizer_names[trainer->groups[0].optimizer.settings.kind]);
    json_put_text(state, "kernels", trainer->kernels.name);
    json_put_text(state, "corpus_digest", corpus_digest(trainer->corpus));
    json_put(state, "ledger", compute_ledger_to_json(&trainer->ledger));
    return state;
}

static struct json *tokenizer_config(void)
{
    struct json *json = json_new_object();
    json_put_text(json, "tokenizer_class", "PreTrainedTokenizerFast");
    json_put_text(json, "bos_token", "<|endoftext|>");
    json_put_text(json, "eos_token", "<|endoftext|>");
    return json;
}

static void write_descriptions(const struct trainer *trainer, struct checkpoint_writer *writer)
{
    struct strbuf tokenizer = STRBUF_INIT;
    tokenizer_print(trainer->tokenizer, &tokenizer);
    checkpoint_writer_add_text(writer, "tokenizer.json", tokenizer.bytes, tokenizer.length);
    strbuf_release(&tokenizer);

    int32_t end_of_text = tokenizer_end_of_text(trainer->tokenizer);
    write_json(writer, "tokenizer_config.json", tokenizer_config());
    write_json(writer, "config.json",
               huggingface_config_print(&trainer->model.config, end_of_text));
    write_json(writer, "state.json", state_to_json(trainer));
}

enum status run_state_save(const struct trainer *trainer)
{
    struct checkpoint_writer *writer;
    TRY(checkpoint_writer_begin(trainer->world, trainer->config->run, trainer->progress.step,
                                &writer));
    if (trainer->world->rank == 0) {
        write_model(trainer, writer);
        write_descriptions(trainer, writer);
    }
    write_moments(trainer, writer);
    TRY(checkpoint_writer_commit(writer));

    const struct train_config *config = trainer->config;
    if (trainer->world->rank == 0 && checkpoint_prune(config->run, config->keep_last) != STATUS_OK)
        log_warning("old checkpoints of run '%s' stay: %s", config->run, status_message());
    return STATUS_OK;
}

static enum status read_tensors(struct trainer *trainer, struct checkpoint *checkpoint)
{
    const struct tensor_table *table = &trainer->model.table;

    for (int64_t i = 0; i < table->tensor_count; i++) {
        const struct tensor *tensor = &table->tensors[i];
        if (trainer->world->node_rank == 0)
            TRY(checkpoint_read(checkpoint, tensor->name, tensor->rows, tensor->cols, 0,
                                tensor->count, trainer->model.parameters + tensor->offset));
        struct tensor_moment moments[MOMENTS_MOST];
        int found = optimizer_tensor_moments(&trainer->groups[0].optimizer, i, moments);
        for (const struct tensor_moment *moment = moments; moment < moments + found; moment++) {
            struct moment_name name;
            moment_name_print(&name, moment, tensor);
            TRY(checkpoint_read(checkpoint, name.text, tensor->rows, tensor->cols,
                                moment->part.begin, moment->part.end, moment->values));
        }
    }
    return STATUS_OK;
}

static enum status require_text(const struct trainer *trainer, const struct json *state,
                                const char *key, const char *expected, const char *source)
{
    const char *text;
    TRY(json_need_text(state, key, source, &text));
    if (strcmp(text, expected) == 0)
        return STATUS_OK;
    if (!trainer->config->accept_changes)
        return bad_input("cannot resume from '%s': its %s is %s and this run's is %s; give the "
                         "same, or --accept_changes",
                         source, key, text, expected);
    log_info("resuming with another %s: %s, was %s", key, expected, text);
    return STATUS_OK;
}

/* The moments of one optimizer mean nothing to another: no setting makes up for that. */
static enum status require_optimizer(const struct trainer *trainer, const struct json *state,
                                     const char *source)
{
    const char *saved, *own = optimizer_names[trainer->groups[0].optimizer.settings.kind];
    TRY(json_need_text(state, "optimizer", source, &saved));
    if (strcmp(saved, own) != 0)
        return bad_input("cannot resume from '%s': its optimizer is %s and this run's is %s",
                         source, saved, own);
    return STATUS_OK;
}

static enum status read_state(struct trainer *trainer, struct checkpoint *checkpoint)
{
    const char *source = checkpoint_folder(checkpoint);
    const struct json *state = checkpoint_state(checkpoint), *digested, *ledger;
    struct train_progress *progress = &trainer->progress;
    int64_t version, saved_at = checkpoint_step(checkpoint);

    TRY(json_need_integer(state, "format_version", STATE_VERSION, STATE_VERSION, source, &version));
    TRY(json_need_kind(state, "digested", JSON_KIND_OBJECT, source, &digested));
    TRY(json_need_integer(digested, "step", saved_at, saved_at, source, &progress->step));
    TRY(json_need_integer(digested, "tokens", 0, TOKENS_MAX, source, &progress->tokens));
    TRY(json_need_integer(digested, "skipped", 0, progress->step, source, &progress->skipped));
    TRY(json_need_integer(digested, "skipped_in_a_row", 0, progress->skipped, source,
                          &progress->skipped_in_a_row));
    trainer->groups[0].optimizer.updates = progress->step - progress->skipped;

    TRY(require_optimizer(trainer, state, source));
    TRY(require_text(trainer, state, "kernels", trainer->kernels.name, source));
    if (json_member(state, "blas_core"))
        log_warning("'%s' was trained with OpenBLAS's products: from here on the bits are those of "
                    "eon's own",
                    source);
    TRY(require_text(trainer, state, "corpus_digest", corpus_digest(trainer->corpus), source));
    TRY(json_need_kind(state, "ledger", JSON_KIND_OBJECT, source, &ledger));
    return compute_ledger_from_json(ledger, source, &trainer->ledger);
}

enum status run_state_load(struct trainer *trainer, struct checkpoint *checkpoint)
{
    enum status status = read_state(trainer, checkpoint);
    if (status == STATUS_OK)
        status = read_tensors(trainer, checkpoint);
    node_vector_publish(trainer->parameters);
    return world_agree(trainer->world, status);
}
