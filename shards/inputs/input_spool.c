#include "shards/inputs/input_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

static void spool_path(const char *folder, int64_t input, struct strbuf *out)
{
    strbuf_reset(out);
    strbuf_addf(out, "%s/%lld", folder, (long long)input);
}

static bool can_be_read_once(const char *path)
{
    struct stat info;
    if (strcmp(path, "-") == 0)
        return true;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

/* An input that is open. */
struct open_input {
    const char *name;
    int descriptor;
};

static enum status copy_all(const void *context, int to, const char *copy)
{
    enum { PIECE_BYTES = 1 << 16 };
    const struct open_input *input = context;
    char piece[PIECE_BYTES];
    for (;;) {
        ssize_t got = read(input->descriptor, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed("cannot read '%s': %s", input->name, strerror(errno));
        if (got == 0)
            return STATUS_OK;
        TRY(file_write_all(to, piece, (size_t)got, copy));
    }
}

static enum status spool(const char *name, const char *copy)
{
    const bool is_standard_input = strcmp(name, "-") == 0;
    const struct open_input input = { name, is_standard_input ? STDIN_FILENO
                                                              : open(name, O_RDONLY | O_CLOEXEC) };
    if (input.descriptor < 0)
        return bad_input("cannot open '%s': %s", name, strerror(errno));
    enum status status = file_put(copy, copy_all, &input);
    if (!is_standard_input)
        close(input.descriptor);
    return status;
}

/* Copies of an earlier build are of other text. */
enum status input_spool_fill(const char *const *inputs, int64_t count, const char *folder)
{
    struct strbuf copy = STRBUF_INIT;
    enum status status = folder_remove(folder);
    if (status == STATUS_OK)
        status = folder_create(folder);
    for (int64_t i = 0; i < count && status == STATUS_OK; i++) {
        if (!can_be_read_once(inputs[i]))
            continue;
        spool_path(folder, i, &copy);
        status = spool(inputs[i], copy.bytes);
    }
    strbuf_release(&copy);
    return status;
}

enum status input_spool_names(const char *const *inputs, int64_t count, const char *folder,
                              char ***out)
{
    struct strbuf copy = STRBUF_INIT;
    *out = memory_alloc_zeroed((size_t)count + 1, sizeof **out);
    for (int64_t i = 0; i < count; i++) {
        spool_path(folder, i, &copy);
        (*out)[i] = memory_copy_string(file_exists(copy.bytes) ? copy.bytes : inputs[i]);
    }
    strbuf_release(&copy);
    return STATUS_OK;
}
