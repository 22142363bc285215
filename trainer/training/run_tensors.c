#include "trainer/training/run_tensors.h"

#include <stdio.h>

#include "base/memory.h"
#include "comm/subworld.h"

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

/* `sharers` write the file together; NULL: it is this rank's alone. */
static void write_list(struct part_list *list, struct checkpoint_writer *writer,
                       const char *file_name, const struct world *sharers)
{
    if (list->count > 0 && sharers)
        checkpoint_writer_add_shared(writer, sharers, file_name, list->parts, list->count);
    else if (list->count > 0)
        checkpoint_writer_add_tensors(writer, file_name, list->parts, list->count);
    memory_free(list->parts);
    memory_free(list->names);
}

/* By all ranks that hold them together. */
static void write_parameters(const struct model *model, struct checkpoint_writer *writer,
                             const struct world *sharers, const char *file_name, const char *prefix)
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
    write_list(&list, writer, file_name, sharers);
    memory_free(ranges);
}

static void write_groups(const struct trainer *trainer, struct checkpoint_writer *writer)
{
    for (int i = 0; i < trainer->group_count && trainer->outer; i++) {
        const struct train_group *group = &trainer->groups[i];
        char file_name[64];
        snprintf(file_name, sizeof file_name, "group-%05lld-of-%05lld.safetensors",
                 (long long)group->number + 1, (long long)trainer->config->groups);
        write_parameters(group->model, writer, group->world, file_name, group->prefix);
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
    write_list(&list, writer, file_name, NULL);
}

void run_tensors_write(const struct trainer *trainer, struct checkpoint_writer *writer)
{
    write_parameters(&trainer->model, writer, trainer->world, "model.safetensors", "");
    write_groups(trainer, writer);
    write_moments(trainer, writer);
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

/* What the rank reads of a model: the ranks of a node share its parameters. */
static enum status read_share(const struct model *model, const struct world *node,
                              struct checkpoint *checkpoint, const char *prefix)
{
    const int64_t count = model->table.element_count;
    const int64_t begin = count * node->rank / node->size;
    const int64_t end = count * (node->rank + 1) / node->size;
    for (int64_t i = 0; i < model->table.tensor_count; i++) {
        const struct tensor *tensor = &model->table.tensors[i];
        struct slice range = { begin - tensor->offset, end - tensor->offset };
        range.begin = range.begin > 0 ? range.begin : 0;
        range.end = range.end < tensor->count ? range.end : tensor->count;
        if (range.begin >= range.end)
            continue;
        const struct tensor_moment share = { "", &range, 1,
                                             model->parameters + tensor->offset + range.begin };
        TRY(read_part(checkpoint, prefix, &share, tensor));
    }
    return STATUS_OK;
}

/* Collective. What went before went as `status` says: all ranks are here, even so. */
static enum status read_parameters(const struct model *model, const struct world *world,
                                   struct checkpoint *checkpoint, const char *prefix,
                                   enum status status)
{
    struct world node;
    subworld_node(world, &node);
    checkpoint_begin_checked(checkpoint);
    if (status == STATUS_OK)
        status = read_share(model, &node, checkpoint, prefix);
    status = checkpoint_end_checked(checkpoint, &node, status);
    subworld_leave(&node);
    return status;
}

static enum status read_moments(const struct train_group *group, struct checkpoint *checkpoint)
{
    const struct tensor_table *table = &group->model->table;
    struct tensor_moment moments[MOMENTS_MOST];
    for (int64_t i = 0; i < table->tensor_count; i++) {
        int found = optimizer_tensor_moments(&group->optimizer, i, moments);
        for (int m = 0; m < found; m++)
            TRY(read_part(checkpoint, group->prefix, &moments[m], &table->tensors[i]));
    }
    return STATUS_OK;
}

static enum status read_group(const struct train_group *group, struct checkpoint *checkpoint,
                              enum status status)
{
    status = read_parameters(group->model, group->world, checkpoint, group->prefix, status);
    checkpoint_begin_checked(checkpoint);
    if (status == STATUS_OK)
        status = read_moments(group, checkpoint);
    return checkpoint_end_checked(checkpoint, group->updaters, status);
}

static enum status read_outer_momentum(const struct trainer *trainer, struct checkpoint *checkpoint)
{
    const struct tensor_table *table = &trainer->model.table;
    struct tensor_moment momentum;
    for (int64_t i = 0; i < table->tensor_count; i++)
        if (outer_step_tensor_momentum(trainer->outer, i, &momentum))
            TRY(read_part(checkpoint, OUTER_PREFIX, &momentum, &table->tensors[i]));
    return STATUS_OK;
}

/* What the outer step has beside the groups. */
static enum status read_outer(const struct trainer *trainer, struct checkpoint *checkpoint)
{
    enum status status =
        read_parameters(&trainer->model, trainer->world, checkpoint, "", STATUS_OK);
    checkpoint_begin_checked(checkpoint);
    if (status == STATUS_OK)
        status = read_outer_momentum(trainer, checkpoint);
    return checkpoint_end_checked(checkpoint, trainer->world, status);
}

enum status run_tensors_read(const struct trainer *trainer, struct checkpoint *checkpoint)
{
    enum status status = trainer->outer ? read_outer(trainer, checkpoint) : STATUS_OK;
    for (int i = 0; i < trainer->group_count; i++)
        status = read_group(&trainer->groups[i], checkpoint, status);
    return world_agree(trainer->world, status);
}
