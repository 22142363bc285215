#include "trainer/jobs/job_supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"

static sigset_t held_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    return set;
}

void job_supervisor_hold_signals(void)
{
    const sigset_t set = held_signals();
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0, "sigprocmask: %s", strerror(errno));
}

/* To standard error, and to those who learn from it. False at the end. */
static bool relay(int from, struct node_faults *faults)
{
    char block[16384];
    ssize_t length = read(from, block, sizeof block);
    if (length < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (length <= 0)
        return false;
    node_faults_read(faults, block, (size_t)length);
    for (ssize_t done = 0, now; done < length; done += now)
        if ((now = write(STDERR_FILENO, block + done, (size_t)(length - done))) <= 0)
            break; /* a full disk loses the log, not the training */
    return true;
}

static void pass_on(int signals, pid_t launcher, struct job_outcome *outcome)
{
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    const bool ends = info.ssi_signo == SIGTERM;
    outcome->was_warned |= !ends;
    outcome->was_ended |= ends;
    log_info("slurm: %s: the run is asked to save and stop",
             ends ? "the job is being ended" : "a warning that the job's time ends");
    kill(launcher, SIGUSR1);
}

struct watched {
    int errors, signals;
    pid_t launcher;
    struct node_faults *faults;
    job_ending_function *ending;
    void *context;
};

/* Until the launcher and all that hold its standard error are gone. */
static void watch(const struct watched *watched, struct job_outcome *outcome)
{
    struct pollfd sources[] = { { watched->errors, POLLIN, 0 }, { watched->signals, POLLIN, 0 } };
    for (;;) {
        if (poll(sources, 2, -1) < 0)
            continue;
        const bool was_ended = outcome->was_ended;
        if (sources[1].revents)
            pass_on(watched->signals, watched->launcher, outcome);
        if (outcome->was_ended && !was_ended)
            watched->ending(watched->context);
        if (sources[0].revents && !relay(watched->errors, watched->faults))
            return;
    }
}

enum status job_supervise(const struct word_list *command, struct node_faults *faults,
                          job_ending_function *ending, void *context, struct job_outcome *out)
{
    const sigset_t set = held_signals();
    struct watched watched = { .faults = faults, .ending = ending, .context = context };
    *out = (struct job_outcome){ .exit_status = 0 };
    watched.signals = signalfd(-1, &set, SFD_CLOEXEC);
    CHECK(watched.signals >= 0, "signalfd: %s", strerror(errno));
    enum status status =
        subprocess_start(command, SUBPROCESS_ERRORS, true, &watched.errors, &watched.launcher);
    if (status == STATUS_OK) {
        watch(&watched, out);
        close(watched.errors);
        out->exit_status = subprocess_wait(watched.launcher);
    }
    close(watched.signals);
    return status;
}
