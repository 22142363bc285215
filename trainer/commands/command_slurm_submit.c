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
#include "trainer/jobs/job_request.h"
#include "trainer/jobs/train_words.h"

struct submit_settings {
    char *nodes;
    int64_t ranks_per_node, cpus_per_rank;
    bool dry_run, json;
    struct job_request request;
    struct train_config train;
};

#define AT(member) offsetof(struct submit_settings, member)

/* clang-format off */
static const struct option_spec own_options[] = {
    { .section = "Nodes", .key = "nodes", .type = OPTION_TEXT, .offset = AT(nodes),
      .help = "how many, or from how few to how many: 3-4" },
    { .key = "ranks_per_node", .type = OPTION_INTEGER, .offset = AT(ranks_per_node),
      .default_text = "0", .min = 0, .max = 65536, .help = "0: one for each NUMA domain" },
    { .key = "cpus_per_rank", .type = OPTION_INTEGER, .offset = AT(cpus_per_rank),
      .default_text = "0", .min = 0, .max = 65536, .help = "0: its share of the node's" },
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
    int count = options_append(submit_options, 0, MOST_OPTIONS, own_options, 0);
    count = options_append(submit_options, count, MOST_OPTIONS, job_request_options, AT(request));
    options_append(submit_options, count, MOST_OPTIONS, train_options, AT(train));
}

static void add_number(struct word_list *words, const char *option, int64_t value)
{
    if (value > 0)
        word_list_addf(words, "--%s=%lld", option, (long long)value);
}

static enum status make_command(const struct submit_settings *settings, struct word_list *words)
{
    char *script;
    const char *run = settings->train.run;
    TRY(job_script_find("train.sbatch", &script));
    job_request_words(&settings->request, run, "slurm-%j.out", words);
    word_list_addf(words, "--nodes=%s", settings->nodes);
    add_number(words, "ntasks-per-node", settings->ranks_per_node);
    add_number(words, "cpus-per-task", settings->cpus_per_rank);
    word_list_add(words, script);
    train_words_add(words, &settings->train);
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
