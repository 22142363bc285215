/* The reading half of checkpoints/checkpoint.h: one committed folder. */
#include "checkpoints/checkpoint_reader.h"

#include <math.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checked_file.h"

#define STATE_MAX_BYTES ((size_t)64 << 20)

char *checkpoint_file_path(const struct checkpoint *checkpoint, int64_t file)
{
    return path_join(checkpoint->folder, checkpoint->manifest.files[file].name);
}

/* Both lists are sorted bytewise: the first difference is what is wrong. */
static enum status compare_names(const struct checkpoint *checkpoint, const struct name_list *found)
{
    const struct manifest *manifest = &checkpoint->manifest;
    int64_t file = 0;
    for (int64_t i = 0; i < found->count; i++) {
        if (strcmp(found->names[i], MANIFEST_NAME) == 0)
            continue;
        int order =
            file == manifest->file_count ? -1 : strcmp(found->names[i], manifest->files[file].name);
        if (order < 0)
            return bad_input("cannot trust checkpoint '%s': '%s' is not in its manifest",
                             checkpoint->folder, found->names[i]);
        if (order > 0)
            break;
        file++;
    }
    if (file < manifest->file_count)
        return bad_input("cannot trust checkpoint '%s': '%s' is missing", checkpoint->folder,
                         manifest->files[file].name);
    return STATUS_OK;
}

static enum status check_names(const struct checkpoint *checkpoint)
{
    struct name_list found;
    TRY(folder_list(checkpoint->folder, &found));
    enum status status = compare_names(checkpoint, &found);
    name_list_release(&found);
    return status;
}

static enum status check_size(const char *path, int64_t size_bytes)
{
    int descriptor;
    int64_t found;
    TRY(file_open_regular(path, &descriptor, &found));
    close(descriptor);
    if (found != size_bytes)
        return bad_input("cannot trust '%s': it has %" PRId64 " bytes, the manifest says %" PRId64,
                         path, found, size_bytes);
    return STATUS_OK;
}

static enum status open_tensors(struct checkpoint *checkpoint, const char *path, int64_t file)
{
    const struct manifest *manifest = &checkpoint->manifest;
    struct safetensors_reader *reader = &checkpoint->readers[file];
    TRY(safetensors_reader_open(path, reader));
    TRY(tensor_index_add(&checkpoint->index, reader, file, manifest->step));
    if (manifest->version >= 3 && reader->header_crc32 != manifest->files[file].header_crc32)
        return bad_input("cannot trust '%s': the checksum of its header is %08" PRIx32
                         ", the manifest says %08" PRIx32,
                         path, reader->header_crc32, manifest->files[file].header_crc32);
    return STATUS_OK;
}

static enum status open_file(struct checkpoint *checkpoint, int64_t file)
{
    const struct manifest_file *entry = &checkpoint->manifest.files[file];
    char *path = checkpoint_file_path(checkpoint, file);
    enum status status = check_size(path, entry->size_bytes);
    if (status == STATUS_OK && manifest_file_holds_tensors(entry))
        status = open_tensors(checkpoint, path, file);
    memory_free(path);
    return status;
}

/* state.json steers what happens next, so its checksum is verified at once. */
static enum status read_state(struct checkpoint *checkpoint)
{
    int64_t file = manifest_find(&checkpoint->manifest, CHECKPOINT_STATE_NAME);
    if (file < 0)
        return bad_input("cannot trust checkpoint '%s': it has no '%s'", checkpoint->folder,
                         CHECKPOINT_STATE_NAME);
    struct strbuf text = STRBUF_INIT;
    char *path = checkpoint_file_path(checkpoint, file);
    enum status status = checked_file_load(path, STATE_MAX_BYTES, &text);
    if (status == STATUS_OK)
        status = checked_file_verify_bytes(path, text.bytes, text.length,
                                           checkpoint->manifest.files[file].crc32);
    if (status == STATUS_OK)
        status = json_parse(text.bytes, text.length, path, &checkpoint->state);
    if (status == STATUS_OK && json_kind_of(checkpoint->state) != JSON_KIND_OBJECT)
        status = bad_input("cannot read '%s': it is no JSON object", path);
    memory_free(path);
    strbuf_release(&text);
    return status;
}

static enum status read_manifest(struct checkpoint *checkpoint)
{
    char *path = path_join(checkpoint->folder, MANIFEST_NAME);
    enum status status = file_exists(path)
                             ? manifest_read(path, &checkpoint->manifest)
                             : bad_input("cannot open checkpoint '%s': it has no " MANIFEST_NAME
                                         ", so it was never committed",
                                         checkpoint->folder);
    memory_free(path);
    return status;
}

static enum status open_folder(struct checkpoint *checkpoint)
{
    if (!folder_exists(checkpoint->folder))
        return bad_input("cannot open checkpoint '%s': there is no such folder",
                         checkpoint->folder);
    TRY(read_manifest(checkpoint));
    TRY(check_names(checkpoint));
    checkpoint->readers = memory_alloc_zeroed((size_t)checkpoint->manifest.file_count + 1,
                                              sizeof *checkpoint->readers);
    for (int64_t file = 0; file < checkpoint->manifest.file_count; file++)
        TRY(open_file(checkpoint, file));
    TRY(tensor_index_finish(&checkpoint->index, checkpoint->folder));
    return read_state(checkpoint);
}

enum status checkpoint_open(const char *folder, struct checkpoint **out)
{
    struct checkpoint *checkpoint = memory_alloc_zeroed(1, sizeof *checkpoint);
    checkpoint->folder = memory_copy_string(folder);
    for (int i = 0; i < CHECKPOINT_OPEN_FILES; i++)
        checkpoint->open_files[i].file = -1;
    tensor_index_init(&checkpoint->index);
    span_list_init(&checkpoint->reads);
    *out = NULL;
    enum status status = open_folder(checkpoint);
    if (status == STATUS_OK)
        *out = checkpoint;
    else
        checkpoint_close(checkpoint);
    return status;
}

void checkpoint_close(struct checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    for (int i = 0; i < CHECKPOINT_OPEN_FILES; i++)
        if (checkpoint->open_files[i].file >= 0)
            close(checkpoint->open_files[i].descriptor);
    for (int64_t file = 0; checkpoint->readers && file < checkpoint->manifest.file_count; file++)
        safetensors_reader_release(&checkpoint->readers[file]);
    memory_free(checkpoint->readers);
    tensor_index_release(&checkpoint->index);
    span_list_release(&checkpoint->reads);
    json_free(checkpoint->state);
    manifest_release(&checkpoint->manifest);
    memory_free(checkpoint->folder);
    memory_free(checkpoint);
}

const char *checkpoint_folder(const struct checkpoint *checkpoint)
{
    return checkpoint->folder;
}

int64_t checkpoint_step(const struct checkpoint *checkpoint)
{
    return checkpoint->manifest.step;
}

const struct json *checkpoint_state(const struct checkpoint *checkpoint)
{
    return checkpoint->state;
}

double checkpoint_state_number(const struct checkpoint *checkpoint, const char *name)
{
    const struct json *number = json_member(checkpoint->state, name);
    enum json_kind kind = number ? json_kind_of(number) : JSON_KIND_NULL;
    return kind == JSON_KIND_REAL || kind == JSON_KIND_INTEGER ? json_number_of(number) : NAN;
}

const struct manifest *checkpoint_manifest(const struct checkpoint *checkpoint)
{
    return &checkpoint->manifest;
}

const struct tensor_index *checkpoint_tensors(const struct checkpoint *checkpoint)
{
    return &checkpoint->index;
}
