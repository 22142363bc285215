#include "trainer/training/train_profile.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "trainer/reports/step_profile.h"
#include "trainer/training/trainer.h"

static const char *const stage_names[STAGES] = { "reading",  "reduction",  "gathering", "averaging",
                                                 "checking", "validation", "saving" };

void train_profile_begin(struct trainer *trainer)
{
    struct train_profile *profile = &trainer->profile;
    *profile =
        (struct train_profile){ .begun_s = clock_seconds(), .first_step = trainer->progress.step };
    memcpy(profile->before, trainer->kernels.profile, sizeof profile->before);
}

void train_profile_add(struct trainer *trainer, enum train_stage stage, double begun_s)
{
    trainer->profile.stage_seconds[stage] += clock_seconds() - begun_s;
}

void train_profile_add_with_kernels(struct trainer *trainer, enum train_stage stage, double begun_s,
                                    const struct kernel_profile before[KERNELS])
{
    struct kernel_profile *passed = trainer->profile.before;
    for (int i = 0; i < KERNELS; i++) {
        const struct kernel_profile *now = &trainer->kernels.profile[i];
        passed[i].seconds += now->seconds - before[i].seconds;
        passed[i].calls += now->calls - before[i].calls;
        passed[i].flops += now->flops - before[i].flops;
        passed[i].bytes += now->bytes - before[i].bytes;
    }
    train_profile_add(trainer, stage, begun_s);
}

static void tell(const struct trainer *trainer, const struct step_profile *profile)
{
    struct strbuf table = STRBUF_INIT;
    step_profile_print(profile, &table);
    fprintf(stderr, "%s", table.bytes);
    strbuf_release(&table);

    struct json *json = step_profile_to_json(profile);
    char *path = path_join(trainer->config->run, "profile.json");
    if (json_write(json, path) != STATUS_OK)
        log_warning("%s", status_message());
    memory_free(path);
    json_free(json);
}

void train_profile_tell(const struct trainer *trainer)
{
    const struct train_profile *own = &trainer->profile;
    struct profile_stage stages[STAGES];
    struct kernel_profile kernels[KERNELS];
    struct step_profile profile = { .kernels = kernels,
                                    .stages = stages,
                                    .stage_count = STAGES,
                                    .steps = trainer->progress.step - own->first_step,
                                    .seconds = clock_seconds() - own->begun_s };
    memcpy(kernels, trainer->kernels.profile, sizeof kernels);
    profile_since(kernels, own->before);
    for (int i = 0; i < STAGES; i++)
        stages[i] = (struct profile_stage){ stage_names[i], own->stage_seconds[i] };
    for (int i = 0; i < trainer->group_count; i++) {
        stages[STAGE_REDUCTION].seconds += trainer->groups[i].overlap.reduction_s;
        stages[STAGE_GATHERING].seconds += trainer->groups[i].overlap.gathering_s;
    }
    stages[STAGE_READING].seconds = batch_stream_wait_seconds(trainer->batches);
    if (profile.steps > 0)
        tell(trainer, &profile);
}
