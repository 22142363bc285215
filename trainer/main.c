/* eon: trains language models on CPU clusters. See trainer/training/train_step.c first. */
#include "trainer/commands/command.h"

int main(int count, char **arguments)
{
    return command_line_run(count, arguments);
}
