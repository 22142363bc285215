#include "checkpoints/weight_files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/half_floats.h"
#include "checkpoints/hub_path.h"
#include "checkpoints/manifest.h"

#define SINGLE_FILE     "model.safetensors"
#define INDEX_FILE      "model.safetensors.index.json"
#define INDEX_MAX_BYTES ((size_t)16 << 20)

enum { HALVES_AT_ONCE = 1 << 14 };

static enum status open_file(struct weight_files *files, const char *folder, const char *name)
{
    char *path = hub_path(folder, name);
    enum status status = safetensors_reader_open(path, &files->readers[files->file_count]);
    memory_free(path);
    files->file_count += status == STATUS_OK;
    return status;
}

static int compare_tensors(const void *a, const void *b)
{
    return strcmp(((const struct weight_tensor *)a)->stored->name,
                  ((const struct weight_tensor *)b)->stored->name);
}

/* All tensors of all files, none of which may come twice. */
static enum status list_tensors(struct weight_files *files)
{
    int64_t count = 0;
    for (int64_t file = 0; file < files->file_count; file++)
        count += files->readers[file].tensor_count;
    files->tensors = memory_alloc_zeroed((size_t)count + 1, sizeof *files->tensors);
    for (int64_t file = 0; file < files->file_count; file++)
        for (int64_t i = 0; i < files->readers[file].tensor_count; i++)
            files->tensors[files->tensor_count++] =
                (struct weight_tensor){ &files->readers[file].tensors[i], file };
    qsort(files->tensors, (size_t)count, sizeof *files->tensors, compare_tensors);
    for (int64_t i = 1; i < count; i++)
        if (compare_tensors(&files->tensors[i - 1], &files->tensors[i]) == 0)
            return bad_input("cannot read '%s': tensor '%s' is in '%s' too",
                             files->readers[files->tensors[i].file].path,
                             files->tensors[i].stored->name,
                             files->readers[files->tensors[i - 1].file].path);
    return STATUS_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool ends_in(const char *name, const char *tail)
{
    size_t length = strlen(name);
    return length > strlen(tail) && strcmp(name + length - strlen(tail), tail) == 0;
}

/* The values of the map, sorted and each once. They are borrowed. */
static enum status list_names(const struct json *map, const char *path, const char **names,
                              int64_t *count)
{
    void *cursor = NULL;
    const char *tensor;
    const struct json *value;
    int64_t all = 0;
    while (json_next_member(map, &cursor, &tensor, &value)) {
        if (json_kind_of(value) != JSON_KIND_STRING)
            return bad_input("cannot use '%s': the file of tensor '%s' is no text", path, tensor);
        const char *name = json_text(value);
        if (strlen(name) != json_text_length(value) || !manifest_name_is_allowed(name) ||
            !ends_in(name, ".safetensors"))
            return bad_input("cannot use '%s': tensor '%s': '%s' is not the name of a safetensors "
                             "file in this folder",
                             path, tensor, name);
        names[all++] = name;
    }
    qsort(names, (size_t)all, sizeof *names, compare_names);
    *count = 0;
    for (int64_t i = 0; i < all; i++)
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
            names[(*count)++] = names[i];
    return STATUS_OK;
}

/* Both ways: what the files hold the index says, and what it says they hold. */
static enum status compare_with_files(const struct weight_files *files, const struct json *map,
                                      const char *path, const char *const *names)
{
    void *cursor = NULL;
    const char *tensor;
    const struct json *value;
    for (int64_t i = 0; i < files->tensor_count; i++) {
        const struct weight_tensor *found = &files->tensors[i];
        const struct json *said = json_member(map, found->stored->name);
        if (!said || strcmp(json_text(said), names[found->file]) != 0)
            return bad_input(
                "cannot use '%s': tensor '%s' is in '%s', and the index says it is %s%s", path,
                found->stored->name, names[found->file], said ? "in " : "nowhere",
                said ? json_text(said) : "");
    }
    while (json_next_member(map, &cursor, &tensor, &value))
        if (!weight_files_find(files, tensor))
            return bad_input("cannot use '%s': tensor '%s' is not in '%s'", path, tensor,
                             json_text(value));
    return STATUS_OK;
}

/* A file of all weights beside those of an index: which are meant is for the user to say. */
static enum status check_single(const char *folder, const char *const *names, int64_t count)
{
    const char *single = SINGLE_FILE;
    char *path = path_join(folder, single);
    const bool is_extra =
        file_exists(path) && !bsearch(&single, names, (size_t)count, sizeof *names, compare_names);
    memory_free(path);
    if (is_extra)
        return bad_input("cannot read the weights in '%s': it has '" SINGLE_FILE
                         "', and an '" INDEX_FILE "' that does not name it",
                         folder);
    return STATUS_OK;
}

static enum status open_mapped(struct weight_files *files, const char *folder, const char *path,
                               const struct json *map)
{
    int64_t count = 0;
    const size_t most = (size_t)json_length(map) + 1;
    const char **names = memory_alloc_zeroed(most, sizeof *names);
    enum status status = list_names(map, path, names, &count);
    if (status == STATUS_OK)
        status = check_single(folder, names, count);
    files->readers = memory_alloc_zeroed((size_t)count + 1, sizeof *files->readers);
    for (int64_t i = 0; status == STATUS_OK && i < count; i++)
        status = open_file(files, folder, names[i]);
    if (status == STATUS_OK)
        status = list_tensors(files);
    if (status == STATUS_OK)
        status = compare_with_files(files, map, path, names);
    memory_free(names);
    return status;
}

/* "metadata" tells sizes, which the files tell themselves. */
static enum status check_members(const struct json *index, const char *path)
{
    void *cursor = NULL;
    const char *key;
    const struct json *value;
    if (json_kind_of(index) != JSON_KIND_OBJECT)
        return bad_input("cannot use '%s': it is no JSON object", path);
    while (json_next_member(index, &cursor, &key, &value))
        if (strcmp(key, "weight_map") != 0 && strcmp(key, "metadata") != 0)
            return bad_input("cannot use '%s': eon does not know its key '%s'", path, key);
    return STATUS_OK;
}

static enum status open_by_index(struct weight_files *files, const char *folder, const char *path)
{
    struct json *index;
    const struct json *map;
    TRY(json_read(path, INDEX_MAX_BYTES, &index));
    enum status status = check_members(index, path);
    if (status == STATUS_OK)
        status = json_need_kind(index, "weight_map", JSON_KIND_OBJECT, path, &map);
    if (status == STATUS_OK)
        status = open_mapped(files, folder, path, map);
    json_free(index);
    return status;
}

static enum status open_single(struct weight_files *files, const char *folder)
{
    files->readers = memory_alloc_zeroed(1, sizeof *files->readers);
    TRY(open_file(files, folder, SINGLE_FILE));
    return list_tensors(files);
}

static enum status open_folder(struct weight_files *files, const char *folder, const char *single,
                               const char *index)
{
    if (file_exists(index))
        return open_by_index(files, folder, index);
    if (file_exists(single))
        return open_single(files, folder);
    return bad_input("cannot read the weights in '%s': it has neither '" SINGLE_FILE
                     "' nor '" INDEX_FILE "', and eon reads no other format",
                     folder);
}

enum status weight_files_open(const char *folder, struct weight_files *files)
{
    char *single = path_join(folder, SINGLE_FILE), *index = path_join(folder, INDEX_FILE);
    *files = (struct weight_files){ .open_file = -1 };
    enum status status = open_folder(files, folder, single, index);
    if (status != STATUS_OK)
        weight_files_release(files);
    memory_free(single);
    memory_free(index);
    return status;
}

void weight_files_release(struct weight_files *files)
{
    for (int64_t file = 0; file < files->file_count; file++)
        safetensors_reader_release(&files->readers[file]);
    if (files->open_file >= 0)
        close(files->descriptor);
    memory_free(files->readers);
    memory_free(files->tensors);
    *files = (struct weight_files){ .open_file = -1 };
}

static int compare_name(const void *name, const void *tensor)
{
    return strcmp(name, ((const struct weight_tensor *)tensor)->stored->name);
}

const struct weight_tensor *weight_files_find(const struct weight_files *files, const char *name)
{
    return bsearch(name, files->tensors, (size_t)files->tensor_count, sizeof *files->tensors,
                   compare_name);
}

bool weight_tensor_is_float(const struct weight_tensor *tensor)
{
    const char *dtype = tensor->stored->dtype;
    return strcmp(dtype, "F32") == 0 || strcmp(dtype, "F16") == 0 || strcmp(dtype, "BF16") == 0;
}

static enum status open_for_reading(struct weight_files *files, int64_t file)
{
    int64_t size_bytes;
    if (files->open_file == file)
        return STATUS_OK;
    if (files->open_file >= 0)
        close(files->descriptor);
    files->open_file = -1;
    TRY(file_open_regular(files->readers[file].path, &files->descriptor, &size_bytes));
    files->open_file = file;
    return STATUS_OK;
}

static enum status read_halves(const struct weight_files *files,
                               const struct safetensors_tensor *tensor, int64_t begin, int64_t end,
                               float *out)
{
    uint16_t halves[HALVES_AT_ONCE];
    const bool is_fp16 = strcmp(tensor->dtype, "F16") == 0;
    for (int64_t count; begin < end; begin += count, out += count) {
        count = end - begin < HALVES_AT_ONCE ? end - begin : HALVES_AT_ONCE;
        TRY(file_read_at(files->descriptor, halves, (size_t)count * sizeof *halves,
                         tensor->begin + begin * (int64_t)sizeof *halves,
                         files->readers[files->open_file].path));
        if (is_fp16)
            half_floats_from_fp16(out, halves, count);
        else
            half_floats_from_bf16(out, halves, count);
    }
    return STATUS_OK;
}

enum status weight_files_read(struct weight_files *files, const struct weight_tensor *tensor,
                              int64_t begin, int64_t end, float *out)
{
    const struct safetensors_tensor *stored = tensor->stored;
    CHECK(weight_tensor_is_float(tensor), "tensor '%s' is of type %s", stored->name, stored->dtype);
    CHECK(0 <= begin && begin <= end && end <= stored->elements,
          "tensor '%s' has no elements [%lld, %lld)", stored->name, (long long)begin,
          (long long)end);
    TRY(open_for_reading(files, tensor->file));
    if (strcmp(stored->dtype, "F32") != 0)
        return read_halves(files, stored, begin, end, out);
    return file_read_at(files->descriptor, out, (size_t)(end - begin) * sizeof *out,
                        stored->begin + begin * (int64_t)sizeof *out,
                        files->readers[tensor->file].path);
}
