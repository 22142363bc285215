#include "trainer/training/trainer.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "comm/groups.h"
#include "comm/node_memory.h"
#include "comm/rank_pairs.h"
#include "comm/self_test.h"
#include "comm/subworld.h"
#include "shards/format/shard_verifier.h"
#include "trainer/kernels/ceiling.h"
#include "trainer/training/run_lock.h"
#include "trainer/training/run_saver.h"
#include "trainer/training/train_leaf.h"

enum { LEAVES_AHEAD = 4 /* read before they are asked for */, PEAK_TRIES = 10 };

int trainer_threads(const struct world *world, int64_t asked)
{
    if (asked > 0)
        return (int)asked;
    int cores = (int)sysconf(_SC_NPROCESSORS_ONLN), share = cores / world->node_size;
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) < share)
        share = CPU_COUNT(&allowed);
    return share > 1 ? share : 1;
}

/* That of the first corpus: the others' is the same. */
static enum status read_tokenizer(struct trainer *trainer)
{
    const struct mixture_part *part = &trainer->mixture->parts[0];
    return corpus_tokenizer_read(part->folder, corpus_list(part->corpus), &trainer->tokenizer);
}

static enum status open_data(struct trainer *trainer)
{
    const struct train_config *config = trainer->config;
    TRY(corpus_mixture_open(config->corpus, SPLIT_TRAIN, config->seq_len, &trainer->mixture));
    corpus_mixture_set_threads(trainer->mixture, (int)config->data_threads);
    TRY(read_tokenizer(trainer));
    TRY(corpus_mixture_need_samples(trainer->mixture));
    const struct validation_plan held_out = {
        .batch_sequences = config->micro_batch,
        .seq_len = config->seq_len,
        .sequences = config->validate_sequences,
        .document_mask = config->document_mask,
    };
    TRY(validation_open(&trainer->validation, trainer->world, trainer->mixture, trainer->tokenizer,
                        &held_out));
    if (trainer->validation.batches == 0)
        log_info("corpus '%s' holds out less than one sequence: no validation", config->corpus);
    return STATUS_OK;
}

/* What the ranks of a node share. */
static enum status allocate_vectors(struct trainer *trainer)
{
    const struct world *world = trainer->world;
    const int64_t count = trainer->model.table.element_count;
    size_t bytes = node_vector_bytes(count, world->node_rank, world->node_size);
    for (int i = 0; i < trainer->group_count; i++)
        bytes += train_group_shared_bytes(&trainer->groups[i], trainer);
    if (trainer->config->groups > 1)
        bytes += outer_step_change_bytes(trainer->config, count, world->rank, world->size);
    TRY(node_memory_check(world, bytes));
    trainer->parameters = node_vector_create(world, count);
    trainer->model.parameters = node_vector_values(trainer->parameters);
    return STATUS_OK;
}

static void join_groups(struct trainer *trainer)
{
    const struct world *world = trainer->world;
    const struct leaf_range own = groups_of_rank(trainer->config->groups, world->rank, world->size);
    trainer->group_count = (int)(own.end - own.first);
    trainer->groups = memory_alloc_zeroed((size_t)trainer->group_count, sizeof *trainer->groups);
    for (int i = 0; i < trainer->group_count; i++)
        train_group_join(&trainer->groups[i], trainer, own.first + i);
    const struct leaf_range leaves = trainer->leaves;
    trainer->leaf_values = memory_alloc_zeroed((size_t)(leaves.end - leaves.first),
                                               LEAF_VALUES * sizeof *trainer->leaf_values);
    trainer->leaf_ends = memory_alloc_zeroed((size_t)world->size, sizeof *trainer->leaf_ends);
    for (int rank = 0; rank < world->size; rank++)
        trainer->leaf_ends[rank] = train_group_all_leaves(trainer->config, rank, world->size).end;
}

static void open_groups(struct trainer *trainer)
{
    for (int i = 0; i < trainer->group_count; i++)
        train_group_open(&trainer->groups[i], trainer);
    if (trainer->config->groups == 1)
        return;
    trainer->outer = memory_alloc_zeroed(1, sizeof *trainer->outer);
    outer_step_open(trainer->outer, trainer);
}

