/* command: one verb of the command line, such as `eon train` or `eon shards build`.
 *
 * A command is a row: its words, a summary, its options (base/options) and a
 * function. --help, the list of commands and docs/commands are printed from
 * these rows. One file per command, named command_VERB.c.
 */
#ifndef TRAINER_COMMANDS_COMMAND_H
#define TRAINER_COMMANDS_COMMAND_H

#include "base/options.h"
#include "base/status.h"
#include "comm/world.h"

/* Settings are filled from the defaults, the config and the arguments, in this order. */
typedef enum status command_function(const void *settings, const char *const *positionals,
                                     int count);
typedef enum status collective_function(const struct world *world, const void *settings,
                                        const char *const *positionals, int count);

struct command {
    const char *name;        /* "shards build": one or two words */
    const char *arguments;   /* "INPUT...", "" */
    const char *summary;     /* one line */
    const char *description; /* paragraphs for --help and the page; examples included */
    const struct option_spec *options;
    size_t settings_bytes;                /* of the struct that the options fill */
    int min_positionals, max_positionals; /* max < 0: any number */
    bool takes_config; /* the first positional, if any, is an INI file of options */

    /* Before MPI starts, while the environment may still be changed. Or NULL. */
    enum status (*prepare)(const void *settings);
    command_function *run;               /* in one process; or */
    collective_function *run_collective; /* on all ranks: all return the same status */
};

/* All commands, ended by NULL: trainer/commands/command_list.c */
extern const struct command *const command_list[];

/* Runs the command that main's arguments name; returns the exit status. */
int command_line_run(int count, char **arguments);

#endif
