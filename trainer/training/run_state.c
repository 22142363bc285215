#include "trainer/training/run_state.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "trainer/model/huggingface_config.h"

#define STATE_VERSION 1
#define TOKENS_MAX    ((int64_t)1 << 62)

/* "group.3.exp_avg_sq.model.norm.weight" */
struct part_name {
    char text[sizeof((struct train_group *)0)->prefix + sizeof "momentum_buffer." +
              sizeof((struct tensor *)0)->name];
};

static void part_name_print(struct part_name *name, const char *prefix, const char *moment,
                            const struct tensor *tensor)
{
    snprintf(name->text, sizeof name->text, "%s%s%s%s", prefix, moment, moment[0] ? "." : "",
             tensor->name);
}

/* What goes into one file. */
struct part_list {
    struct tensor_part *parts;
    struct part_name *names;
    int64_t count;
};

static struct part_list part_list_of(int64_t most)
{
    return (struct part_list){
        .parts = memory_alloc_zeroed((size_t)most, sizeof(struct tensor_part)),
        .names = memory_alloc_zeroed((size_t)most, sizeof(struct part_name)),
    };
}

static void add_part(struct part_list *list, const char *prefix, const struct tensor_moment *moment,
                     const struct tensor *tensor)
{
    struct part_name *name = &list->names[list->count];
    part_name_print(name, prefix, moment->name, tensor);
    list->parts[list->count++] = (struct tensor_part){
        .name = name->text,
        .rows = tensor->rows,
        .cols = tensor->cols,
        .ranges = moment->ranges,
        .range_count = moment->range_count,
        .data = moment->values,
    };
}

static void write_list(struct part_list *list, struct checkpoint_writer *writer,
                       const char *file_name)
{
    if (list->count > 0)
        checkpoint_writer_add_tensors(writer, file_name, list->parts, list->count);
    memory_free(list->parts);
    memory_free(list->names);
}

static void write_parameters(const struct model *model, struct checkpoint_writer *writer,
                             const char *file_name, const char *prefix)
{
    const struct tensor_table *table = &model->table;
    struct part_list list = part_list_of(table->tensor_count);
    struct slice *ranges = memory_alloc_zeroed((size_t)table->tensor_count, sizeof *ranges);
    for (int64_t i = 0; i < table->tensor_count; i++) {
        const struct tensor *tensor = &table->tensors[i];
        ranges[i].end = tensor->count;
        const struct tensor_moment whole = { "", &ranges[i], 1,
                                             model->parameters + tensor->offset };
        add_part(&list, prefix, &whole, tensor);
    }
    write_list(&list, writer, file_name);
    memory_free(ranges);
}

/* Of each group its first rank writes the parameters. */
static void write_groups(const struct trainer *trainer, struct checkpoint_writer *writer)
{
    for (int i = 0; i < trainer->group_count && trainer->outer; i++) {
        const struct train_group *group = &trainer->groups[i];
        char file_name[64];
        snprintf(file_name, sizeof file_name, "group-%05lld-of-%05lld.safetensors",
                 (long long)group->number + 1, (long long)trainer->config->groups);
        if (group->world->rank == 0)
            write_parameters(group->model, writer, file_name, group->prefix);
    }
}

/* Of this rank's slices: for each group, and of the outer step. */
static void write_moments(const struct trainer *trainer, struct checkpoint_writer *writer)
{
    const struct tensor_table *table = &trainer->model.table;
    struct part_list list =
        part_list_of(table->tensor_count * MOMENTS_MOST * (trainer->group_count + 1));
    struct tensor_moment moments[MOMENTS_MOST];

    for (int group = 0; group < trainer->group_count; group++)
        for (int64_t i = 0; i < table->tensor_count; i++) {
            int found = optimizer_tensor_moments(&trainer->groups[group].optimizer, i, moments);
            for (int m = 0; m < found && train_group_saves_moments(&trainer->groups[group]); m++)
                add_part(&list, trainer->groups[group].prefix, &moments[m], &table->tensors[i]);
        }
    for (int64_t i = 0; i < table->tensor_count && trainer->outer; i++)
        if (outer_step_tensor_momentum(trainer->outer, i, moments))
            add_part(&list, OUTER_PREFIX, moments, &table->tensors[i]);

    char file_name[64];
    snprintf(file_name, sizeof file_name, "optimizer-%05d-of-%05d.safetensors",
             trainer->world->rank + 1, trainer->world->size);
    write_list(&list, writer, file_name);
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
    if (trainer->outer)
        json_put_integer(state, "groups", trainer->config->groups);
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
        write_parameters(&trainer->model, writer, "model.safetensors", "");
        write_descriptions(trainer, writer);
    }
    write_groups(trainer, writer);
    write_moments(trainer, writer);
    TRY(checkpoint_writer_commit(writer));

    const struct train_config *config = trainer->config;
    if (trainer->world->rank == 0 && checkpoint_prune(config->run, config->keep_last) != STATUS_OK)
        log_warning("old checkpoints of run '%s' stay: %s", config->run, status_message());
    return STATUS_OK;
}

