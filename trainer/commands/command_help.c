#include "trainer/commands/command_help.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"

#define NAMES_MAX 64

static void print_overview(FILE *out)
{
    fprintf(out, "eon trains language models on CPU clusters, and tells what it cost.\n\n"
                 "usage: eon COMMAND [--option=value ...] [arguments]\n"
                 "       mpirun -n RANKS eon train CONFIG.ini [--option=value ...]\n\n");
    for (int i = 0; command_list[i]; i++)
        fprintf(out, "  %-18s %s\n", command_list[i]->name, command_list[i]->summary);
    fprintf(out, "  %-18s %s\n", "help", "this list; 'eon help COMMAND' tells more");
    fprintf(out, "\nExit status: 0 done, 1 failed, 2 wrong use or bad input, 75 stopped early and "
                 "resumable.\n");
}

void command_help_print(const struct command *command, FILE *out)
{
    fprintf(out, "eon %s: %s\n\nusage: %seon %s [--option=value ...] %s\n\n%s\n\n%s", command->name,
            command->summary, command->run_collective ? "mpirun -n RANKS " : "", command->name,
            command->arguments, command->description,
            command->options[0].section ? "" : "options:\n");
    options_print_help(command->options, out);
}

static enum status write_page(const struct command *command, const char *folder)
{
    struct strbuf page = STRBUF_INIT, name = STRBUF_INIT;
    strbuf_addf(&page, "# eon %s\n\n%s.\n\n    %seon %s [--option=value ...] %s\n\n%s\n\n",
                command->name, command->summary, command->run_collective ? "mpirun -n RANKS " : "",
                command->name, command->arguments, command->description);
    strbuf_add_string(&page, "## Options\n\n");
    options_print_markdown(command->options, &page);

    strbuf_addf(&name, "%s/%s.md", folder, command->name);
    for (char *c = name.bytes + strlen(folder); *c; c++)
        if (*c == ' ')
            *c = '-';
    enum status status = file_replace(name.bytes, page.bytes, page.length);
    strbuf_release(&page);
    strbuf_release(&name);
    return status;
}

static enum status write_pages(const char *folder)
{
    TRY(folder_create(folder));
    for (int i = 0; command_list[i]; i++)
        TRY(write_page(command_list[i], folder));
    return STATUS_OK;
}

/* "shards build" from the words of the command line. */
static void join_words(int count, char *const *arguments, struct strbuf *out)
{
    for (int i = 0; i < count && i < 2 && arguments[i][0] != '-'; i++)
        strbuf_addf(out, "%s%s", i ? " " : "", arguments[i]);
}

static enum status unknown_command(int count, char *const *arguments)
{
    const char *names[NAMES_MAX] = { NULL };
    for (int i = 0; i < NAMES_MAX - 1 && command_list[i]; i++)
        names[i] = command_list[i]->name;

    struct strbuf words = STRBUF_INIT;
    join_words(count, arguments, &words);
    const char *asked = words.length ? words.bytes : arguments[0];
    const char *near = nearest_word(asked, names);
    enum status status =
        near ? bad_input("unknown command '%s': did you mean 'eon %s'?", asked, near)
             : bad_input("unknown command '%s': 'eon help' lists them", asked);
    strbuf_release(&words);
    return status;
}

static enum status help_for(int count, char *const *arguments)
{
    if (strncmp(arguments[0], "--pages=", 8) == 0)
        return write_pages(arguments[0] + 8);

    struct strbuf words = STRBUF_INIT;
    join_words(count, arguments, &words);
    bool found = false;
    for (int i = 0; command_list[i]; i++) {
        size_t length = words.length;
        const char *name = command_list[i]->name;
        if (length && strncmp(name, words.bytes, length) == 0 &&
            (name[length] == '\0' || name[length] == ' ')) {
            if (found)
                printf("\n");
            command_help_print(command_list[i], stdout);
            found = true;
        }
    }
    strbuf_release(&words);
    return found ? STATUS_OK : unknown_command(count, arguments);
}

int command_help_run(int count, char *const *arguments)
{
    enum status status = STATUS_OK;
    if (count == 0) {
        print_overview(stderr);
        return STATUS_BAD_INPUT;
    }
    if (strcmp(arguments[0], "--version") == 0)
        printf("eon %s\n", EON_VERSION);
    else if (strcmp(arguments[0], "--help") == 0 || strcmp(arguments[0], "-h") == 0 ||
             (strcmp(arguments[0], "help") == 0 && count == 1))
        print_overview(stdout);
    else if (strcmp(arguments[0], "help") == 0)
        status = help_for(count - 1, arguments + 1);
    else
        status = unknown_command(count, arguments);
    if (status != STATUS_OK)
        log_error(status_message());
    return (int)status;
}
