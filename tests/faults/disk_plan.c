/* What is struck, and how the process ends then: tests/faults/disk_shim.h. */
#include "tests/faults/disk_shim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/faults/disk_mates.h"

static const char *const kind_names[CALL_KINDS] = {
    [CALL_WRITE] = "write",   [CALL_SIZE] = "size",     [CALL_SYNC] = "sync",
    [CALL_RANGE] = "range",   [CALL_RENAME] = "rename", [CALL_CLOSE] = "close",
    [CALL_CREATE] = "create", [CALL_MKDIR] = "mkdir",   [CALL_UNLINK] = "unlink",
    [CALL_RMDIR] = "rmdir",
};

static const struct {
    const char *name;
    int number;
} errors[] = { { "ENOSPC", ENOSPC }, { "EDQUOT", EDQUOT }, { "EIO", EIO }, { "EINTR", EINTR } };

enum { VALUE_BYTES = 1024 };

static struct {
    char folder[VALUE_BYTES], kind[16], how[16], lose[8];
    int64_t at, from, budget; /* 0: none; budget -1: none */
    uint64_t seed;
    int error, trace, rank;
    bool is_armed; /* this rank is struck */
    int64_t counted, grown;
} plan = { .trace = -1, .budget = -1 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- The plan -------------------------------------------------------------------------------- */

/* False where the text has no such word. */
static bool read_value(const char *text, const char *key, char *value, size_t bytes)
{
    size_t length = strlen(key);
    for (const char *word = text; word; word = strchr(word, ' ')) {
        word += strspn(word, " ");
        if (strncmp(word, key, length) != 0 || word[length] != '=')
            continue;
        snprintf(value, bytes, "%.*s", (int)strcspn(word + length + 1, " "), word + length + 1);
        return true;
    }
    return false;
}

static int64_t read_number(const char *text, const char *key, int64_t otherwise)
{
    char value[32];
    return read_value(text, key, value, sizeof value) ? atoll(value) : otherwise;
}

static int own_rank(void)
{
    static const char *const names[] = { "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            return atoi(getenv(names[i]));
    return 0;
}

static void read_error(const char *text)
{
    char name[16] = "";
    read_value(text, "error", name, sizeof name);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (strcmp(name, errors[i].name) == 0)
            plan.error = errors[i].number;
}

static void open_trace(const char *text)
{
    char path[VALUE_BYTES], own[VALUE_BYTES + 16];
    if (!read_value(text, "trace", path, sizeof path))
        return;
    snprintf(own, sizeof own, "%s.%d", path, plan.rank);
    plan.trace = raw_open(AT_FDCWD, own, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

static void end_with_the_others(void)
{
    pthread_mutex_lock(&lock); /* for good */
    mates_end(journal_undo);
}

__attribute__((constructor)) static void begin(void)
{
    char path[VALUE_BYTES];
    const char *text = getenv("DISK_SHIM");
    if (!text || !read_value(text, "folder", plan.folder, sizeof plan.folder))
        return;
    plan.rank = own_rank();
    plan.at = read_number(text, "at", 0);
    plan.from = read_number(text, "from", 0);
    plan.budget = read_number(text, "budget", -1);
    plan.seed = (uint64_t)read_number(text, "seed", 0) * 1000 + (uint64_t)plan.rank;
    plan.is_armed = read_number(text, "rank", plan.rank) == plan.rank;
    read_value(text, "kind", plan.kind, sizeof plan.kind);
    read_value(text, "do", plan.how, sizeof plan.how);
    read_value(text, "lose", plan.lose, sizeof plan.lose);
    read_error(text);
    open_trace(text);
    if (shim_loses())
        journal_begin();
    if (read_value(text, "mates", path, sizeof path))
        mates_join(path, end_with_the_others);
}

__attribute__((destructor)) static void end(void)
{
    if (mates_are_ending())
        end_with_the_others();
    mates_leave();
}

const char *shim_folder(void)
{
    return plan.folder;
}

int shim_rank(void)
{
    return plan.rank;
}

bool shim_loses(void)
{
    return plan.lose[0] != '\0';
}

bool shim_loses_all(void)
{
    return strcmp(plan.lose, "all") == 0;
}

void *shim_need(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* SplitMix64: Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014). */
uint64_t shim_random(uint64_t bound)
{
    uint64_t mixed = plan.seed += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return (mixed ^ mixed >> 31) % bound;
}

bool shim_watches(const char *path)
{
    size_t length = strlen(plan.folder);
    return length > 0 && strncmp(path, plan.folder, length) == 0 &&
           (path[length] == '/' || path[length] == '\0');
}

/* ---- One call -------------------------------------------------------------------------------- */

static void trace(const char *kind, const char *path)
{
    char line[SHIM_PATH_BYTES + 32];
    int length = snprintf(line, sizeof line, "%s %s\n", kind, path);
    if (plan.trace >= 0 && syscall(SYS_write, plan.trace, line, (size_t)length) < 0)
        abort();
}

static bool is_struck(enum call_kind kind)
{
    if (!plan.is_armed || (plan.kind[0] && strcmp(plan.kind, kind_names[kind]) != 0))
        return false;
    plan.counted++;
    return plan.counted == plan.at || (plan.from > 0 && plan.counted >= plan.from);
}

static bool does(const char *how)
{
    return strcmp(plan.how, how) == 0;
}

/* `lock` is held, and stays so. */
static void end_all(void)
{
    mates_end(journal_undo);
}

bool shim_begin(struct shim_call *call, enum call_kind kind, const char *path)
{
    *call = (struct shim_call){ .kind = kind, .is_watched = path[0] && shim_watches(path) };
    if (!call->is_watched)
        return true;
    int kept = errno;
    pthread_mutex_lock(&lock);
    if (mates_are_ending())
        end_all();
    trace(kind_names[kind], path + strlen(plan.folder));
    call->is_struck = is_struck(kind);
    if (call->is_struck)
        trace("struck", "");
    if (call->is_struck && does("kill_before"))
        end_all();
    errno = call->is_struck && does("fail") ? plan.error : kept;
    return !call->is_struck || !does("fail");
}

void shim_end(struct shim_call *call)
{
    if (!call->is_watched)
        return;
    int kept = errno;
    if (call->is_struck && does("kill_after"))
        end_all();
    pthread_mutex_unlock(&lock);
    errno = kept;
}

/* Direct writes are taken in whole blocks. */
static size_t whole_blocks(int descriptor, size_t length)
{
    enum { BLOCK = 4096 };
    return fcntl(descriptor, F_GETFL) & O_DIRECT ? length - length % BLOCK : length;
}

size_t shim_taken(const struct shim_call *call, int descriptor, size_t length, int64_t growth)
{
    const int64_t left = plan.budget - plan.grown, wanted = (int64_t)length;
    size_t taken = length, half = whole_blocks(descriptor, length / 2);
    if (plan.is_armed && plan.budget >= 0 && growth > left) {
        int64_t beyond = (growth < wanted ? growth : wanted) - left;
        taken = beyond < wanted ? whole_blocks(descriptor, (size_t)(wanted - beyond)) : 0;
    }
    if (call->is_struck && call->kind == CALL_WRITE && does("short") && half > 0 && half < taken)
        taken = half;
    if (taken == 0)
        errno = ENOSPC;
    return taken;
}

void shim_grown(int64_t bytes)
{
    plan.grown += bytes;
}
