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

/* File number `file` in place file % OPEN_FILES, so that ranges in turn over the files of some
 * ranks open each once. */
enum { OPEN_FILES = 64 };
struct open_file {
    int64_t file; /* -1: none */
    int descriptor;
};

struct checkpoint {
    char *folder;
    struct manifest manifest;
    struct json *state;
    struct safetensors_reader *readers; /* [file_count], those of tensor files are open */
    struct tensor_index index;
    struct open_file open_files[OPEN_FILES]; /* a rank may meet thousands of files: the last ones */
};

static char *file_path(const struct checkpoint *checkpoint, int64_t file)
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
    char *path = file_path(checkpoint, file);
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
    char *path = file_path(checkpoint, file);
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
    for (int i = 0; i < OPEN_FILES; i++)
        checkpoint->open_files[i].file = -1;
    tensor_index_init(&checkpoint->index);
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
    for (int i = 0; i < OPEN_FILES; i++)
        if (checkpoint->open_files[i].file >= 0)
            close(checkpoint->open_files[i].descriptor);
    for (int64_t file = 0; checkpoint->readers && file < checkpoint->manifest.file_count; file++)
        safetensors_reader_release(&checkpoint->readers[file]);
    memory_free(checkpoint->readers);
    tensor_index_release(&checkpoint->index);
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

enum status checkpoint_verify(struct checkpoint *checkpoint, int first, int stride)
{
    CHECK(first >= 0 && stride > 0, "files %d, then every %d, cannot be verified", first, stride);
    for (int64_t file = first; file < checkpoint->manifest.file_count; file += stride) {
        const struct manifest_file *entry = &checkpoint->manifest.files[file];
        char *path = file_path(checkpoint, file);
        enum status status = checked_file_verify(path, entry->size_bytes, entry->crc32);
        memory_free(path);
        TRY(status);
    }
    return STATUS_OK;
}

static enum status open_for_reading(struct checkpoint *checkpoint, int64_t file, int *descriptor)
{
    struct open_file *place = &checkpoint->open_files[file % OPEN_FILES];
    int64_t size_bytes;
    if (place->file != file) {
        TRY(file_open_regular(checkpoint->readers[file].path, descriptor, &size_bytes));
        if (place->file >= 0)
            close(place->descriptor);
        *place = (struct open_file){ file, *descriptor };
    }
    *descriptor = place->descriptor;
    return STATUS_OK;
}

static enum status read_segment(struct checkpoint *checkpoint, const struct tensor_segment *segment,
                                int64_t begin, int64_t end, float *out)
{
    int descriptor;
    TRY(open_for_reading(checkpoint, segment->file, &descriptor));
    return file_read_at(descriptor, out, (size_t)(end - begin) * sizeof *out,
                        segment->offset_bytes + (begin - segment->begin) * (int64_t)sizeof *out,
                        checkpoint->readers[segment->file].path);
}

enum status checkpoint_read(struct checkpoint *checkpoint, const char *name, int64_t rows,
                            int64_t cols, int64_t begin, int64_t end, float *out)
{
    const struct tensor_entry *tensor = tensor_index_find(&checkpoint->index, name);
    if (!tensor)
        return bad_input("cannot read checkpoint '%s': it has no tensor '%s'", checkpoint->folder,
                         name);
    if (tensor->rows != rows || tensor->cols != cols)
        return bad_input("cannot read checkpoint '%s': tensor '%s' has shape [%" PRId64 ", %" PRId64
                         "], not [%" PRId64 ", %" PRId64 "]",
                         checkpoint->folder, name, tensor->rows, tensor->cols, rows, cols);
    CHECK(0 <= begin && begin <= end && end <= tensor->elements,
          "tensor '%s' has no elements [%" PRId64 ", %" PRId64 ")", name, begin, end);
    const struct tensor_segment *segment = tensor_entry_segment(tensor, begin);
    for (; begin < end; segment++) {
        int64_t part_end = end < segment->end ? end : segment->end;
        TRY(read_segment(checkpoint, segment, begin, part_end, out));
        out += part_end - begin;
        begin = part_end;
    }
    return STATUS_OK;
}
