/* eon slurm submit: a training becomes a batch job. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"
#include "trainer/jobs/job_journal.h"
#include "trainer/jobs/job_script.h"
#include "trainer/training/train_config.h"

struct submit_settings {
    char *nodes, *time, *partition, *account, *qos, *job_name, *sbatch;
    int64_t ranks_per_node, cpus_per_rank, warn_seconds;
    bool exclusive, dry_run, json;
    struct train_config train;
};

#define AT(member) offsetof(struct submit_settings, member)

/* clang-format off */
static const struct option_spec job_options[] = {
    { .section = "Job", .key = "nodes", .type = OPTION_TEXT, .offset = AT(nodes),
      .help = "how many, or from how few to how many: 3-4" },
    { .key = "time", .type = OPTION_TEXT, .offset = AT(time),
      .help = "limit of each job, as sbatch takes it: 24:00:00, 2-12" },
    { .key = "partition", .type = OPTION_TEXT, .offset = AT(partition), .default_text = "",
      .help = "empty: the site's default" },
    { .key = "account", .type = OPTION_TEXT, .offset = AT(account), .default_text = "",
      .help = "that pays; empty: the user's default" },
    { .key = "qos", .type = OPTION_TEXT, .offset = AT(qos), .default_text = "",
      .help = "quality of service; empty: the default" },
    { .key = "job_name", .type = OPTION_TEXT, .offset = AT(job_name), .default_text = "",
      .help = "empty: the run's folder's" },
    { .key = "ranks_per_node", .type = OPTION_INTEGER, .offset = AT(ranks_per_node),
      .default_text = "0", .min = 0, .max = 65536, .help = "0: one for each NUMA domain" },
    { .key = "cpus_per_rank", .type = OPTION_INTEGER, .offset = AT(cpus_per_rank),
      .default_text = "0", .min = 0, .max = 65536, .help = "0: its share of the node's" },
    { .key = "exclusive", .type = OPTION_BOOL, .offset = AT(exclusive), .default_text = "true",
      .help = "whole nodes" },
    { .key = "warn_seconds", .type = OPTION_INTEGER, .offset = AT(warn_seconds),
      .default_text = "180", .min = 1, .max = 65535, .unit = "s",
      .help = "before the limit, at which Slurm asks the run to save" },
    { .key = "sbatch", .type = OPTION_TEXT, .offset = AT(sbatch), .default_text = "",
      .help = "further options of sbatch, between spaces" },
    { .key = "dry_run", .type = OPTION_BOOL, .offset = AT(dry_run), .default_text = "false",
      .help = "only print the command" },
    { .key = "json", .type = OPTION_BOOL, .offset = AT(json), .default_text = "false",
      .help = "the job's number and the run as one JSON object" },
    { 0 }
};
/* clang-format on */

enum { MOST_OPTIONS = 160 };
static struct option_spec submit_options[MOST_OPTIONS];

