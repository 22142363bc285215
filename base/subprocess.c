#include "base/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

extern char **environ;

void word_list_add(struct word_list *list, const char *word)
{
    if (list->count + 2 > list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 16;
        list->words = memory_realloc(list->words, (size_t)list->capacity * sizeof *list->words);
    }
    list->words[list->count++] = memory_copy_string(word);
    list->words[list->count] = NULL;
}

void word_list_addf(struct word_list *list, const char *format, ...)
{
    struct strbuf word = STRBUF_INIT;
    va_list arguments;
    va_start(arguments, format);
    strbuf_vaddf(&word, format, arguments);
    va_end(arguments);
    word_list_add(list, word.bytes);
    strbuf_release(&word);
}

void word_list_release(struct word_list *list)
{
    for (int i = 0; i < list->count; i++)
        memory_free(list->words[i]);
    memory_free(list->words);
    *list = (struct word_list)WORD_LIST_INIT;
}

/* Between single quotes a shell takes all but a single quote as it is. */
static void print_quoted(const char *word, struct strbuf *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "%+,-./:=@_";
    if (*word != '\0' && word[strspn(word, plain)] == '\0') {
        strbuf_add_string(out, word);
        return;
    }
    strbuf_add_char(out, '\'');
    for (; *word; word++)
        if (*word == '\'')
            strbuf_add_string(out, "'\\''");
        else
            strbuf_add_char(out, *word);
    strbuf_add_char(out, '\'');
}

void word_list_print(const struct word_list *list, struct strbuf *out)
{
    for (int i = 0; i < list->count; i++) {
        if (i > 0)
            strbuf_add_char(out, ' ');
        print_quoted(list->words[i], out);
    }
}

/* That this process ignores SIGPIPE is its own matter. */
static void attributes_init(posix_spawnattr_t *attributes, bool blocks_none)
{
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_init(attributes);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &usual);
    posix_spawnattr_setflags(
        attributes, (short)(POSIX_SPAWN_SETSIGDEF | (blocks_none ? POSIX_SPAWN_SETSIGMASK : 0)));
}

enum status subprocess_start(const struct word_list *command, enum subprocess_streams streams,
                             bool blocks_none, int *pipe_end, pid_t *child)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return failed("cannot make a pipe: %s", strerror(errno));
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    if (streams != SUBPROCESS_ERRORS)
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    if (streams != SUBPROCESS_OUTPUT)
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    attributes_init(&attributes, blocks_none);
    int error =
        posix_spawnp(child, command->words[0], &actions, &attributes, command->words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *pipe_end = ends[0];
    if (error == 0)
        return STATUS_OK;
    close(ends[0]);
    return bad_input("cannot start '%s': %s", command->words[0], strerror(error));
}

int subprocess_wait(pid_t child)
{
    int result;
    while (waitpid(child, &result, 0) < 0)
        CHECK(errno == EINTR, "waitpid: %s", strerror(errno));
    return WIFEXITED(result) ? WEXITSTATUS(result) : 128 + WTERMSIG(result);
}

static void read_all(int pipe_end, size_t max_bytes, struct strbuf *answer)
{
    char block[4096];
    ssize_t length;
    while ((length = read(pipe_end, block, sizeof block)) != 0) {
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            break;
        size_t room = max_bytes > answer->length ? max_bytes - answer->length : 0;
        strbuf_add(answer, block, (size_t)length < room ? (size_t)length : room);
    }
    close(pipe_end);
}

enum status subprocess_read(const struct word_list *command, enum subprocess_streams streams,
                            size_t max_bytes, struct strbuf *answer, int *exit_status)
{
    int pipe_end;
    pid_t child;
    TRY(subprocess_start(command, streams, false, &pipe_end, &child));
    read_all(pipe_end, max_bytes, answer);
    *exit_status = subprocess_wait(child);
    return STATUS_OK;
}
