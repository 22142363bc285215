#include "trainer/training/stop_signal.h"

#include <signal.h>
#include <string.h>

#include "base/memory.h"

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

bool stop_signal_received(const struct world *world)
{
    char mine = (char)asked_to_stop;
    char *all = memory_alloc((size_t)world->size);
    world_gather_all(world, &mine, sizeof mine, all);
    bool any = memchr(all, 1, (size_t)world->size) != NULL;
    memory_free(all);
    return any;
}
