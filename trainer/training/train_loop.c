#include "trainer/training/train_loop.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "comm/flight_recorder.h"
#include "comm/watchdog.h"
#include "trainer/training/run_folder.h"
#include "trainer/training/run_saver.h"
#include "trainer/training/stop_signal.h"
#include "trainer/training/train_report.h"
#include "trainer/training/train_step.h"

static bool is_due(int64_t every, int64_t step)
{
    return every > 0 && step % every == 0;
}

static enum status check_skipped(const struct trainer *trainer)
{
    const struct train_progress *progress = &trainer->progress;
    if (progress->skipped_in_a_row < trainer->config->max_skipped)
        return STATUS_OK;
    return failed("stopped at step %lld: the gradient was not finite in %lld steps in a row; "
                  "checkpoints up to step %lld are kept; a lower lr may help (--accept_changes)",
                  (long long)progress->step, (long long)progress->skipped_in_a_row,
                  (long long)(progress->step - progress->skipped_in_a_row));
}

/* Carries on a save that is under way; with `waits` to its end. */
static enum status advance_save(struct trainer *trainer, struct train_report *report, bool waits)
{
    struct save_report save;
    if (!run_saver_is_busy(trainer->saver))
        return STATUS_OK;
    const double begun_s = clock_seconds();
    if (waits)
        flight_recorder_doing("saving before step %lld", (long long)trainer->progress.step + 1);
    enum status status = run_saver_advance(trainer->saver, waits, &save);
    train_profile_add(trainer, STAGE_SAVING, begun_s);
    if (status == STATUS_OK && save.is_done)
        train_report_saved(report, &save);
    if (status == STATUS_OK && save.is_done)
        job_time_took_save(&trainer->job_time, save.saving_s);
    return status;
}

static enum status begin_save(struct trainer *trainer, bool is_local)
{
    const double begun_s = clock_seconds();
    flight_recorder_doing("saving step %lld", (long long)trainer->progress.step);
    enum status status =
        is_local ? run_saver_begin_local(trainer->saver) : run_saver_begin(trainer->saver);
    train_profile_add(trainer, STAGE_SAVING, begun_s);
    return status;
}

/* A disk that is full now may have room by the next save. */
static void warn_unless_saved(const struct trainer *trainer, enum status status)
{
    if (status != STATUS_OK && trainer->world->rank == 0)
        log_warning("training goes on: %s", status_message());
}

/* Ranks that differ save nothing. */
static enum status compare_ranks(struct trainer *trainer)
{
    TRY(replica_check_slice(trainer));
    trainer_gather(trainer);
    return replica_check_replicas(trainer);
}

/* Where local saves follow each other faster than the run's own are written, one of these is not
 * waited for: then the nodes' would cost what they are to spare. */
static bool is_local_due(const struct trainer *trainer)
{
    return trainer->local_folder &&
           is_due(trainer->config->local_save_every, trainer->progress.step) &&
           trainer->progress.skipped_in_a_row == 0 && !run_saver_is_busy_with_run(trainer->saver);
}

/* Saves where it is due, at the end, and before a stop. What a skipped step left is not due: it is
 * the parameters of an earlier checkpoint, and would push that one out. Only where no save will
 * follow has the run failed with it. */
static enum status save_if_due(struct trainer *trainer, struct train_report *report, bool stops)
{
    const struct train_config *config = trainer->config;
    const struct train_progress *progress = &trainer->progress;
    const bool is_last = stops || progress->step == config->steps;
    const bool is_now =
        is_last || (is_due(config->save_every, progress->step) && progress->skipped_in_a_row == 0);
    warn_unless_saved(trainer, advance_save(trainer, report, is_now));
    const bool is_local = !is_now && is_local_due(trainer);
    if (!is_now && !is_local)
        return STATUS_OK;
    warn_unless_saved(trainer, advance_save(trainer, report, true));
    TRY(compare_ranks(trainer));
    enum status status = begin_save(trainer, is_local);
    if (status == STATUS_OK && is_last)
        status = advance_save(trainer, report, true);
    if (is_last)
        return status;
    warn_unless_saved(trainer, status);
    return STATUS_OK;
}

static bool is_at_stop(const struct trainer *trainer)
{
    const struct train_config *config = trainer->config;
    return config->stop_after > 0 && trainer->progress.step >= config->stop_after;
}

/* Asked to, or for want of time; told here, where rank 0 knows which. */
static bool has_to_stop(struct trainer *trainer)
{
    const bool is_over =
        trainer->world->rank == 0 && job_time_is_over(&trainer->job_time, (double)time(NULL));
    if (is_over)
        log_info("step %lld: the job's time is nearly over: the run is saved and stops",
                 (long long)trainer->progress.step);
    return stop_signal_received(trainer->world, is_over);
}

/* One step and what follows from it. *stops: asked to end before the last step. */
static enum status take_step(struct trainer *trainer, struct train_report *report, bool *stops)
{
    const struct train_config *config = trainer->config;
    struct step_report step_report;
    double begun = clock_seconds();
    straggler_step_begin(&report->straggler);
    speed_meter_step_begin(&report->speed);
    TRY(train_step(trainer, trainer->progress.step, &step_report));
    straggler_step_end(&report->straggler, trainer->world);
    speed_meter_step_end(&report->speed);
    train_report_step(report, &step_report, clock_seconds() - begun);
    TRY(check_skipped(trainer));

    int64_t step = trainer->progress.step;
    shard_stager_reached(trainer->stager, step);
    if (is_due(config->validate_every, step) || step == config->steps) {
        flight_recorder_doing("validating after step %lld", (long long)step);
        trainer_gather(trainer);
        train_report_validate(report);
    }
    *stops = step < config->steps && (is_at_stop(trainer) || has_to_stop(trainer));
    job_time_took_round(&trainer->job_time, clock_seconds() - begun);
    return save_if_due(trainer, report, *stops);
}

static enum status take_steps(struct trainer *trainer)
{
    const struct train_config *config = trainer->config;
    struct train_report report;
    enum status status = STATUS_OK;
    bool stops = trainer->progress.step < config->steps && is_at_stop(trainer);

    train_report_begin(&report, trainer);
    job_time_init(&trainer->job_time, config->end_margin_s, (double)time(NULL));
    while (status == STATUS_OK && trainer->progress.step < config->steps && !stops)
        status = take_step(trainer, &report, &stops);
    if (run_saver_is_busy(trainer->saver)) { /* the run has failed: what was saved stays */
        char message[STATUS_MESSAGE_BYTES];
        snprintf(message, sizeof message, "%s", status_message());
        warn_unless_saved(trainer, advance_save(trainer, &report, true));
        status_set(status, message);
    }
    if (status == STATUS_OK)
        speed_meter_tell(&report.speed);
    train_report_end(&report);

    if (status == STATUS_OK && stops)
        status =
            status_set(STATUS_STOPPED, "stopped early: saved, and resumable by the same command");
    return status;
}

enum status train_loop_run(const struct world *world, const struct train_config *config)
{
    struct trainer trainer;
    char *flight = path_join(config->run, "flight");
    struct watchdog *watchdog = watchdog_start(world, config->stall_timeout_s, flight);
    memory_free(flight);
    stop_signal_install();
    enum status status = trainer_open(&trainer, world, config);
    if (status == STATUS_OK)
        status = run_folder_open(&trainer);
    if (status == STATUS_OK) {
        trainer_start_reading(&trainer);
        trainer.saver = run_saver_open(&trainer);
        status = take_steps(&trainer);
    }
    flight_recorder_doing("ending");
    trainer_close(&trainer);
    watchdog_stop(watchdog);
    return status;
}
