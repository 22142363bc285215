/* Every call by which a save changes the disk fails, comes up short or is the last one before a
 * kill, in turn; and so when one is taken from a node into the run. Afterwards the newest complete
 * checkpoint must load and a partial one must not.
 *
 * The calls are replaced by linking: the definitions here come before the C library's. A kill is
 * _exit() in a child, so what was written before it stays, as it does for a killed process.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/local_tier.h"
#include "tests/unit/checkpoint_sample.h"

static struct {
    bool armed;
    int calls_left; /* this many succeed */
    enum { KILL_BEFORE, KILL_AFTER, FAIL, SHORT_WRITE } how;
    int error;
    bool stays; /* all calls after it fail alike: a full disk, not a hiccup */
    char trace[4096];
    size_t traced;
} fault;

/* Whether this call is the one that is to fail. */
static bool is_struck(char letter)
{
    if (!fault.armed)
        return false;
    if (fault.traced + 1 < sizeof fault.trace)
        fault.trace[fault.traced++] = letter;
    return fault.stays ? fault.calls_left-- <= 0 : fault.calls_left-- == 0;
}

enum { KILLED = 99 };

static bool struck;

/* False where the call is to fail. */
static bool begin_call(char letter)
{
    struck = is_struck(letter);
    if (struck && fault.how == KILL_BEFORE)
        _exit(KILLED);
    if (struck && fault.how == FAIL)
        errno = fault.error;
    return !struck || fault.how != FAIL;
}

static int end_call(long result)
{
    if (struck && fault.how == KILL_AFTER)
        _exit(KILLED);
    return (int)result;
}

int mkdir(const char *path, mode_t mode)
{
    return begin_call('m') ? end_call(syscall(SYS_mkdirat, AT_FDCWD, path, mode)) : -1;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset)
{
    if (!begin_call('w'))
        return -1;
    size_t taken = struck && fault.how == SHORT_WRITE && length > 1 ? length / 2 : length;
    return end_call(syscall(SYS_pwrite64, descriptor, bytes, taken, offset));
}

/* A killed process loses nothing that it wrote, synced or not: the disk is spared. */
int fsync(int descriptor)
{
    (void)descriptor;
    return begin_call('s') ? end_call(0) : -1;
}

/* Frees the descriptor even where it fails. */
int close(int descriptor)
{
    bool good = begin_call('c');
    long result = syscall(SYS_close, descriptor);
    if (good)
        return end_call(result);
    errno = fault.error;
    return -1;
}

int rename(const char *from, const char *to)
{
    return begin_call('r') ? end_call(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0)) : -1;
}

int remove(const char *path)
{
    struct stat info;
    if (!begin_call('u'))
        return -1;
    int flags = lstat(path, &info) == 0 && S_ISDIR(info.st_mode) ? AT_REMOVEDIR : 0;
    return end_call(syscall(SYS_unlinkat, AT_FDCWD, path, flags));
}

static struct world world;

static bool restores; /* what is struck is no save, but the restoring of a local one */

/* Collective. What this node holds of a run: a folder of that, here. */
static void save_local(const char *run, int64_t step)
{
    const struct checkpoint_way way = { .is_local = true };
    struct checkpoint_writer *writer;
    char *local = path_join(run, "local");
    assert_int_equal(checkpoint_writer_begin(&world, &way, local, step, &writer), STATUS_OK);
    sample_add(writer, &world, step, true);
    assert_int_equal(checkpoint_writer_commit(writer), STATUS_OK);
    memory_free(local);
}

static enum status save_or_restore(const char *run, int64_t step)
{
    if (!restores)
        return sample_save(&world, run, step);
    char *local = path_join(run, "local");
    enum status status = local_tier_restore(&world, local, run, -1);
    memory_free(local);
    return status;
}

/* What a child saw, as its exit status. */
enum { SAVED = 10, SAVE_FAILED = 11, WRONG_MESSAGE = 12, NOT_REACHED = 20 };

static int save_under_fault(const char *run, int64_t step)
{
    fault.armed = true;
    enum status status = save_or_restore(run, step);
    fault.armed = false;
    if (fault.calls_left >= 0)
        return NOT_REACHED;
    if (status == STATUS_OK)
        return SAVED;
    bool says_why = fault.how == FAIL && strstr(status_message(), strerror(fault.error));
    return says_why && status == STATUS_FAILED ? SAVE_FAILED : WRONG_MESSAGE;
}

static int save_in_child(const char *run, int64_t step)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO); /* warnings about the faults */
        _exit(save_under_fault(run, step));
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    return WEXITSTATUS(result);
}

