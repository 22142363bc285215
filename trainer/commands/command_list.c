#include <stddef.h>

#include "trainer/commands/command.h"

const struct command *const command_list[] = {
    NULL,
};
