#include "trainer/commands/command.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "trainer/commands/command_help.h"

/* How many leading arguments name `command`: 0 where they name another. */
static int words_matched(const struct command *command, int count, char *const *arguments)
{
    const char *second = strchr(command->name, ' ');
    size_t first_length = second ? (size_t)(second - command->name) : strlen(command->name);
    if (count < 1 || strlen(arguments[0]) != first_length ||
        memcmp(arguments[0], command->name, first_length) != 0)
        return 0;
    if (!second)
        return 1;
    return count >= 2 && strcmp(arguments[1], second + 1) == 0 ? 2 : 0;
}

static const struct command *find_command(int count, char *const *arguments, int *words)
{
    for (int i = 0; command_list[i]; i++) {
        *words = words_matched(command_list[i], count, arguments);
        if (*words > 0)
            return command_list[i];
    }
    return NULL;
}

static enum status check_positionals(const struct command *command, int count)
{
    if (count < command->min_positionals)
        return bad_input("'eon %s' needs %s: see 'eon %s --help'", command->name,
                         command->arguments, command->name);
    if (command->max_positionals >= 0 && count > command->max_positionals)
        return bad_input("'eon %s' takes at most %d arguments and got %d: see 'eon %s --help'",
                         command->name, command->max_positionals, count, command->name);
    return STATUS_OK;
}

/* The config is named among the arguments, whose options override it: they are
 * read twice, for its name and for their values. */
static enum status read_settings(const struct command *command, void *settings, int count,
                                 char *const *arguments, const char **positionals,
                                 int *positional_count)
{
    options_set_defaults(command->options, settings);
    TRY(options_read_arguments(command->options, settings, count, arguments, positionals,
                               positional_count));
    TRY(check_positionals(command, *positional_count));
    if (command->takes_config && *positional_count > 0) {
        options_release(command->options, settings);
        options_set_defaults(command->options, settings);
        TRY(options_read_ini(command->options, settings, positionals[0]));
        TRY(options_read_arguments(command->options, settings, count, arguments, positionals,
                                   positional_count));
    }
    return options_check_required(command->options, settings);
}

/* Wrong use is found by every rank alike: all start MPI, so that one of them can speak. */
static enum status run_on_all_ranks(const struct command *command, enum status status,
                                    const void *settings, const char *const *positionals, int count)
{
    struct world world;
    if (status == STATUS_OK && command->prepare)
        status = command->prepare(settings);
    enum status started = world_init(&world);
    status = started == STATUS_OK ? world_agree(&world, status) : started;
    if (status == STATUS_OK)
        status = command->run_collective(&world, settings, positionals, count);
    if (status != STATUS_OK && world.rank == 0)
        log_error(status_message());
    world_finalize(&world);
    return status;
}

static enum status run_alone(const struct command *command, enum status status,
                             const void *settings, const char *const *positionals, int count)
{
    if (status == STATUS_OK && command->prepare)
        status = command->prepare(settings);
    if (status == STATUS_OK)
        status = command->run(settings, positionals, count);
    if (status != STATUS_OK)
        log_error(status_message());
    return status;
}

static int run_command(const struct command *command, int count, char *const *arguments)
{
    void *settings = memory_alloc_zeroed(1, command->settings_bytes + 1);
    const char **positionals = memory_alloc_zeroed((size_t)count + 1, sizeof *positionals);
    int positional_count = 0;

    enum status status =
        read_settings(command, settings, count, arguments, positionals, &positional_count);
    if (command->run_collective)
        status = run_on_all_ranks(command, status, settings, positionals, positional_count);
    else
        status = run_alone(command, status, settings, positionals, positional_count);

    options_release(command->options, settings);
    memory_free(settings);
    memory_free(positionals);
    if (memory_live_blocks() != 0) /* no harm any more, but a mistake: tests look for this line */
        log_warning("%lld blocks of memory are still held at the end",
                    (long long)memory_live_blocks());
    return (int)status;
}

static bool asks_for_help(int count, char *const *arguments)
{
    for (int i = 0; i < count && strcmp(arguments[i], "--") != 0; i++)
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0)
            return true;
    return false;
}

static int run_or_help(int count, char *const *arguments)
{
    int words = 0;
    const struct command *command = find_command(count, arguments, &words);
    if (!command)
        return command_help_run(count, arguments);
    if (asks_for_help(count - words, arguments + words)) {
        command_help_print(command, stdout);
        return STATUS_OK;
    }
    return run_command(command, count - words, arguments + words);
}

int command_line_run(int count, char **arguments)
{
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of its write, not the end of a run */

    int status = run_or_help(count - 1, arguments + 1);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == STATUS_OK) {
        log_error("cannot write the standard output");
        status = STATUS_FAILED;
    }
    return status;
}