/* The step of the newest checkpoint, whose every value is checked. */
static int64_t newest(const char *run)
{
    struct checkpoint *checkpoint;
    if (checkpoint_find(&world, run, -1, sample_verify, &world, &checkpoint) != STATUS_OK ||
        !checkpoint)
        fail_msg("nothing is left: %s", status_message());
    int64_t step = checkpoint_step(checkpoint);
    sample_expect(checkpoint, step, 0, 1);
    checkpoint_close(checkpoint);
    return step;
}

static void save(const char *run, int64_t step)
{
    if (sample_save(&world, run, step) != STATUS_OK)
        fail_msg("%s", status_message());
}

/* `first` is there; `second` is saved or restored with the n-th call struck, for every n. */
static void strike_every_call(int64_t first, int64_t second)
{
    int n = 0, result;
    do {
        char *run = sample_new_run();
        save(run, first);
        if (restores)
            save_local(run, second);
        fault.calls_left = n;
        result = save_in_child(run, second);

        int64_t found = newest(run);
        if (found != first && found != second)
            fail_msg("call %d: step %d was found", n, (int)found);
        if (result == SAVED || result == NOT_REACHED)
            assert_int_equal(found, second);
        if (result == WRONG_MESSAGE)
            fail_msg("call %d: the message does not say '%s'", n, strerror(fault.error));
        if (save_or_restore(run, second) != STATUS_OK) /* what was left over is not in the way */
            fail_msg("%s", status_message());
        assert_int_equal(newest(run), second);
        assert_int_equal(folder_remove(run), STATUS_OK);
        memory_free(run);
        n++;
    } while (result != NOT_REACHED);
    assert_true(n > 20); /* the calls are really counted */
}

static void a_kill_at_any_call_loses_nothing(void **state)
{
    (void)state;
    for (int how = KILL_BEFORE; how <= KILL_AFTER; how++) {
        fault.how = how == KILL_BEFORE ? KILL_BEFORE : KILL_AFTER;
        strike_every_call(1, 2);
        strike_every_call(2, 2);
    }
}

static void an_error_at_any_call_loses_nothing(void **state)
{
    (void)state;
    static const int errors[] = { ENOSPC, EDQUOT, EIO };
    fault.how = FAIL;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        fault.error = errors[i];
        fault.stays = false;
        strike_every_call(1, 2);
        strike_every_call(2, 2);
    }
    fault.error = ENOSPC;
    fault.stays = true;
    strike_every_call(1, 2);
    strike_every_call(2, 2);
    fault.stays = false;
}

static void a_short_write_is_continued(void **state)
{
    (void)state;
    fault.how = SHORT_WRITE;
    strike_every_call(1, 2);
}

static void restoring_a_local_one_loses_nothing_either(void **state)
{
    (void)state;
    restores = true;
    fault.error = ENOSPC;
    fault.how = KILL_BEFORE;
    strike_every_call(1, 2);
    fault.how = KILL_AFTER;
    strike_every_call(1, 2);
    fault.how = SHORT_WRITE;
    strike_every_call(1, 2);
    fault.how = FAIL;
    strike_every_call(1, 2);
    fault.stays = true;
    strike_every_call(1, 2);
    fault.stays = false;
    restores = false;
}

/* A killed machine forgets what was not synced, so the order is what protects: each file is synced
 * and closed after its last write, the folder after all files, and only then renames begin. */
static void everything_is_synced_before_the_rename(void **state)
{
    (void)state;
    char *run = sample_new_run();
    fault.calls_left = 1 << 20;
    fault.traced = 0;
    assert_int_equal(save_under_fault(run, 1), NOT_REACHED);
    fault.trace[fault.traced] = '\0';
    /* 4 files: written, synced, closed; the rank's sync of the folder; the manifest; the folder
     * again; the rename; its parent. The small texts are one write each. */
    static const char tail[] = "sc" /* folder */ "wsc" /* manifest */ "sc" /* folder */ "r"
                               "sc";
    size_t length = strlen(fault.trace);
    assert_true(length > sizeof tail);
    assert_string_equal(fault.trace + length - (sizeof tail - 1), tail);
    for (const char *at = strchr(fault.trace, 'w'); (at = strchr(at, 'c')) != NULL; at++)
        assert_int_equal(at[-1], 's');
    assert_int_equal(folder_remove(run), STATUS_OK);
    memory_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_at_any_call_loses_nothing),
        cmocka_unit_test(an_error_at_any_call_loses_nothing),
        cmocka_unit_test(a_short_write_is_continued),
        cmocka_unit_test(restoring_a_local_one_loses_nothing_either),
        cmocka_unit_test(everything_is_synced_before_the_rename),
    };
    if (world_init(&world) != STATUS_OK)
        fail_msg("%s", status_message());
    int failed_tests = cmocka_run_group_tests(tests, NULL, NULL);
    world_finalize(&world);
    return failed_tests;
}