__attribute__((constructor)) static void join_options(void)
{
    int count = options_append(submit_options, 0, MOST_OPTIONS, job_options, 0);
    options_append(submit_options, count, MOST_OPTIONS, train_options, AT(train));
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void add_text(struct word_list *words, const char *option, const char *value)
{
    if (*value)
        word_list_addf(words, "--%s=%s", option, value);
}

static void add_number(struct word_list *words, const char *option, int64_t value)
{
    if (value > 0)
        word_list_addf(words, "--%s=%lld", option, (long long)value);
}

/* sbatch reads % in a file's name, and takes \ for an order not to: where RUN has one, the log goes
 * where sbatch puts it. */
static void add_output(struct word_list *words, const char *run)
{
    struct strbuf path = STRBUF_INIT;
    if (strchr(run, '\\'))
        return;
    for (const char *c = run; *c; c++)
        strbuf_addf(&path, *c == '%' ? "%%%%" : "%c", *c);
    word_list_addf(words, "--output=%s/slurm-%%j.out", path.bytes);
    strbuf_release(&path);
}

static void add_words(struct word_list *words, const char *text)
{
    char *copy = memory_copy_string(text), *rest = copy;
    for (char *word; (word = strsep(&rest, " ")) != NULL;)
        if (*word)
            word_list_add(words, word);
    memory_free(copy);
}

/* What differs from the default: the job trains with these settings, however its config changes. */
static void add_train_options(struct word_list *words, const struct train_config *config)
{
    struct train_config defaults;
    struct strbuf value = STRBUF_INIT, usual = STRBUF_INIT;
    memset(&defaults, 0, sizeof defaults);
    options_set_defaults(train_options, &defaults);
    for (const struct option_spec *option = train_options; option->key; option++) {
        strbuf_reset(&value);
        strbuf_reset(&usual);
        options_print_value(option, config, &value);
        if (option->default_text)
            options_print_value(option, &defaults, &usual);
        if (!option->default_text || strcmp(value.bytes, usual.bytes) != 0)
            word_list_addf(words, "--%s=%s", option->key, value.bytes);
    }
    options_release(train_options, &defaults);
    strbuf_release(&value);
    strbuf_release(&usual);
}

static enum status make_command(const struct submit_settings *settings, struct word_list *words)
{
    char *script;
    const struct train_config *train = &settings->train;
    TRY(job_script_find("train.sbatch", &script));
    word_list_add(words, "sbatch");
    word_list_add(words, "--parsable");
    add_text(words, "nodes", settings->nodes);
    add_text(words, "time", settings->time);
    add_text(words, "partition", settings->partition);
    add_text(words, "account", settings->account);
    add_text(words, "qos", settings->qos);
    word_list_addf(words, "--job-name=%s",
                   *settings->job_name ? settings->job_name : last_part(train->run));
    add_number(words, "ntasks-per-node", settings->ranks_per_node);
    add_number(words, "cpus-per-task", settings->cpus_per_rank);
    if (settings->exclusive)
        word_list_add(words, "--exclusive");
    word_list_addf(words, "--signal=B:USR1@%lld", (long long)settings->warn_seconds);
    add_output(words, train->run);
    add_words(words, settings->sbatch);
    word_list_add(words, script);
    add_train_options(words, train);
    memory_free(script);
    return STATUS_OK;
}

static void print_dry(const struct word_list *words)
{
    struct strbuf line = STRBUF_INIT;
    struct word_list command = WORD_LIST_INIT;
    job_script_command(words, &command);
    word_list_print(&command, &line);
    printf("%s\n", line.bytes);
    word_list_release(&command);
    strbuf_release(&line);
}

static void print_job(const struct submit_settings *settings, const char *job)
{
    const char *run = settings->train.run;
    if (settings->json) {
        struct json *object = json_new_object();
        json_put_text(object, "job", job);
        json_put_text(object, "run", run);
        json_output_print(object, JSON_COMPACT);
        json_free(object);
    } else {
        printf("job %s is submitted: 'eon slurm status %s' tells how it goes\n", job, run);
    }
}

static enum status submit(const struct submit_settings *settings, const struct word_list *words)
{
    char job[SLURM_WORD_BYTES];
    if (settings->dry_run) {
        print_dry(words);
        return STATUS_OK;
    }
    TRY(folder_create(settings->train.run));
    TRY(job_script_submit(words, job));
    char *path = path_join(settings->train.run, JOB_JOURNAL_FILE);
    if (job_journal_note_submit(path, job) != STATUS_OK)
        log_warning("%s", status_message());
    memory_free(path);
    print_job(settings, job);
    return STATUS_OK;
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    (void)positionals;
    (void)count;
    const struct submit_settings *settings = given;
    struct train_config trial = settings->train; /* completing it changes what is sent */
    struct word_list words = WORD_LIST_INIT;
    TRY(train_config_complete(&trial));
    enum status status = make_command(settings, &words);
    if (status == STATUS_OK)
        status = submit(settings, &words);
    word_list_release(&words);
    return status;
}

const struct command command_slurm_submit = {
    .name = "slurm submit",
    .arguments = "[CONFIG.ini]",
    .summary = "submit a training to Slurm, and have it followed to its end",
    .description =
        "Submits slurm/train.sbatch with the settings as they are now. The run is saved before\n"
        "each job's time ends, and goes on in the next, also after preemptions and lost nodes,\n"
        "until it is trained: docs/clusters.md. Its log is RUN/slurm-JOB.out. What a site needs\n"
        "beyond that (modules, the network) stands in ~/.config/eon/site.sh.\n"
        "\n"
        "    eon slurm submit my.ini --nodes=4 --time=24:00:00 --corpus=CORPUS --run=runs/first",
    .options = submit_options,
    .settings_bytes = sizeof(struct submit_settings),
    .max_positionals = 1,
    .takes_config = true,
    .run = run,
};
