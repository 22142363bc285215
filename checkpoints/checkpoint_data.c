/* What is in an open checkpoint: read, and proved to be what was written. */
#include <inttypes.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checked_file.h"
#include "checkpoints/checkpoint_reader.h"

/* Checksummed while they are in the cache. */
enum { READ_ELEMENTS = 1 << 17 };

enum status checkpoint_verify(struct checkpoint *checkpoint, bool with_tensors, int first,
                              int stride, struct thread_pool *pool)
{
    CHECK(first >= 0 && stride > 0, "files %d, then every %d, cannot be verified", first, stride);
    for (int64_t file = first; file < checkpoint->manifest.file_count; file += stride) {
        const struct manifest_file *entry = &checkpoint->manifest.files[file];
        if (!with_tensors && manifest_file_holds_tensors(entry))
            continue;
        char *path = checkpoint_file_path(checkpoint, file);
        enum status status = checked_file_verify(path, entry->size_bytes, entry->crc32, pool);
        memory_free(path);
        TRY(status);
    }
    return STATUS_OK;
}

static enum status open_for_reading(struct checkpoint *checkpoint, int64_t file, int *descriptor)
{
    struct open_file *place = &checkpoint->open_files[file % CHECKPOINT_OPEN_FILES];
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

/* Elements [begin, end) of a tensor, all in one place of one file. */
static enum status read_segment(struct checkpoint *checkpoint, const struct tensor_segment *segment,
                                int64_t begin, int64_t end, float *out)
{
    const int64_t unit = (int64_t)sizeof *out;
    int descriptor;
    TRY(open_for_reading(checkpoint, segment->file, &descriptor));
    for (int64_t next; begin < end; begin = next) {
        next = begin + READ_ELEMENTS < end ? begin + READ_ELEMENTS : end;
        const size_t length = (size_t)((next - begin) * unit);
        TRY(file_read_at(descriptor, out, length,
                         segment->offset_bytes + (begin - segment->begin) * unit,
                         checkpoint->readers[segment->file].path));
        if (checkpoint->checks_reads)
            span_list_add(&checkpoint->reads, segment->name, begin * unit, next * unit,
                          span_checksum(0, out, length));
        out += next - begin;
    }
    return STATUS_OK;
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

void checkpoint_begin_checked(struct checkpoint *checkpoint)
{
    span_list_release(&checkpoint->reads);
    checkpoint->checks_reads = checkpoint->manifest.version >= 3;
}

/* On rank 0, of what all ranks have read together. */
static enum status compare_reads(struct checkpoint *checkpoint)
{
    struct span_list *reads = &checkpoint->reads;
    span_list_join(reads);
    for (const struct span *read = reads->spans; read < reads->spans + reads->count; read++) {
        const char *name = span_name(reads, read);
        const struct manifest_tensor *listed = manifest_find_tensor(&checkpoint->manifest, name);
        const int64_t bytes =
            tensor_index_find(&checkpoint->index, name)->elements * (int64_t)sizeof(float);
        CHECK(read->begin == 0 && read->end == bytes,
              "tensor '%s' was read from byte %" PRId64 " to %" PRId64 " of %" PRId64, name,
              read->begin, read->end, bytes);
        if (!listed)
            return bad_input("cannot trust checkpoint '%s': its manifest does not list tensor '%s'",
                             checkpoint->folder, name);
        if (listed->crc32 != read->crc32)
            return bad_input(
                "cannot trust checkpoint '%s': the checksum of tensor '%s' is %08" PRIx32
                ", the manifest says %08" PRIx32,
                checkpoint->folder, name, read->crc32, listed->crc32);
    }
    return STATUS_OK;
}

enum status checkpoint_end_checked(struct checkpoint *checkpoint, const struct world *world,
                                   enum status status)
{
    status = world_agree(world, status);
    if (status == STATUS_OK && checkpoint->checks_reads) {
        span_list_gather(&checkpoint->reads, world);
        status = world_agree(world, world->rank == 0 ? compare_reads(checkpoint) : STATUS_OK);
    }
    span_list_release(&checkpoint->reads);
    checkpoint->checks_reads = false;
    return status;
}
