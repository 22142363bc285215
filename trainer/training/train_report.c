#include "trainer/training/train_report.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

static int64_t message_bytes(int64_t elements, enum wire wire)
{
    return elements * (int64_t)(wire == WIRE_BF16 ? sizeof(uint16_t) : sizeof(float));
}

static void tell_tuning(const struct exchange_tuning *tuning, enum wire wire)
{
    struct strbuf tried = STRBUF_INIT;
    for (int i = 0; i < EXCHANGE_LENGTHS; i++)
        strbuf_addf(&tried, "%s%lld KiB %.1f ms", i ? ", " : "",
                    (long long)message_bytes(exchange_lengths[i], wire) / 1024,
                    1e3 * tuning->seconds[i]);
    if (tuning->block > 0)
        log_info("gradients cross nodes in messages of %lld KiB; tried: %s",
                 (long long)message_bytes(tuning->block, wire) / 1024, tried.bytes);
    strbuf_release(&tried);
}

void train_report_begin(struct train_report *report, struct trainer *trainer)
{
    const struct train_config *config = trainer->config;
    const struct world *world = trainer->world;
    *report = (struct train_report){ .trainer = trainer };
    train_profile_begin(trainer);
    straggler_init(&report->straggler, trainer->leaves.end - trainer->leaves.first);
    speed_meter_init(&report->speed, trainer);
    report->flops_per_token = model_flops_per_token(&trainer->model.config, config->seq_len);
    if (world->rank == 0)
        report->metrics = metrics_writer_open(config->run, trainer->progress.step);
    if (trainer->machine->node_rank == 0)
        report->energy = energy_meter_open(ENERGY_METER_ROOT);
    progress_line_begin(&report->line, trainer->progress.step, config->steps, config->log_every);

    log_info("%lld parameters, %lld tokens a step, %lld training tokens, %d ranks of %d threads, "
             "kernels %s in %s",
             (long long)trainer->model.table.element_count,
             (long long)(config->leaves * config->leaf_sequences * config->seq_len),
             (long long)corpus_mixture_token_count(trainer->mixture), world->size,
             thread_pool_size(trainer->kernels.pool), trainer->kernels.name,
             precision_names[config->precision]);
    tell_tuning(&trainer->tuning, (enum wire)config->wire);
    if (config->groups > 1)
        log_info("%lld groups train apart, and are averaged every %lld steps",
                 (long long)config->groups, (long long)config->local_steps);
}

/* Joules of all nodes since the last call; NaN where one of them cannot tell. */
static double take_energy(struct train_report *report)
{
    const struct world *world = report->trainer->world;
    double mine = report->energy ? energy_meter_take(report->energy) : 0.0, sum = 0.0;
    double *all = memory_alloc(sizeof *all * (size_t)world->size);
    world_gather_all(world, &mine, sizeof mine, all);
    for (int rank = 0; rank < world->size; rank++)
        sum += all[rank];
    memory_free(all);
    return sum;
}

static void add_record(struct train_report *report, const struct step_report *step,
                       double tokens_per_second, double utilisation)
{
    const struct trainer *trainer = report->trainer;
    struct json *record = json_new_object();
    json_put_integer(record, "step", trainer->progress.step);
    json_put_number(record, "loss", step->loss);
    json_put_number(record, "gradient_norm", step->gradient_norm);
    json_put_number(record, "lr", step->learning_rate);
    json_put_integer(record, "tokens", trainer->progress.tokens);
    json_put_integer(record, "skipped", trainer->progress.skipped);
    json_put_number(record, "tokens_per_second", tokens_per_second);
    json_put_number(record, "mfu", utilisation);
    if (trainer->tuning.block > 0)
        json_put_integer(record, "message_bytes",
                         message_bytes(trainer->tuning.block, (enum wire)trainer->config->wire));
    json_put_number(record, "data_wait_seconds", batch_stream_wait_seconds(trainer->batches));
    json_put_number(record, "save_wait_seconds", report->save_wait_seconds);
    json_put_number(record, "elapsed_seconds", clock_seconds() - trainer->profile.begun_s);
    metrics_writer_add(report->metrics, record);
    json_free(record);
}

static void write_ledger(struct train_report *report)
{
    const struct trainer *trainer = report->trainer;
    if (compute_ledger_write(&trainer->ledger, trainer->config->run) != STATUS_OK)
        log_warning("%s", status_message()); /* the next interval tries again */
}

static bool is_log_due(const struct trainer *trainer)
{
    const int64_t now = trainer->progress.step;
    return now % trainer->config->log_every == 0 || now == trainer->config->steps;
}

