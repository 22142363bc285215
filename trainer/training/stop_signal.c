#include "trainer/training/stop_signal.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t asked_to_stop;

static void remember(int number)
{
    asked_to_stop = 1;
    if (number == SIGINT)
        signal(SIGINT, SIG_DFL);
}

void stop_signal_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = remember;
    action.sa_flags = SA_RESTART;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

bool stop_signal_received(const struct world *world, bool other_reason)
{
    return world_any(world, asked_to_stop != 0 || other_reason);
}
