#include "trainer/training/speed_meter.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/printable.h"
#include "comm/rank_pairs.h"
#include "trainer/reports/median.h"
#include "trainer/reports/peak_memory.h"
#include "trainer/reports/processor_name.h"
#include "trainer/training/trainer.h"

void speed_meter_init(struct speed_meter *meter, const struct trainer *trainer)
{
    *meter = (struct speed_meter){ .trainer = trainer };
    if (trainer->world->rank == 0)
        meter->recent = memory_alloc_zeroed(SPEED_RECENT_STEPS, sizeof *meter->recent);
}

void speed_meter_release(struct speed_meter *meter)
{
    memory_free(meter->recent);
    meter->recent = NULL;
}

static double saving_seconds(const struct speed_meter *meter)
{
    return meter->trainer->profile.stage_seconds[STAGE_SAVING];
}

static int64_t measured_steps(const struct speed_meter *meter)
{
    return meter->steps > SPEED_WARM_UP_STEPS ? meter->steps - SPEED_WARM_UP_STEPS : 0;
}

void speed_meter_step_begin(struct speed_meter *meter)
{
    if (meter->steps == SPEED_WARM_UP_STEPS) {
        meter->first_step = meter->trainer->progress.step + 1;
        meter->begun_s = clock_seconds();
        meter->saved_before_s = saving_seconds(meter);
    }
    meter->read_before_s = batch_stream_wait_seconds(meter->trainer->batches);
    meter->from = flight_recorder_totals();
}

void speed_meter_step_end(struct speed_meter *meter)
{
    const struct flight_totals now = flight_recorder_totals();
    double spent[FLIGHT_PHASES];
    for (int phase = 0; phase < FLIGHT_PHASES; phase++)
        spent[phase] = now.seconds[phase] - meter->from.seconds[phase];
    const double reading_s =
        batch_stream_wait_seconds(meter->trainer->batches) - meter->read_before_s;
    meter->step = (struct rank_speed){ .reading_s = reading_s,
                                       .computing_s =
                                           spent[FLIGHT_WORKING] + spent[FLIGHT_BESIDE] - reading_s,
                                       .waiting_s = spent[FLIGHT_WAITING],
                                       .exposed_s = spent[FLIGHT_MOVING] };
}

void speed_meter_step_add(struct speed_meter *meter, int64_t tokens, double joules)
{
    struct rank_speed *spent = &meter->spent;
    if (++meter->steps <= SPEED_WARM_UP_STEPS)
        return;
    spent->reading_s += meter->step.reading_s;
    spent->computing_s += meter->step.computing_s;
    spent->waiting_s += meter->step.waiting_s;
    spent->exposed_s += meter->step.exposed_s;
    meter->tokens += tokens;
    meter->joules += joules;
    if (meter->recent)
        meter->recent[(measured_steps(meter) - 1) % SPEED_RECENT_STEPS] =
            rank_speed_seconds(&meter->step);
}

/* What this rank tells of itself. Nodes are the machine's, whether or not ranks share memory. */
static struct rank_speed own_part(const struct speed_meter *meter)
{
    const struct trainer *trainer = meter->trainer;
    const struct world *machine = trainer->machine;
    struct rank_speed own = meter->spent;
    int *nodes = memory_alloc_zeroed((size_t)machine->size, sizeof *nodes);
    rank_nodes(machine, nodes);
    own.node = nodes[machine->rank];
    memory_free(nodes);
    own.saving_s = saving_seconds(meter) - meter->saved_before_s;
    own.threads = thread_pool_size(trainer->kernels.pool);
    own.peak_bytes = peak_memory_bytes();
    own.share_bytes = peak_memory_share_bytes();
    return own;
}

static void describe_run(const struct trainer *trainer, struct speed_record *record)
{
    const struct train_config *config = trainer->config;
    char cpu[SPEED_TEXT_BYTES];
    processor_name(cpu, sizeof cpu);
    printable_copy(record->cpu, sizeof record->cpu, cpu);
    printable_copy(record->host, sizeof record->host, trainer->world->host);
    snprintf(record->kernels, sizeof record->kernels, "%s", trainer->kernels.name);
    snprintf(record->precision, sizeof record->precision, "%s", precision_names[config->precision]);
    snprintf(record->wire, sizeof record->wire, "%s", wire_names[config->wire]);
    snprintf(record->recompute, sizeof record->recompute, "%s", recompute_names[config->recompute]);
    snprintf(record->optimizer, sizeof record->optimizer, "%s", optimizer_names[config->optimizer]);
    record->parameters = trainer->model.table.element_count;
    record->tokens_per_step = config->leaves * config->leaf_sequences * config->seq_len;
    record->leaves = config->leaves;
    record->seq_len = config->seq_len;
    record->micro_batch = config->micro_batch;
    record->groups = config->groups;
}

static void describe_steps(const struct speed_meter *meter, struct speed_record *record)
{
    const int64_t steps = measured_steps(meter);
    const int64_t kept = steps < SPEED_RECENT_STEPS ? steps : SPEED_RECENT_STEPS;
    double *recent = memory_alloc((size_t)kept * sizeof *recent);
    memcpy(recent, meter->recent, (size_t)kept * sizeof *recent);
    const struct quartiles seconds = quartiles_of(recent, kept);
    memory_free(recent);

    record->warm_up_steps = SPEED_WARM_UP_STEPS;
    record->first_step = meter->first_step;
    record->steps = steps;
    record->elapsed_seconds = clock_seconds() - meter->begun_s;
    record->step_seconds_lower_quartile = seconds.lower;
    record->step_seconds_median = seconds.median;
    record->step_seconds_upper_quartile = seconds.upper;
}

static void describe_speed(const struct speed_meter *meter, struct speed_record *record)
{
    const struct trainer *trainer = meter->trainer;
    const double tokens = (double)meter->tokens;
    record->tokens_per_second = tokens / rank_speed_seconds(&meter->spent);
    record->model_flops_per_token =
        model_flops_per_token(&trainer->model.config, trainer->config->seq_len);
    record->peak_flops_per_second = trainer->peak_flops;
    record->mfu = record->tokens_per_second * record->model_flops_per_token / trainer->peak_flops;
    record->joules_per_token = meter->joules / tokens;
}

static void write_record(const struct speed_meter *meter, const struct rank_speed *all)
{
    const struct trainer *trainer = meter->trainer;
    struct speed_record record = { 0 };
    describe_run(trainer, &record);
    describe_steps(meter, &record);
    describe_speed(meter, &record);
    rank_speeds_sum_up(all, trainer->world->size, &record);
    if (speed_record_write(&record, trainer->config->run) != STATUS_OK)
        log_warning("%s", status_message()); /* the next interval tries again */
}

void speed_meter_tell(struct speed_meter *meter)
{
    const struct world *world = meter->trainer->world;
    if (measured_steps(meter) == meter->told_steps)
        return;
    const struct rank_speed own = own_part(meter);
    struct rank_speed *all = memory_alloc_zeroed((size_t)world->size, sizeof *all);
    world_gather_all(world, &own, sizeof own, all);
    if (world->rank == 0)
        write_record(meter, all);
    memory_free(all);
    meter->told_steps = measured_steps(meter);
}