/* What is shown and written at each log interval, about the steps since the last. */
static void tell_step(struct train_report *report, const struct step_report *step)
{
    struct trainer *trainer = report->trainer;
    double tokens_per_second = (double)report->tokens / report->seconds;
    double utilisation = tokens_per_second * report->flops_per_token / trainer->peak_flops;

    struct progress_report progress = {
        .step = trainer->progress.step,
        .loss = step->loss,
        .tokens_per_second = tokens_per_second,
        .utilisation = utilisation,
        .learning_rate = step->learning_rate,
    };
    progress_line_step(&report->line, &progress);
    if (!is_log_due(trainer) && !step->skipped)
        return;
    add_record(report, step, tokens_per_second, utilisation);
    write_ledger(report);
    report->tokens = 0;
    report->seconds = 0.0;
}

/* Comparing ranks costs leaves that are computed again, and leaves nothing behind. */
static void add_check(struct train_report *report, const struct step_report *step,
                      double energy_joules)
{
    const struct trainer *trainer = report->trainer;
    struct compute_amount amount = {
        .executed_flops = step->check_flops,
        .wall_seconds = step->check_seconds,
        .energy_joules = energy_joules,
    };
    compute_ledger_add(&report->trainer->ledger, COMPUTE_DISCARDED, &amount);
    log_info("step %lld  ranks agree: %d leaves computed again, %.2g s, %.2g FLOPs",
             (long long)trainer->progress.step, trainer->leaf_check.worker_count,
             step->check_seconds, step->check_flops);
}

void train_report_step(struct train_report *report, const struct step_report *step,
                       double step_seconds)
{
    struct trainer *trainer = report->trainer;
    const double own_seconds = step_seconds - step->check_seconds;
    const double energy = take_energy(report), energy_share = own_seconds / step_seconds;
    struct compute_amount amount = {
        .executed_flops = step->executed_flops,
        .model_flops = (double)step->targets * report->flops_per_token,
        .tokens = step->targets,
        .steps = 1,
        .wall_seconds = own_seconds,
        .energy_joules = energy * energy_share,
    };
    compute_ledger_add(&trainer->ledger, step->skipped ? COMPUTE_DISCARDED : COMPUTE_TRAINING,
                       &amount);
    if (step->check_flops > 0)
        add_check(report, step, energy * (1 - energy_share));
    report->tokens += step->targets;
    report->seconds += own_seconds;
    speed_meter_step_add(&report->speed, step->targets, energy);
    if (is_log_due(trainer))
        speed_meter_tell(&report->speed);
    if (trainer->world->rank != 0)
        return;
    if (step->skipped)
        log_warning("step %lld skipped: its gradient is not finite (%lld of %lld steps so far)",
                    (long long)trainer->progress.step, (long long)trainer->progress.skipped,
                    (long long)trainer->progress.step);
    tell_step(report, step);
}

void train_report_validate(struct train_report *report)
{
    struct trainer *trainer = report->trainer;
    const struct validation *validation = &trainer->validation;
    if (validation->batches == 0)
        return;
    double begun = clock_seconds();
    struct kernel_profile before[KERNELS];
    memcpy(before, trainer->kernels.profile, sizeof before);
    struct validation_result result = validation_run(validation, trainer->world, &trainer->model,
                                                     &trainer->kernels, trainer->activations);

    trainer->validated_step = trainer->progress.step;
    trainer->validation_loss = result.loss;
    train_profile_add_with_kernels(trainer, STAGE_VALIDATION, begun, before);

    struct compute_amount amount = {
        .executed_flops = result.executed_flops,
        .model_flops = (double)result.targets * report->flops_per_token / 3.0, /* no backward */
        .tokens = result.targets,
        .wall_seconds = clock_seconds() - begun,
        .energy_joules = take_energy(report),
    };
    compute_ledger_add(&trainer->ledger, COMPUTE_EVALUATION, &amount);
    if (trainer->world->rank != 0)
        return;
    struct json *record = json_new_object();
    json_put_integer(record, "step", trainer->progress.step);
    json_put_number(record, "validation_loss", result.loss);
    json_put_number(record, "validation_bits_per_byte", result.bits_per_byte);
    json_put_integer(record, "validation_tokens", result.targets);
    metrics_writer_add(report->metrics, record);
    json_free(record);
    write_ledger(report);
    log_info("step %lld  held-out loss %.4f  %.4f bits per byte", (long long)trainer->progress.step,
             result.loss, result.bits_per_byte);
}

void train_report_saved(struct train_report *report, const struct save_report *save)
{
    const struct trainer *trainer = report->trainer;
    log_info("step %lld saved in '%s' (training waited %.2f s, it took %.2f s)",
             (long long)save->step, save->is_local ? trainer->local_folder : trainer->config->run,
             save->taking_s, save->saving_s);
    report->save_wait_seconds += save->taking_s;
    if (trainer->world->rank == 0)
        write_ledger(report);
}

void train_report_end(struct train_report *report)
{
    const struct trainer *trainer = report->trainer;
    progress_line_end(&report->line);
    if (trainer->config->profile && trainer->world->rank == 0)
        train_profile_tell(trainer);
    speed_meter_release(&report->speed);
    metrics_writer_close(report->metrics);
    energy_meter_close(report->energy);
}
