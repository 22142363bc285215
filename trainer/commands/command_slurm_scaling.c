/* eon slurm scaling: a study of many trainings becomes job arrays, and a table of them. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "trainer/commands/command.h"
#include "trainer/jobs/job_request.h"
#include "trainer/jobs/job_script.h"
#include "trainer/jobs/study_points.h"
#include "trainer/jobs/train_words.h"

struct scaling_settings {
    char *study, *nodes, *ranks_per_node, *threads_per_rank;
    bool strong, weak, dry_run;
    int64_t point_steps;
    struct job_request request;
    struct train_config train;
};

#define AT(member) offsetof(struct scaling_settings, member)

/* clang-format off */
static const struct option_spec study_options[] = {
    { .section = "Study", .key = "study", .type = OPTION_TEXT, .offset = AT(study),
      .help = "folder of the study, made if absent" },
    { .key = "nodes", .type = OPTION_TEXT, .offset = AT(nodes),
      .help = "how many, between commas: 1,2,4,8" },
    { .key = "ranks_per_node", .type = OPTION_TEXT, .offset = AT(ranks_per_node),
      .default_text = "0", .help = "the same; 0: one for each NUMA domain" },
    { .key = "threads_per_rank", .type = OPTION_TEXT, .offset = AT(threads_per_rank),
      .default_text = "0", .help = "the same; 0: the rank's share of the cores" },
    { .key = "strong", .type = OPTION_BOOL, .offset = AT(strong), .default_text = "true",
      .help = "the same global batch on all" },
    { .key = "weak", .type = OPTION_BOOL, .offset = AT(weak), .default_text = "true",
      .help = "a batch that grows with the ranks" },
    { .key = "point_steps", .type = OPTION_INTEGER, .offset = AT(point_steps),
      .default_text = "50", .min = 5, .max = 1e9, .unit = "steps",
      .help = "that each point trains; the first 3 of a start are not measured" },
    { .key = "dry_run", .type = OPTION_BOOL, .offset = AT(dry_run), .default_text = "false",
      .help = "only print the commands" },
    { 0 }
};
/* clang-format on */

enum { MOST_OPTIONS = 160 };
static struct option_spec scaling_options[MOST_OPTIONS];

/* A config may name a run, and need not. */
static void free_from_run(struct option_spec *options)
{
    for (; options->key; options++)
        if (strcmp(options->key, "run") == 0) {
            options->default_text = "";
            options->help = "not used: each point has its own";
        }
}

__attribute__((constructor)) static void join_options(void)
{
    int count = options_append(scaling_options, 0, MOST_OPTIONS, study_options, 0);
    count = options_append(scaling_options, count, MOST_OPTIONS, job_request_options, AT(request));
    options_append(scaling_options, count, MOST_OPTIONS, train_options, AT(train));
    free_from_run(scaling_options);
}

/* Submits, or prints; *job is then a word that stands for its number. */
static enum status submit(const struct scaling_settings *settings, const struct word_list *words,
                          char job[SLURM_WORD_BYTES])
{
    struct strbuf line = STRBUF_INIT;
    if (!settings->dry_run)
        return job_script_submit(words, job);
    word_list_print(words, &line);
    printf("%s\n", line.bytes);
    snprintf(job, SLURM_WORD_BYTES, "JOB");
    strbuf_release(&line);
    return STATUS_OK;
}

/* All points of so many nodes. */
static enum status submit_array(const struct scaling_settings *settings, const char *script,
                                int64_t nodes, int64_t points, char job[SLURM_WORD_BYTES])
{
    struct word_list words = WORD_LIST_INIT;
    job_request_words(&settings->request, settings->study, "slurm-%A_%a.out", &words);
    word_list_addf(&words, "--nodes=%lld", (long long)nodes);
    word_list_addf(&words, "--array=0-%lld", (long long)points - 1);
    word_list_add(&words, script);
    word_list_add(&words, settings->study);
    enum status status = submit(settings, &words, job);
    if (status == STATUS_OK && !settings->dry_run)
        printf("job %s: %lld points of %lld nodes\n", job, (long long)points, (long long)nodes);
    word_list_release(&words);
    return status;
}

