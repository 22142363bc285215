/* json_output: what a command prints for programs, by its option --json. */
#ifndef TRAINER_COMMANDS_JSON_OUTPUT_H
#define TRAINER_COMMANDS_JSON_OUTPUT_H

#include "base/json.h"

/* On standard output, ended by a line end. */
void json_output_print(const struct json *value, enum json_style style);

#endif
