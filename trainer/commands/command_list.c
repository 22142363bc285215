#include <stddef.h>

#include "trainer/commands/command.h"

extern const struct command command_compute;

const struct command *const command_list[] = {
    &command_compute,
    NULL,
};