/* The job that makes the table, when the arrays have ended. */
static enum status submit_table(const struct scaling_settings *settings, const char *script,
                                const char *jobs)
{
    char job[SLURM_WORD_BYTES];
    struct word_list words = WORD_LIST_INIT;
    struct job_request request = settings->request;
    request.exclusive = false;
    job_request_words(&request, settings->study, "scaling.txt", &words);
    word_list_add(&words, "--nodes=1");
    word_list_add(&words, "--open-mode=truncate");
    word_list_addf(&words, "--dependency=afterany%s", jobs);
    word_list_add(&words, script);
    word_list_add(&words, settings->study);
    enum status status = submit(settings, &words, job);
    if (status == STATUS_OK && !settings->dry_run)
        printf("job %s: the table '%s/scaling.txt' and the plot '%s/scaling.svg', after them\n",
               job, settings->study, settings->study);
    word_list_release(&words);
    return status;
}

static enum status submit_all(const struct scaling_settings *settings,
                              const struct study_points *study)
{
    char *script;
    struct strbuf jobs = STRBUF_INIT;
    TRY(job_script_find("scaling.sbatch", &script));
    enum status status = STATUS_OK;
    for (int64_t i = 0, points = 0; i < study->count && status == STATUS_OK; i += points) {
        char job[SLURM_WORD_BYTES];
        const int64_t nodes = study->points[i].nodes;
        for (points = 0; study_points_find(study, nodes, points);)
            points++;
        status = submit_array(settings, script, nodes, points, job);
        strbuf_addf(&jobs, ":%s", job);
    }
    if (status == STATUS_OK)
        status = submit_table(settings, script, jobs.bytes);
    strbuf_release(&jobs);
    memory_free(script);
    return status;
}

/* All points are checked before a job is made; `run` is each point's own. */
static enum status check_points(const struct train_config *train, const struct study_points *study)
{
    for (int64_t i = 0; i < study->count; i++) {
        struct train_config trial = *train;
        trial.leaves = study->points[i].leaves;
        TRY(train_config_complete_model(&trial));
    }
    return STATUS_OK;
}

static enum status make_study(const struct scaling_settings *settings, struct study_points *study)
{
    struct train_config train = settings->train;
    train.run = "";
    if (train.stop_after == 0 && settings->point_steps < train.steps)
        train.stop_after = settings->point_steps;
    TRY(check_points(&train, study));
    train_words_add(&study->train, &train);
    if (settings->dry_run)
        return STATUS_OK;
    TRY(folder_create(settings->study));
    return study_points_write(study, settings->study);
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    (void)positionals;
    (void)count;
    const struct scaling_settings *settings = given;
    const struct study_plan plan = {
        .nodes = settings->nodes,
        .ranks_per_node = settings->ranks_per_node,
        .threads = settings->threads_per_rank,
        .leaves = settings->train.leaves,
        .strong = settings->strong,
        .weak = settings->weak,
    };
    struct study_points study;
    TRY(study_points_plan(&plan, &study));
    enum status status = make_study(settings, &study);
    if (status == STATUS_OK)
        status = submit_all(settings, &study);
    study_points_release(&study);
    return status;
}

const struct command command_slurm_scaling = {
    .name = "slurm scaling",
    .arguments = "[CONFIG.ini]",
    .summary = "submit a scaling study: trainings on many numbers of nodes, their table and plot",
    .description =
        "Trains the config's first steps once for each combination of nodes, ranks and threads:\n"
        "with the same global batch, and with one that grows with the ranks. For each number of\n"
        "nodes slurm/scaling.sbatch is submitted as a job array; when all have ended,\n"
        "'eon scaling STUDY' writes STUDY/scaling.txt and STUDY/scaling.svg, also by hand before\n"
        "that: docs/scaling.md. Checkpoints of points are not kept.\n"
        "\n"
        "    eon slurm scaling my.ini --study=scaling --nodes=1,2,4 --time=0:30:00",
    .options = scaling_options,
    .settings_bytes = sizeof(struct scaling_settings),
    .max_positionals = 1,
    .takes_config = true,
    .run = run,
};
