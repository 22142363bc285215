#include "comm/flight_recorder.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { ON_STANDARD_ERROR = 8, PATH_BYTES = 4096 };

struct flight_entry {
    int64_t sequence, bytes; /* sequence 0: never used */
    const char *name;
    double begun_s, met_s, ended_s; /* met_s, ended_s 0: not yet */
};

struct flight_recorder {
    struct flight_entry ring[FLIGHT_ENTRIES]; /* operation s at s % FLIGHT_ENTRIES */
    int64_t sequence;
    enum flight_phase phase;
    double turned_s; /* when the phase began */
    struct flight_totals totals;
    char doing[FLIGHT_DOING_BYTES];
};

static struct flight_recorder recorder = { .doing = "starting" };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Set before the watchdog starts. */
static char folder_path[PATH_BYTES];
static int own_rank;

static struct flight_entry *current_entry(void)
{
    return &recorder.ring[recorder.sequence % FLIGHT_ENTRIES];
}

/* With the lock held. Returns the time. */
static double turn_to(enum flight_phase phase)
{
    double now_s = clock_seconds();
    if (recorder.turned_s > 0)
        recorder.totals.seconds[recorder.phase] += now_s - recorder.turned_s;
    recorder.turned_s = now_s;
    recorder.phase = phase;
    return now_s;
}

int64_t flight_recorder_begin(const char *name, int64_t bytes, enum flight_phase phase)
{
    pthread_mutex_lock(&lock);
    double now_s = turn_to(phase);
    int64_t sequence = ++recorder.sequence;
    *current_entry() = (struct flight_entry){
        .sequence = sequence, .bytes = bytes, .name = name, .begun_s = now_s
    };
    pthread_mutex_unlock(&lock);
    return sequence;
}

void flight_recorder_turn(enum flight_phase phase)
{
    pthread_mutex_lock(&lock);
    const bool has_ended = current_entry()->ended_s > 0;
    double now_s = turn_to(phase == FLIGHT_BESIDE && has_ended ? FLIGHT_WORKING : phase);
    if (phase == FLIGHT_MOVING && current_entry()->met_s == 0)
        current_entry()->met_s = now_s;
    pthread_mutex_unlock(&lock);
}

void flight_recorder_end(void)
{
    pthread_mutex_lock(&lock);
    current_entry()->ended_s = turn_to(FLIGHT_WORKING);
    pthread_mutex_unlock(&lock);
}

void flight_recorder_doing(const char *format, ...)
{
    char text[FLIGHT_DOING_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    pthread_mutex_lock(&lock);
    snprintf(recorder.doing, sizeof recorder.doing, "%s", text);
    pthread_mutex_unlock(&lock);
}

static struct flight_recorder copy_of_all(void)
{
    pthread_mutex_lock(&lock);
    struct flight_recorder copy = recorder;
    pthread_mutex_unlock(&lock);
    return copy;
}

struct flight_state flight_recorder_state(void)
{
    pthread_mutex_lock(&lock);
    const struct flight_entry *entry = current_entry();
    struct flight_state state = {
        .sequence = recorder.sequence,
        .bytes = entry->bytes,
        .phase = recorder.phase,
    };
    snprintf(state.operation, sizeof state.operation, "%s", entry->name ? entry->name : "none");
    snprintf(state.doing, sizeof state.doing, "%s", recorder.doing);
    pthread_mutex_unlock(&lock);
    return state;
}

struct flight_totals flight_recorder_totals(void)
{
    pthread_mutex_lock(&lock);
    turn_to(recorder.phase);
    struct flight_totals totals = recorder.totals;
    pthread_mutex_unlock(&lock);
    return totals;
}

void flight_recorder_set_folder(const char *folder, int rank)
{
    own_rank = rank;
    snprintf(folder_path, sizeof folder_path, "%s", folder ? folder : "");
}

bool flight_recorder_has_folder(void)
{
    return folder_path[0] != '\0';
}

/* "12.345", or "-" for what has not come. */
static const char *span_text(char out[32], double from_s, double to_s)
{
    if (from_s > 0 && to_s > 0)
        snprintf(out, 32, "%.6f", to_s - from_s);
    else
        snprintf(out, 32, "-");
    return out;
}

static void write_entries(int file, const struct flight_recorder *copy, int64_t most)
{
    int64_t first = copy->sequence - most + 1;
    double now_s = clock_seconds();
    char waited[32], moved[32];
    dprintf(file, "%12s %14s %12s %12s %14s  %s\n", "operation", "begun_s_ago", "waited_s",
            "moved_s", "bytes", "name");
    for (int64_t sequence = first > 1 ? first : 1; sequence <= copy->sequence; sequence++) {
        const struct flight_entry *entry = &copy->ring[sequence % FLIGHT_ENTRIES];
        dprintf(file, "%12lld %14.6f %12s %12s %14lld  %s\n", (long long)sequence,
                now_s - entry->begun_s, span_text(waited, entry->begun_s, entry->met_s),
                span_text(moved, entry->met_s, entry->ended_s), (long long)entry->bytes,
                entry->name);
    }
}

static int open_file(void)
{
    char path[PATH_BYTES + 32];
    if (!flight_recorder_has_folder())
        return -1;
    mkdir(folder_path, 0777); /* there already, or the open fails */
    snprintf(path, sizeof path, "%s/rank-%d.txt", folder_path, own_rank);
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

void flight_recorder_write(const char *why)
{
    static const char *const phases[FLIGHT_PHASES] = { "working", "working beside an operation",
                                                       "waiting for the others", "moving data" };
    static atomic_flag is_writing = ATOMIC_FLAG_INIT;
    char when[64];
    if (atomic_flag_test_and_set(&is_writing))
        return;
    struct flight_recorder copy = copy_of_all();
    int file = open_file();
    clock_timestamp(when, sizeof when);
    dprintf(file >= 0 ? file : STDERR_FILENO,
            "rank %d at %s: %s\nnow: %s since %.6f s; last said to be: %s\n", own_rank, when, why,
            phases[copy.phase], clock_seconds() - copy.turned_s, copy.doing);
    write_entries(file >= 0 ? file : STDERR_FILENO, &copy,
                  file >= 0 ? FLIGHT_ENTRIES : ON_STANDARD_ERROR);
    if (file >= 0)
        close(file);
    atomic_flag_clear(&is_writing);
}
