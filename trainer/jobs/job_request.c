#include "trainer/jobs/job_request.h"

#include <string.h>

#include "base/memory.h"

#define AT(member) offsetof(struct job_request, member)

/* clang-format off */
const struct option_spec job_request_options[] = {
    { .section = "Job", .key = "time", .type = OPTION_TEXT, .offset = AT(time),
      .help = "limit of each job, as sbatch takes it: 24:00:00, 2-12" },
    { .key = "partition", .type = OPTION_TEXT, .offset = AT(partition), .default_text = "",
      .help = "empty: the site's default" },
    { .key = "account", .type = OPTION_TEXT, .offset = AT(account), .default_text = "",
      .help = "that pays; empty: the user's default" },
    { .key = "qos", .type = OPTION_TEXT, .offset = AT(qos), .default_text = "",
      .help = "quality of service; empty: the default" },
    { .key = "job_name", .type = OPTION_TEXT, .offset = AT(job_name), .default_text = "",
      .help = "empty: the folder's" },
    { .key = "exclusive", .type = OPTION_BOOL, .offset = AT(exclusive), .default_text = "true",
      .help = "whole nodes" },
    { .key = "warn_seconds", .type = OPTION_INTEGER, .offset = AT(warn_seconds),
      .default_text = "180", .min = 1, .max = 65535, .unit = "s",
      .help = "before the limit, at which Slurm asks the run to save" },
    { .key = "sbatch", .type = OPTION_TEXT, .offset = AT(sbatch), .default_text = "",
      .help = "further options of sbatch, between spaces" },
    { 0 }
};
/* clang-format on */

static void add_text(struct word_list *words, const char *option, const char *value)
{
    if (*value)
        word_list_addf(words, "--%s=%s", option, value);
}

/* sbatch reads % in a file's name, and takes \ for an order not to: where the folder has one, the
 * log goes where sbatch puts it. */
static void add_output(struct word_list *words, const char *folder, const char *log)
{
    struct strbuf path = STRBUF_INIT;
    if (strchr(folder, '\\'))
        return;
    for (const char *c = folder; *c; c++)
        strbuf_addf(&path, *c == '%' ? "%%%%" : "%c", *c);
    word_list_addf(words, "--output=%s/%s", path.bytes, log);
    strbuf_release(&path);
}

static void add_further(struct word_list *words, const char *text)
{
    char *copy = memory_copy_string(text), *rest = copy;
    for (char *word; (word = strsep(&rest, " ")) != NULL;)
        if (*word)
            word_list_add(words, word);
    memory_free(copy);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

void job_request_words(const struct job_request *request, const char *folder, const char *log,
                       struct word_list *words)
{
    word_list_add(words, "sbatch");
    word_list_add(words, "--parsable");
    add_text(words, "time", request->time);
    add_text(words, "partition", request->partition);
    add_text(words, "account", request->account);
    add_text(words, "qos", request->qos);
    word_list_addf(words, "--job-name=%s",
                   *request->job_name ? request->job_name : last_part(folder));
    if (request->exclusive)
        word_list_add(words, "--exclusive");
    word_list_addf(words, "--signal=B:USR1@%lld", (long long)request->warn_seconds);
    add_output(words, folder, log);
    add_further(words, request->sbatch);
}
