#include "shards/building/build_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/strbuf.h"

/* Reading an input costs so much of all the work on it; a rank that shares one reads it whole. */
#define READING_SHARE 0.1

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static enum status find_input(const char *path, const char *rules, struct build_input *input)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return bad_input("cannot open '%s': %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return bad_input("cannot read '%s': it is no regular file", path);

    struct strbuf identity = STRBUF_INIT;
    struct sha256 hash;
    strbuf_addf(&identity, "%s\n%lld\n%lld.%09ld\n%s", rules, (long long)info.st_size,
                (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec, name_of(path));
    sha256_init(&hash);
    sha256_add(&hash, identity.bytes, identity.length);
    *input = (struct build_input){ .path = path, .bytes = info.st_size };
    sha256_finish_hex(&hash, input->identity);
    strbuf_release(&identity);
    return STATUS_OK;
}

struct numbered_input {
    const struct build_input *input;
    int64_t number;
};

static int by_identity(const void *first, const void *second)
{
    const struct numbered_input *a = first, *b = second;
    int order = strcmp(a->input->identity, b->input->identity);
    return order ? order : (a->number > b->number) - (a->number < b->number);
}

/* An input that is given twice has its lots twice: two ranks may make them at the same time. */
static void tell_copies_apart(struct build_input *inputs, int64_t count)
{
    struct numbered_input *sorted = memory_alloc_zeroed((size_t)count, sizeof *sorted);
    for (int64_t i = 0; i < count; i++)
        sorted[i] = (struct numbered_input){ &inputs[i], i };
    qsort(sorted, (size_t)count, sizeof *sorted, by_identity);
    char last[SHA256_HEX] = "";
    int copies = 0;
    for (int64_t i = 0; i < count; i++) {
        struct build_input *input = &inputs[sorted[i].number];
        copies = strcmp(input->identity, last) == 0 ? copies + 1 : 0;
        memcpy(last, input->identity, sizeof last);
        if (copies == 0)
            continue;
        struct sha256 hash;
        sha256_init(&hash);
        sha256_add(&hash, input->identity, sizeof input->identity);
        sha256_add(&hash, &copies, sizeof copies);
        sha256_finish_hex(&hash, input->identity);
    }
    memory_free(sorted);
}

enum status build_inputs_find(const char *const *paths, int64_t count, const char *rules,
                              struct build_input **out)
{
    struct build_input *inputs = memory_alloc_zeroed((size_t)count + 1, sizeof *inputs);
    *out = NULL;
    for (int64_t i = 0; i < count; i++) {
        enum status status = find_input(paths[i], rules, &inputs[i]);
        if (status != STATUS_OK) {
            memory_free(inputs);
            return status;
        }
    }
    tell_copies_apart(inputs, count);
    *out = inputs;
    return STATUS_OK;
}

/* ---- who reads what ---- */

static int by_size(const void *first, const void *second)
{
    const struct numbered_input *a = first, *b = second;
    if (a->input->bytes != b->input->bytes)
        return a->input->bytes < b->input->bytes ? 1 : -1;
    return (a->number > b->number) - (a->number < b->number);
}

/* The first `shared` of the sorted inputs to all, each other to the rank with the least so far
 * (Graham, "Bounds on multiprocessing timing anomalies", 1969). Returns the longest time. */
static double deal(struct build_input *inputs, const struct numbered_input *sorted, int64_t count,
                   int64_t shared, int ranks)
{
    double *load = memory_alloc_zeroed((size_t)ranks, sizeof *load), longest = 0, of_all = 0;
    for (int64_t i = 0; i < count; i++) {
        struct build_input *input = &inputs[sorted[i].number];
        if (i < shared) {
            of_all += (double)input->bytes * (READING_SHARE + (1 - READING_SHARE) / ranks);
            input->reader = -1;
            continue;
        }
        int least = 0;
        for (int rank = 1; rank < ranks; rank++)
            if (load[rank] < load[least])
                least = rank;
        load[least] += (double)input->bytes;
        longest = load[least] > longest ? load[least] : longest;
        input->reader = least;
    }
    memory_free(load);
    return of_all + longest;
}

void build_inputs_share(struct build_input *inputs, int64_t count, int ranks)
{
    struct numbered_input *sorted = memory_alloc_zeroed((size_t)count + 1, sizeof *sorted);
    for (int64_t i = 0; i < count; i++)
        sorted[i] = (struct numbered_input){ &inputs[i], i };
    qsort(sorted, (size_t)count, sizeof *sorted, by_size);
    double best = deal(inputs, sorted, count, 0, ranks);
    int64_t shared = 0;
    for (; ranks > 1 && shared < count; shared++) {
        double next = deal(inputs, sorted, count, shared + 1, ranks);
        if (next >= best)
            break;
        best = next;
    }
    deal(inputs, sorted, count, shared, ranks);
    memory_free(sorted);
}
