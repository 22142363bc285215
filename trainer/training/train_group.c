#include "trainer/training/train_group.h"

#include "trainer/training/trainer.h"

void train_group_open(struct train_group *group, struct trainer *trainer)
{
    const struct train_config *config = trainer->config;
    const struct optimizer_settings settings = train_config_optimizer(config);
    const struct tensor_table *table = &trainer->model.table;
    *group = (struct train_group){
        .world = trainer->world,
        .leaves = trainer->leaves,
        .parameters = trainer->parameters,
        .model = &trainer->model,
    };
    group->gradients = gradient_tree_create(group->world, trainer->kernels.pool, config->leaves,
                                            table->element_count);
    optimizer_init(&group->optimizer, &settings, group->world, table);
}

void train_group_close(struct train_group *group)
{
    optimizer_release(&group->optimizer);
    gradient_tree_free(group->gradients);
}
