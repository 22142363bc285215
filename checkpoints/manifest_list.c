/* From the checksums that ranks have computed on the way to the manifest: manifest_list. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "checkpoints/manifest.h"

/* Joined, each name has one span, from 0 on. */
static void join(struct span_list *list)
{
    span_list_join(list);
    for (int64_t i = 0; i < list->count; i++)
        CHECK(list->spans[i].begin == 0,
              "'%s' of a checkpoint was written from byte %" PRId64 " on, not from its first",
              span_name(list, &list->spans[i]), list->spans[i].begin);
}

static void list_files(struct manifest *manifest, const struct span_list *files)
{
    manifest->files = memory_alloc_zeroed((size_t)files->count + 1, sizeof *manifest->files);
    manifest->file_count = files->count;
    for (int64_t i = 0; i < files->count; i++) {
        struct manifest_file *file = &manifest->files[i];
        const char *name = span_name(files, &files->spans[i]);
        memcpy(file->name, name, strlen(name) + 1);
        file->size_bytes = files->spans[i].end;
        file->crc32 = files->spans[i].crc32;
    }
}

void manifest_list(struct manifest *manifest, struct span_list *files, struct span_list *headers,
                   struct span_list *tensors)
{
    join(files);
    join(headers);
    join(tensors);
    list_files(manifest, files);
    for (int64_t i = 0; i < headers->count; i++) {
        int64_t file = manifest_find(manifest, span_name(headers, &headers->spans[i]));
        manifest->files[file].header_crc32 = headers->spans[i].crc32;
    }
    manifest->tensors = memory_alloc_zeroed((size_t)tensors->count + 1, sizeof *manifest->tensors);
    manifest->tensor_count = tensors->count;
    for (int64_t i = 0; i < tensors->count; i++)
        manifest->tensors[i] = (struct manifest_tensor){
            .name = memory_copy_string(span_name(tensors, &tensors->spans[i])),
            .crc32 = tensors->spans[i].crc32,
        };
}
