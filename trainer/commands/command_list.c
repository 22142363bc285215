#include <stddef.h>

#include "trainer/commands/command.h"

extern const struct command command_compute;
extern const struct command command_generate;
extern const struct command command_train;

const struct command *const command_list[] = {
    &command_train, &command_generate, &command_compute, NULL,
};
