/* weight_files: the tensors of a Hugging Face model's folder, read as hostile input.
 *
 *   FOLDER/model.safetensors                      all of them; or
 *   FOLDER/model.safetensors.index.json           {"weight_map": {TENSOR: FILE, ...}}
 *   FOLDER/model-00001-of-00003.safetensors ...   the files that it names
 *
 * After weight_files_open each tensor lies in one file, all of it, and the index says which: it
 * names every tensor of its files and no other, and no file outside the folder. No link is followed
 * but the hub's (hub_path.h). Headers alone are held in memory.
 */
#ifndef CHECKPOINTS_WEIGHT_FILES_H
#define CHECKPOINTS_WEIGHT_FILES_H

#include "checkpoints/safetensors_reader.h"

struct weight_tensor {
    const struct safetensors_tensor *stored; /* the reader's */
    int64_t file;
};

struct weight_files {
    struct safetensors_reader
        *readers; /* [file_count], in the bytewise order of the files' names */
    int64_t file_count;
    struct weight_tensor *tensors; /* in the bytewise order of their names */
    int64_t tensor_count;
    int64_t open_file; /* the one that was read last; -1: none */
    int descriptor;
};

enum status weight_files_open(const char *folder, struct weight_files *files);
void weight_files_release(struct weight_files *files);

const struct weight_tensor *weight_files_find(const struct weight_files *files,
                                              const char *name); /* or NULL */

/* Whether weight_files_read knows the type: F32, F16 or BF16. */
bool weight_tensor_is_float(const struct weight_tensor *tensor);
/* Elements [begin, end) of such a tensor, as float32. */
enum status weight_files_read(struct weight_files *files, const struct weight_tensor *tensor,
                              int64_t begin, int64_t end, float *out);

#endif
