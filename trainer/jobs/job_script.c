#include "trainer/jobs/job_script.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

enum status job_script_program(char **path)
{
    char place[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", place, sizeof place - 1);
    if (length <= 0)
        return failed("cannot tell where this program lies: %s", strerror(errno));
    place[length] = '\0';
    *path = memory_copy_string(place);
    return STATUS_OK;
}

enum status job_script_find(const char *name, char **path)
{
    static const char *const places[] = { "/../slurm/", "/../share/eon/slurm/",
                                          "/../../slurm/" }; /* of a sanitized build */
    char *program;
    struct strbuf place = STRBUF_INIT;
    TRY(job_script_program(&program));
    *strrchr(program, '/') = '\0';
    *path = NULL;
    for (size_t i = 0; i < sizeof places / sizeof *places && !*path; i++) {
        strbuf_reset(&place);
        strbuf_addf(&place, "%s%s%s", program, places[i], name);
        if (file_exists(place.bytes))
            *path = memory_copy_string(place.bytes);
    }
    enum status status =
        *path ? STATUS_OK
              : failed("cannot find the batch script '%s' beside '%s': 'make install' puts it into "
                       "share/eon/slurm",
                       name, program);
    strbuf_release(&place);
    memory_free(program);
    return status;
}

static void print_words(const struct word_list *command, struct strbuf *out)
{
    struct json *words = json_new_array();
    for (int i = 0; i < command->count; i++)
        json_append_text(words, command->words[i]);
    json_print(words, JSON_COMPACT, out);
    json_free(words);
}

/* The site's file, as slurm/site.sh shows one; "" where there is none. */
static void find_site(struct strbuf *path)
{
    const char *named = getenv("EON_SITE"), *home = getenv("HOME");
    if (named)
        strbuf_add_string(path, named);
    else if (home)
        strbuf_addf(path, "%s/.config/eon/site.sh", home);
    if (path->length > 0 && !file_exists(path->bytes))
        strbuf_reset(path);
}

void job_script_command(const struct word_list *sbatch, struct word_list *command)
{
    struct strbuf site = STRBUF_INIT;
    find_site(&site);
    if (site.length > 0) { /* words after the text are its $0 and $@: it quotes nothing else */
        word_list_add(command, "bash");
        word_list_add(command, "-c");
        word_list_add(command, ". \"$0\" && exec \"$@\"");
        word_list_add(command, site.bytes);
    }
    for (int i = 0; i < sbatch->count; i++)
        word_list_add(command, sbatch->words[i]);
    strbuf_release(&site);
}

enum status job_script_submit(const struct word_list *sbatch, char job[SLURM_WORD_BYTES])
{
    char *program;
    struct strbuf words = STRBUF_INIT;
    struct word_list command = WORD_LIST_INIT;
    TRY(job_script_program(&program));
    print_words(sbatch, &words);
    setenv("EON", program, 1);
    setenv("EON_SBATCH", words.bytes, 1);
    unsetenv("EON_CHAIN_FIRST"); /* a chain of its own, also where a job submits it */
    unsetenv("EON_CHAIN_PREVIOUS");
    job_script_command(sbatch, &command);
    enum status status = slurm_submit(&command, job);
    word_list_release(&command);
    strbuf_release(&words);
    memory_free(program);
    return status;
}

/* The words of EON_SBATCH, with `option` after the first, if there is one. */
static enum status read_words(const char *text, const char *option, struct word_list *command)
{
    struct json *words;
    TRY(json_parse(text, strlen(text), "EON_SBATCH", &words));
    bool is_good = json_kind_of(words) == JSON_KIND_ARRAY && json_length(words) > 1;
    for (int64_t i = 0; is_good && i < json_length(words); i++) {
        const struct json *word = json_item(words, i);
        is_good = json_kind_of(word) == JSON_KIND_STRING;
        if (is_good)
            word_list_add(command, json_text(word));
        if (i == 0 && option)
            word_list_add(command, option);
    }
    json_free(words);
    return is_good ? STATUS_OK : bad_input("EON_SBATCH is no list of words");
}

int64_t job_script_least_nodes(int64_t otherwise)
{
    static const char option[] = "--nodes=";
    const char *text = getenv("EON_SBATCH");
    struct word_list command = WORD_LIST_INIT;
    int64_t least = 0; /* the last such option counts, as for sbatch */
    if (text && read_words(text, NULL, &command) == STATUS_OK)
        for (int i = 0; i < command.count; i++)
            if (strncmp(command.words[i], option, strlen(option)) == 0)
                least = strtoll(command.words[i] + strlen(option), NULL, 10);
    word_list_release(&command);
    return least > 0 ? least : otherwise;
}

enum status job_script_submit_successor(const char *job, const char *chain,
                                        char successor[SLURM_WORD_BYTES])
{
    const char *text = getenv("EON_SBATCH");
    char dependency[SLURM_WORD_BYTES + 32];
    struct word_list command = WORD_LIST_INIT;
    successor[0] = '\0';
    if (!text || *text == '\0')
        return STATUS_OK;
    snprintf(dependency, sizeof dependency, "--dependency=afterany:%s", job);
    setenv("EON_CHAIN_FIRST", chain, 1);
    setenv("EON_CHAIN_PREVIOUS", job, 1);
    enum status status = read_words(text, dependency, &command);
    if (status == STATUS_OK)
        status = slurm_submit(&command, successor);
    word_list_release(&command);
    return status;
}
