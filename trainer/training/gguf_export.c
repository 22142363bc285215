#include "trainer/training/gguf_export.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint.h"
#include "checkpoints/gguf_writer.h"
#include "trainer/model/gguf_names.h"
#include "trainer/model/huggingface_config.h"
#include "trainer/training/gguf_metadata.h"
#include "trainer/training/model_loading.h"

#define CONFIG_BYTES_MAX ((size_t)1 << 20)
#define BLOCK_ELEMENTS   ((int64_t)1 << 18)

struct gguf_export {
    const struct gguf_export_request *request;
    struct checkpoint *checkpoint;
    struct json *json; /* config.json */
    struct model_config config;
    struct tokenizer *tokenizer;
    struct tensor_table table;
    struct exported_tensor {
        struct gguf_place place;
        enum gguf_type type;
    } * tensors; /* in the table's order */
    float rope_factors[GGUF_ROPE_FACTORS_MOST];
    int64_t rope_factor_count;
    struct gguf_writer writer;
};

static enum status read_config(struct gguf_export *export)
{
    char *path = path_join(checkpoint_folder(export->checkpoint), "config.json");
    enum status status = json_read(path, CONFIG_BYTES_MAX, &export->json);
    if (status == STATUS_OK)
        status = huggingface_config_parse(export->json, path, &export->config);
    memory_free(path);
    return status;
}

static enum status read_tokenizer(struct gguf_export *export)
{
    const char *folder = checkpoint_folder(export->checkpoint);
    char *path = path_join(folder, "tokenizer.json");
    const bool is_there = file_exists(path);
    memory_free(path);
    return is_there ? model_read_tokenizer(folder, &export->config, &export->tokenizer) : STATUS_OK;
}

/* "first" of "runs/first/". The caller frees it. */
static char *last_part(const char *path)
{
    size_t end = strlen(path), begin;
    while (end > 0 && path[end - 1] == '/')
        end--;
    for (begin = end; begin > 0 && path[begin - 1] != '/';)
        begin--;
    char *part = memory_copy_string(path + begin);
    part[end - begin] = '\0';
    return part;
}

static enum status put_values(struct gguf_export *export)
{
    const struct gguf_export_request *request = export->request;
    char *name = request->name[0] != '\0' ? memory_copy_string(request->name)
                                          : last_part(request->checkpoint_or_run);
    gguf_put_model(&export->writer, &export->config, name, request->type);
    memory_free(name);
    return gguf_put_tokenizer(&export->writer, export->tokenizer, &export->config, export->json);
}

/* As llama.cpp does, a matrix whose rows are no whole blocks becomes f16. */
static enum gguf_type type_of(const struct gguf_export *export, const struct gguf_place *place,
                              int64_t row_elements)
{
    if (place->stays_f32)
        return GGUF_F32;
    return gguf_type_fits(export->request->type, row_elements) ? export->request->type : GGUF_F16;
}

static enum status declare_rope_factors(struct gguf_export *export)
{
    if (gguf_head_width(&export->config) / 2 > GGUF_ROPE_FACTORS_MOST)
        return bad_input("cannot export '%s': heads of %lld are too wide",
                         checkpoint_folder(export->checkpoint),
                         (long long)gguf_head_width(&export->config));
    export->rope_factor_count = gguf_rope_factors(&export->config, export->rope_factors);
    if (export->rope_factor_count > 0)
        gguf_writer_declare(&export->writer, GGUF_ROPE_FACTORS, GGUF_F32, export->rope_factor_count,
                            0);
    return STATUS_OK;
}

static enum status write_rope_factors(struct gguf_export *export)
{
    if (export->rope_factor_count == 0)
        return STATUS_OK;
    TRY(gguf_writer_add(&export->writer, export->rope_factors,
                        export->rope_factor_count * (int64_t)sizeof *export->rope_factors));
    return gguf_writer_end_tensor(&export->writer);
}

static enum status declare_tensors(struct gguf_export *export)
{
    export->tensors =
        memory_alloc_zeroed((size_t) export->table.tensor_count, sizeof *export->tensors);
    for (int64_t i = 0; i < export->table.tensor_count; i++) {
        const struct tensor *tensor = &export->table.tensors[i];
        struct exported_tensor *exported = &export->tensors[i];
        TRY(gguf_place_of(&export->config, tensor, &exported->place));
        const bool is_turned = exported->place.layout == GGUF_LAYOUT_TRANSPOSED;
        const int64_t rows = is_turned ? tensor->cols : tensor->rows;
        const int64_t cols = is_turned ? tensor->rows : tensor->cols;
        exported->type = type_of(export, &exported->place, cols);
        gguf_writer_declare(&export->writer, exported->place.name, exported->type, rows, cols);
    }
    return STATUS_OK;
}

