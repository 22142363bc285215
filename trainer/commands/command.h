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

struct command {
    const char *name;        /* "shards build": one or two words */
    const char *arguments;   /* "INPUT...", "" */
    const char *summary;     /* one line */
    const char *description; /* paragraphs for --help and the page; examples included */
    const struct option_spec *options;
    size_t settings_bytes;                /* of the struct that the options fill */
    int min_positionals, max_positionals; /* max < 0: any number */
    /* Settings are filled from defaults and arguments (and the INI file that a command
     * with takes_config names as its first positional), and checked for required keys. */
    bool takes_config;
    enum status (*run)(const void *settings, const char *const *positionals, int count);
};

/* All commands, ended by NULL: trainer/commands/command_list.c */
extern const struct command *const command_list[];

#endif
