#include "trainer/training/run_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "checkpoints/local_tier.h"
#include "trainer/training/data_record.h"
#include "trainer/training/model_import.h"
#include "trainer/training/run_lock.h"
#include "trainer/training/run_saver.h"
#include "trainer/training/warm_start.h"
#include "trainer/training/run_state.h"

static bool is_new_run(const struct train_config *config)
{
    return strcmp(config->resume, "no") == 0;
}

/* -1: the newest. */
static int64_t asked_step(const struct train_config *config)
{
    return config->resume[0] >= '0' && config->resume[0] <= '9' ? atoll(config->resume) : -1;
}

/* A log that is damaged is no reason to lose a training: it makes room, for a person to look at. */
static void set_aside(const char *path)
{
    struct strbuf aside = STRBUF_INIT;
    strbuf_addf(&aside, "%s.damaged", path);
    if (rename(path, aside.bytes) == 0)
        log_warning("%s; it is now '%s', training goes on", status_message(), aside.bytes);
    else
        log_warning("%s; it could not be renamed: %s", status_message(), strerror(errno));
    strbuf_release(&aside);
}

/* RUN/ledger.json, if there is a valid one. */
static bool read_run_ledger(const char *run, struct compute_ledger *ledger)
{
    char *path = path_join(run, COMPUTE_LEDGER_FILE);
    bool exists = file_exists(path);
    bool is_valid = exists && compute_ledger_read(run, ledger) == STATUS_OK;
    if (exists && !is_valid)
        set_aside(path);
    memory_free(path);
    return is_valid;
}

/* What a kill left between the last checkpoint and the last log line was computed for nothing:
 * the run's own ledger tells how much. */
static enum status resume_ledger(struct trainer *trainer)
{
    const char *run = trainer->config->run;
    struct compute_ledger checkpoint = trainer->ledger, run_ledger;
    bool has_ledger = read_run_ledger(run, &run_ledger);

    compute_ledger_init(&trainer->ledger, trainer->world->size,
                        trainer->peak_flops / trainer->world->size);
    if (has_ledger || trainer->progress.step > 0)
        compute_ledger_resume(&trainer->ledger, &checkpoint, has_ledger ? &run_ledger : NULL);
    return compute_ledger_write(&trainer->ledger, run);
}

static enum status save_config(const struct train_config *config, const char *path)
{
    struct strbuf text = STRBUF_INIT;
    options_print_ini(train_options, config, &text);
    enum status status = file_replace(path, text.bytes, text.length);
    strbuf_release(&text);
    return status;
}

/* A log, too: where it cannot be kept, the run goes on without. */
static void record_data(const struct trainer *trainer)
{
    const struct train_config *config = trainer->config;
    struct data_part part = {
        .from_step = trainer->progress.step,
        .corpus = config->corpus,
        .seed = config->seed,
        .seq_len = config->seq_len,
        .leaves = config->leaves,
        .leaf_sequences = config->leaf_sequences,
    };
    memcpy(part.corpus_digest, trainer->mixture->digest, SHA256_HEX);
    if (data_record_begin(config->run, &part) == STATUS_OK)
        return;
    char *path = path_join(config->run, DATA_RECORD_FILE);
    set_aside(path);
    memory_free(path);
    if (data_record_begin(config->run, &part) != STATUS_OK)
        log_warning("%s", status_message());
}

/* Each start may have taken one from the nodes, with no save of the run between. */
static void prune(const struct train_config *config)
{
    const struct checkpoint_retention retention = run_saver_retention(config);
    if (checkpoint_prune(config->run, &retention) != STATUS_OK)
        log_warning("old checkpoints of '%s' stay: %s", config->run, status_message());
}

/* On rank 0, once it is known where the run starts. */
static enum status write_beginning(struct trainer *trainer, const char *config_path)
{
    if (trainer->local_folder)
        prune(trainer->config);
    TRY(save_config(trainer->config, config_path));
    record_data(trainer);
    return resume_ledger(trainer);
}