/* Rows that are taken together: all that change places among each other. */
static int64_t block_rows(const struct gguf_export *export, enum gguf_layout layout, int64_t rows,
                          int64_t cols)
{
    const int64_t unit = layout == GGUF_LAYOUT_INTERLEAVED ? gguf_head_width(&export->config) : 1;
    if (layout == GGUF_LAYOUT_TRANSPOSED)
        return rows;
    return cols * unit < BLOCK_ELEMENTS ? BLOCK_ELEMENTS / (cols * unit) * unit : unit;
}

static void arrange(const struct gguf_export *export, enum gguf_layout layout, int64_t rows,
                    int64_t cols, const float *source, float *out)
{
    const int64_t head_width = gguf_head_width(&export->config);
    for (int64_t r = 0; r < rows; r++) {
        if (layout == GGUF_LAYOUT_TRANSPOSED)
            for (int64_t c = 0; c < cols; c++)
                out[c * rows + r] = source[r * cols + c];
        else
            memcpy(out + r * cols, source + gguf_source_row(r, head_width) * cols,
                   (size_t)cols * sizeof *out);
    }
}

/* A vector is a column here. `buffers` has room for a block, three times. */
static enum status write_blocks(struct gguf_export *export, const struct tensor *tensor,
                                const struct exported_tensor *exported, int64_t rows_together,
                                float *buffers)
{
    const enum gguf_layout layout = exported->place.layout;
    const int64_t cols = tensor->cols ? tensor->cols : 1;
    float *source = buffers, *arranged = source + rows_together * cols;
    float *converted = arranged + rows_together * cols;
    for (int64_t row = 0; row < tensor->rows; row += rows_together) {
        const int64_t left = tensor->rows - row;
        const int64_t rows = left < rows_together ? left : rows_together, count = rows * cols;
        TRY(checkpoint_read(export->checkpoint, tensor->name, tensor->rows, tensor->cols,
                            row * cols, row * cols + count, source));
        if (layout != GGUF_LAYOUT_SAME)
            arrange(export, layout, rows, cols, source, arranged);
        if (!gguf_type_convert(exported->type, layout == GGUF_LAYOUT_SAME ? source : arranged,
                               count, converted))
            return bad_input("cannot export '%s': tensor '%s' holds a value that is not finite as "
                             "%s",
                             checkpoint_folder(export->checkpoint), tensor->name,
                             gguf_type_find((uint32_t)exported->type)->name);
        TRY(gguf_writer_add(&export->writer, converted, gguf_type_bytes(exported->type, count)));
    }
    return gguf_writer_end_tensor(&export->writer);
}

static enum status write_tensor(struct gguf_export *export, int64_t i)
{
    const struct tensor *tensor = &export->table.tensors[i];
    const int64_t cols = tensor->cols ? tensor->cols : 1;
    const int64_t rows = block_rows(export, export->tensors[i].place.layout, tensor->rows, cols);
    const int64_t room = (rows < tensor->rows ? rows : tensor->rows) * cols;
    float *buffers = memory_alloc_zeroed((size_t)room, 3 * sizeof *buffers);
    enum status status = write_blocks(export, tensor, &export->tensors[i], room / cols, buffers);
    memory_free(buffers);
    return status;
}

static void fill_report(const struct gguf_export *export, struct gguf_export_report *report)
{
    *report = (struct gguf_export_report){
        .step = checkpoint_step(export->checkpoint),
        .tensors = export->table.tensor_count,
        .tokens = export->tokenizer ? export->config.vocab_size : 0,
        .bytes = export->writer.at,
    };
    for (int64_t i = 0; i < report->tensors; i++) {
        const struct exported_tensor *exported = &export->tensors[i];
        report->f32_tensors += exported->type == GGUF_F32;
        report->f16_instead += exported->type == GGUF_F16 && export->request->type != GGUF_F16;
    }
}

static enum status run(struct gguf_export *export, struct gguf_export_report *report)
{
    TRY(read_config(export));
    TRY(read_tokenizer(export));
    tensor_table_init(&export->table, &export->config);
    TRY(put_values(export));
    TRY(declare_tensors(export));
    TRY(declare_rope_factors(export));
    TRY(gguf_writer_begin(&export->writer));
    for (int64_t i = 0; i < export->table.tensor_count; i++)
        TRY(write_tensor(export, i));
    TRY(write_rope_factors(export));
    TRY(gguf_writer_finish(&export->writer));
    fill_report(export, report);
    return STATUS_OK;
}

enum status gguf_export(const struct gguf_export_request *request,
                        struct gguf_export_report *report)
{
    struct gguf_export export = { .request = request };
    if (folder_exists(request->out))
        return bad_input("cannot export to '%s': it is a folder", request->out);
    TRY(checkpoint_open_newest(request->checkpoint_or_run, &export.checkpoint));
    gguf_writer_init(&export.writer, request->out);
    enum status status = run(&export, report);
    gguf_writer_release(&export.writer);
    memory_free(export.tensors);
    tensor_table_release(&export.table);
    tokenizer_free(export.tokenizer);
    json_free(export.json);
    checkpoint_close(export.checkpoint);
    return status;
}