static enum status read_part(struct checkpoint *checkpoint, const char *prefix,
                             const struct tensor_moment *moment, const struct tensor *tensor)
{
    struct part_name name;
    float *values = moment->values;
    part_name_print(&name, prefix, moment->name, tensor);
    for (int64_t i = 0; i < moment->range_count; i++) {
        const struct slice range = moment->ranges[i];
        TRY(checkpoint_read(checkpoint, name.text, tensor->rows, tensor->cols, range.begin,
                            range.end, values));
        values += range.end - range.begin;
    }
    return STATUS_OK;
}

/* By one rank of each node. */
static enum status read_parameters(const struct model *model, const struct world *world,
                                   struct checkpoint *checkpoint, const char *prefix)
{
    for (int64_t i = 0; i < model->table.tensor_count && world->node_rank == 0; i++) {
        const struct tensor *tensor = &model->table.tensors[i];
        struct slice range = { 0, tensor->count };
        const struct tensor_moment whole = { "", &range, 1, model->parameters + tensor->offset };
        TRY(read_part(checkpoint, prefix, &whole, tensor));
    }
    return STATUS_OK;
}

static enum status read_group(const struct train_group *group, struct checkpoint *checkpoint)
{
    const struct tensor_table *table = &group->model->table;
    struct tensor_moment moments[MOMENTS_MOST];
    TRY(read_parameters(group->model, group->world, checkpoint, group->prefix));
    for (int64_t i = 0; i < table->tensor_count; i++) {
        int found = optimizer_tensor_moments(&group->optimizer, i, moments);
        for (int m = 0; m < found; m++)
            TRY(read_part(checkpoint, group->prefix, &moments[m], &table->tensors[i]));
    }
    return STATUS_OK;
}

/* What the outer step has beside the groups. */
static enum status read_outer(const struct trainer *trainer, struct checkpoint *checkpoint)
{
    const struct tensor_table *table = &trainer->model.table;
    struct tensor_moment momentum;
    TRY(read_parameters(&trainer->model, trainer->world, checkpoint, ""));
    for (int64_t i = 0; i < table->tensor_count; i++)
        if (outer_step_tensor_momentum(trainer->outer, i, &momentum))
            TRY(read_part(checkpoint, OUTER_PREFIX, &momentum, &table->tensors[i]));
    return STATUS_OK;
}

static enum status read_tensors(struct trainer *trainer, struct checkpoint *checkpoint)
{
    if (trainer->outer)
        TRY(read_outer(trainer, checkpoint));
    for (int i = 0; i < trainer->group_count; i++)
        TRY(read_group(&trainer->groups[i], checkpoint));
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

/* Nor what groups have trained to another number of them. */
static enum status require_groups(const struct trainer *trainer, const struct json *state,
                                  const char *source)
{
    int64_t saved = 1, own = trainer->config->groups;
    if (json_member(state, "groups"))
        TRY(json_need_integer(state, "groups", 2, INT32_MAX, source, &saved));
    if (saved != own)
        return bad_input(
            "cannot resume from '%s': its number of groups is %lld and this run has %lld", source,
            (long long)saved, (long long)own);
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
    for (int i = 0; i < trainer->group_count; i++)
        trainer->groups[i].optimizer.updates = progress->step - progress->skipped;

    TRY(require_optimizer(trainer, state, source));
    TRY(require_groups(trainer, state, source));
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
    for (int i = 0; i < trainer->group_count; i++)
        node_vector_publish(trainer->groups[i].parameters);
    return world_agree(trainer->world, status);
}