/* A run and what it may go on from. */
struct resumption {
    struct trainer *trainer;
    const char *config_path;
    enum status status; /* why it does not go on from a checkpoint that is good */
};

static enum status check_resumable(struct trainer *trainer, const struct checkpoint *checkpoint,
                                   const char *config_path)
{
    const struct train_config *config = trainer->config;
    if (is_new_run(config))
        return bad_input("run '%s' has checkpoints already: resume it, or choose another --run",
                         config->run);
    if (model_is_imported(checkpoint_state(checkpoint)))
        return bad_input("cannot resume run '%s': '%s' is an imported model, which has no state of "
                         "a training; give --init_from=%s and another --run",
                         config->run, checkpoint_folder(checkpoint), config->run);
    if (trainer->world->rank == 0 && !config->accept_changes)
        TRY(train_config_require_same(config, config_path));
    if (checkpoint_step(checkpoint) > config->steps)
        return bad_input("cannot resume run '%s': it is at step %lld, beyond its %lld steps",
                         config->run, (long long)checkpoint_step(checkpoint),
                         (long long)config->steps);
    return run_state_read(trainer, checkpoint);
}

/* Collective: a checkpoint_trial. It fails where the data are damaged; that the run must not go on
 * from them is another matter. */
static enum status load(void *context, struct checkpoint *checkpoint)
{
    struct resumption *resumption = context;
    struct trainer *trainer = resumption->trainer;
    resumption->status =
        world_agree(trainer->world, check_resumable(trainer, checkpoint, resumption->config_path));
    return resumption->status == STATUS_OK ? run_state_load(trainer, checkpoint) : STATUS_OK;
}

static enum status find_and_load(struct trainer *trainer, const char *config_path)
{
    const struct train_config *config = trainer->config;
    struct resumption resumption = { .trainer = trainer, .config_path = config_path };
    struct checkpoint *checkpoint = NULL;
    TRY(checkpoint_find(trainer->world, config->run, asked_step(config), load, &resumption,
                        &checkpoint));
    if (!checkpoint)
        return config->init_from[0] == '\0' ? STATUS_OK : warm_start(trainer);
    checkpoint_close(checkpoint);
    if (resumption.status == STATUS_OK)
        log_info("resuming run '%s' at step %lld of %lld", config->run,
                 (long long)trainer->progress.step, (long long)config->steps);
    return resumption.status;
}

/* Collective. What the nodes hold comes into the run, where the rest finds it. */
static enum status restore_local(struct trainer *trainer)
{
    const struct train_config *config = trainer->config;
    const struct world *world = trainer->world;
    if (config->checkpoint_local_dir[0] == '\0')
        return STATUS_OK;
    TRY(local_tier_open(world, config->checkpoint_local_dir, config->run, &trainer->local_folder));
    if (!is_new_run(config))
        return local_tier_restore(world, trainer->local_folder, config->run, asked_step(config));
    const int64_t step = local_tier_newest(world, trainer->local_folder);
    if (step < 0)
        return STATUS_OK;
    return bad_input("run '%s' has a checkpoint of step %lld on its nodes: resume it, or choose "
                     "another --run",
                     config->run, (long long)step);
}

enum status run_folder_open(struct trainer *trainer)
{
    const struct world *world = trainer->world;
    enum status status = STATUS_OK;
    if (world->rank == 0)
        status = folder_create(trainer->config->run);
    if (world->rank == 0 && status == STATUS_OK)
        status = run_lock_take(trainer->config->run, &trainer->run_lock);
    TRY(world_agree(world, status));

    TRY(restore_local(trainer));

    char *config_path = path_join(trainer->config->run, "config.ini");
    status = find_and_load(trainer, config_path);
    if (status == STATUS_OK && world->rank == 0)
        status = write_beginning(trainer, config_path);
    memory_free(config_path);
    return world_agree(world, status);
}