static void open_checks(struct trainer *trainer)
{
    trainer->check_count = trainer->group_count + (trainer->outer ? 1 : 0);
    trainer->checks = memory_alloc_zeroed((size_t)trainer->check_count, sizeof *trainer->checks);
    for (int i = 0; i < trainer->group_count; i++)
        replica_check_init(&trainer->checks[i], trainer->groups[i].world, trainer->groups[i].model);
    if (trainer->outer)
        replica_check_init(&trainer->checks[trainer->group_count], trainer->world, &trainer->model);
    leaf_check_init(&trainer->leaf_check, trainer->world, trainer->config, &trainer->model.table);
}

/* Groups are for networks that cannot bear trials, and seldom use them. */
static void tune_messages(struct trainer *trainer)
{
    const struct train_config *config = trainer->config;
    if (config->groups == 1)
        trainer->tuning =
            exchange_tune(trainer->world, trainer->kernels.pool, trainer->model.table.element_count,
                          (enum wire)config->wire);
}

static enum status build_model(struct trainer *trainer)
{
    const struct train_config *config = trainer->config;
    struct model_config shape =
        train_config_model(config, corpus_mixture_vocab_size(trainer->mixture));
    TRY(model_config_check(&shape));

    model_init_shape(&trainer->model, &shape);
    join_groups(trainer);
    TRY(allocate_vectors(trainer));
    if (trainer->world->node_rank == 0)
        model_set_initial_weights(&trainer->model, &trainer->kernels, (uint64_t)config->seed);
    node_vector_publish(trainer->parameters);
    struct activations_plan plan = train_config_activations(
        config, trainer->leaves.end - trainer->leaves.first, trainer->groups[0].world->node_size);
    trainer->activations = activations_create(&shape, &plan);
    tune_messages(trainer);
    open_groups(trainer);
    open_checks(trainer);
    return STATUS_OK;
}

/* Ranks must mean the same by their settings, kernels and data: a mixture would go on for a
 * month and be worth nothing. */
static enum status require_same_setting(const struct trainer *trainer)
{
    const struct world *world = trainer->world;
    struct strbuf settings = STRBUF_INIT;
    options_print_ini(train_options, trainer->config, &settings);
    enum status status =
        world_require_same(world, settings.bytes, settings.length, "the run's settings");
    strbuf_release(&settings);
    TRY(status);
    const char *kernels = trainer->kernels.name;
    TRY(world_require_same(world, kernels, strlen(kernels), "the kernel set"));
    const char *digest = trainer->mixture->digest;
    return world_require_same(world, digest, strlen(digest), "the corpus");
}

/* FLOP/s of this rank's threads on registers alone: the best of some milliseconds each. */
static double measure_peak(struct kernels *kernels)
{
    double best = 0;
    for (int i = 0; i < PEAK_TRIES; i++) {
        double measured = ceiling_flops_per_second(kernels, kernels->element);
        best = measured > best ? measured : best;
    }
    return best;
}

enum status trainer_open_inputs(struct trainer *trainer, const struct world *world,
                                const struct train_config *config)
{
    *trainer = (struct trainer){ .world = world,
                                 .machine = world,
                                 .config = config,
                                 .run_lock = RUN_LOCK_NONE,
                                 .validated_step = -1 };
    trainer->schedule = train_config_schedule(config);
    trainer->leaves = train_group_all_leaves(config, world->rank, world->size);
    TRY(kernels_open(&trainer->kernels, config->kernels, trainer_threads(world, config->threads)));
    kernels_set_element(&trainer->kernels, train_config_element(config));
    return open_data(trainer);
}

