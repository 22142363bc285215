/* command_help: what eon says of itself: the list of commands, --help, the pages
 * of docs/commands. All of it comes from the rows of command_list. */
#ifndef TRAINER_COMMANDS_COMMAND_HELP_H
#define TRAINER_COMMANDS_COMMAND_HELP_H

#include <stdio.h>

#include "trainer/commands/command.h"

#define EON_VERSION "0.1.0"

void command_help_print(const struct command *command, FILE *out);

/* `eon`, `eon help [COMMAND]`, `eon help --pages=FOLDER`, `eon --version`; anything else is an
 * unknown command, answered with the nearest. Returns the exit status. */
int command_help_run(int count, char *const *arguments);

#endif
