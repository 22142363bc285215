/* eon slurm point: one point of a scaling study, as one task of a job array. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "trainer/commands/command.h"
#include "trainer/jobs/job_run.h"
#include "trainer/jobs/study_points.h"

static const struct option_spec no_options[] = { { 0 } };

static int64_t number_in_environment(const char *name)
{
    const char *text = getenv(name);
    return text ? strtoll(text, NULL, 10) : -1;
}

/* What the allocation would otherwise say: job_layout reads it. */
static void set_number(const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    if (value > 0)
        setenv(name, text, 1);
}

/* They would fill a disk, and no point goes on from them. */
static enum status remove_checkpoints(const char *folder, const char *point)
{
    struct strbuf path = STRBUF_INIT;
    strbuf_addf(&path, "%s/%s/checkpoints", folder, point);
    enum status status = folder_remove(path.bytes);
    strbuf_release(&path);
    return status;
}

static enum status train(const char *folder, const struct study_points *study,
                         const struct study_point *point)
{
    struct word_list words = WORD_LIST_INIT;
    word_list_add(&words, "train");
    for (int i = 0; i < study->train.count; i++)
        word_list_add(&words, study->train.words[i]);
    word_list_addf(&words, "--run=%s/%s", folder, point->name);
    word_list_addf(&words, "--leaves=%lld", (long long)point->leaves);
    if (point->threads > 0)
        word_list_addf(&words, "--threads=%lld", (long long)point->threads);
    set_number("SLURM_NTASKS_PER_NODE", point->ranks_per_node);
    enum status status = job_run((const char *const *)words.words, words.count, false);
    word_list_release(&words);
    return status == STATUS_OK ? remove_checkpoints(folder, point->name) : status;
}

static enum status run(const void *settings, const char *const *positionals, int count)
{
    (void)settings;
    (void)count;
    const int64_t nodes = number_in_environment("SLURM_JOB_NUM_NODES");
    const int64_t index = number_in_environment("SLURM_ARRAY_TASK_ID");
    struct study_points study;
    TRY(study_points_read(positionals[0], &study));
    const struct study_point *point = study_points_find(&study, nodes, index);
    enum status status =
        point ? train(positionals[0], &study, point)
              : bad_input("study '%s' has no point %lld of %lld nodes: is this a task of a job "
                          "array that 'eon slurm scaling' submitted?",
                          positionals[0], (long long)index, (long long)nodes);
    study_points_release(&study);
    return status;
}

const struct command command_slurm_point = {
    .name = "slurm point",
    .arguments = "STUDY",
    .summary = "within a batch job: train one point of a scaling study",
    .description = "What slurm/scaling.sbatch becomes: the point of STUDY/study.json whose number\n"
                   "SLURM_ARRAY_TASK_ID says, among those of as many nodes as the job has.\n"
                   "\n"
                   "    exec eon slurm point STUDY",
    .options = no_options,
    .settings_bytes = 0,
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run,
};