enum status trainer_open(struct trainer *trainer, const struct world *world,
                         const struct train_config *config)
{
    TRY(world_agree(world, trainer_open_inputs(trainer, world, config)));
    if (!config->share_memory) {
        subworld_apart(world, &trainer->apart);
        trainer->world = &trainer->apart;
    }
    TRY(require_same_setting(trainer));
    TRY(world_agree(world, build_model(trainer)));
    TRY(world_self_test(trainer->world, trainer->kernels.pool));

    double peak = measure_peak(&trainer->kernels);
    compute_ledger_init(&trainer->ledger, world->size, peak);
    trainer->peak_flops = peak * world->size;
    if (world->size > config->leaves)
        log_info("%lld of %d ranks have no leaf to compute: leaves = %lld",
                 (long long)(world->size - config->leaves), world->size, (long long)config->leaves);
    return STATUS_OK;
}

struct batch_stream_plan trainer_reading(const struct train_config *config,
                                         struct leaf_range leaves)
{
    return (struct batch_stream_plan){
        .seed = (uint64_t)config->seed,
        .leaves = config->leaves,
        .leaf_sequences = config->leaf_sequences,
        .seq_len = config->seq_len,
        .first_leaf = leaves.first,
        .end_leaf = leaves.end,
        .ahead = LEAVES_AHEAD,
        .document_starts = config->document_mask,
    };
}

/* Copies are made by the first rank of a node, for all leaves of its ranks. */
static void start_staging(struct trainer *trainer)
{
    const struct train_config *config = trainer->config;
    const struct world *world = trainer->world;
    corpus_mixture_prefer_staged(trainer->mixture, config->shard_cache_dir);
    if (world->node_rank != 0)
        return;
    int *nodes = memory_alloc_zeroed((size_t)world->size, sizeof *nodes);
    bool *is_here = memory_alloc_zeroed((size_t)config->leaves, sizeof *is_here);
    rank_nodes(world, nodes);
    for (int64_t leaf = 0, rank = 0; leaf < config->leaves; leaf++) {
        while (trainer->leaf_ends[rank] <= leaf)
            rank++;
        is_here[leaf] = nodes[rank] == nodes[world->rank];
    }
    const struct stager_plan plan = {
        .folder = config->shard_cache_dir,
        .max_bytes = config->shard_cache_bytes,
        .seed = (uint64_t)config->seed,
        .leaves = config->leaves,
        .leaf_sequences = config->leaf_sequences,
        .is_here = is_here,
        .first_step = trainer->progress.step,
    };
    if (memchr(is_here, 1, (size_t)config->leaves))
        trainer->stager = shard_stager_start(trainer->mixture, &plan);
    memory_free(is_here);
    memory_free(nodes);
}

void trainer_start_reading(struct trainer *trainer)
{
    if (trainer->config->shard_cache_dir[0] != '\0')
        start_staging(trainer);
    struct batch_stream_plan plan = trainer_reading(trainer->config, trainer->leaves);
    plan.first_step = trainer->progress.step;
    trainer->batches = batch_stream_open(trainer->mixture, &plan);
}

void trainer_gather(struct trainer *trainer)
{
    for (int i = 0; i < trainer->group_count; i++)
        overlap_whole(&trainer->groups[i].overlap);
}

void trainer_close(struct trainer *trainer)
{
    run_saver_close(trainer->saver);
    run_lock_release(trainer->run_lock);
    memory_free(trainer->local_folder);
    batch_stream_close(trainer->batches);
    shard_stager_stop(trainer->stager);
    corpus_mixture_close(trainer->mixture);
    leaf_check_release(&trainer->leaf_check);
    for (int i = 0; i < trainer->check_count; i++)
        replica_check_release(&trainer->checks[i]);
    memory_free(trainer->checks);
    if (trainer->outer)
        outer_step_close(trainer->outer);
    memory_free(trainer->outer);
    for (int i = 0; i < trainer->group_count; i++)
        train_group_close(&trainer->groups[i]);
    memory_free(trainer->groups);
    memory_free(trainer->leaf_ends);
    memory_free(trainer->leaf_values);
    activations_free(trainer->activations);
    if (trainer->model.views)
        model_release(&trainer->model);
    node_vector_free(trainer->parameters);
    validation_release(&trainer->validation);
    tokenizer_free(trainer->tokenizer);
    if (trainer->kernels.pool)
        kernels_close(&trainer->kernels);
    subworld_leave(&trainer->apart);
}
