/* disk_steps: changes files as its arguments say, in the current folder: what
 * tests/faults/disk_shim.h is tried with.
 *
 *   disk_steps create:NAME mkdir:NAME write:NAME:PLACE:TEXT vectors:NAME:PLACE:TEXT
 * append:NAME:TEXT cut:NAME:SIZE allocate:NAME:SIZE sync:NAME data:NAME rename:NAME:NAME
 * unlink:NAME rmdir:NAME wait:MILLISECONDS
 *
 * Each step is taken by a thread of its own. One that fails says why, and the next is taken. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct step {
    char what[16], name[64], second[64], third[64];
};

static int put(int file, const struct step *step)
{
    const size_t length = strlen(step->third), half = length / 2;
    const struct iovec vectors[] = { { (void *)step->third, half },
                                     { (void *)(step->third + half), length - half } };
    ssize_t written = strcmp(step->what, "vectors") == 0
                          ? pwritev(file, vectors, 2, atoll(step->second))
                          : pwrite(file, step->third, length, atoll(step->second));
    if (written >= 0 && written < (ssize_t)length)
        printf("%s: took %zd of %zu bytes\n", step->what, written, length);
    return written < 0 ? -1 : 0;
}

static int allocate(int file, int64_t size)
{
    int error = posix_fallocate(file, 0, size);
    errno = error;
    return error ? -1 : 0;
}

static int change_file(int file, const struct step *step)
{
    if (strcmp(step->what, "append") == 0)
        return lseek(file, 0, SEEK_END) < 0 || write(file, step->second, strlen(step->second)) < 0
                   ? -1
                   : 0;
    if (strcmp(step->what, "cut") == 0)
        return ftruncate(file, atoll(step->second));
    if (strcmp(step->what, "allocate") == 0)
        return allocate(file, atoll(step->second));
    if (strcmp(step->what, "sync") == 0)
        return fsync(file);
    return strcmp(step->what, "data") == 0 ? fdatasync(file) : put(file, step);
}

static int change_open_file(const struct step *step)
{
    struct stat info;
    bool is_folder = stat(step->name, &info) == 0 && S_ISDIR(info.st_mode);
    int file = open(step->name, is_folder ? O_RDONLY : O_WRONLY);
    if (file < 0)
        return -1;
    int result = change_file(file, step), error = errno;
    if (close(file) != 0)
        return -1;
    errno = error;
    return result;
}

static int create(const char *name)
{
    int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    return file < 0 ? -1 : close(file);
}

static int change(const struct step *step)
{
    if (strcmp(step->what, "create") == 0)
        return create(step->name);
    if (strcmp(step->what, "mkdir") == 0)
        return mkdir(step->name, 0777);
    if (strcmp(step->what, "rename") == 0)
        return rename(step->name, step->second);
    if (strcmp(step->what, "unlink") == 0)
        return unlink(step->name);
    if (strcmp(step->what, "rmdir") == 0)
        return rmdir(step->name);
    if (strcmp(step->what, "wait") == 0)
        return usleep((unsigned)atoi(step->name) * 1000);
    return change_open_file(step);
}

static void *take_step(void *text)
{
    struct step step = { .what = "" };
    sscanf(text, "%15[^:]:%63[^:]:%63[^:]:%63s", step.what, step.name, step.second, step.third);
    if (change(&step) != 0)
        printf("%s: %s\n", step.what, strerror(errno));
    return NULL;
}

int main(int count, char **arguments)
{
    for (int i = 1; i < count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, take_step, arguments[i]) != 0)
            return 1;
        pthread_join(thread, NULL);
    }
    return 0;
}
