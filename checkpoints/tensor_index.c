#include "checkpoints/tensor_index.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"

#define RANGE_PREFIX "range."

enum { SHOWN_RANGES = 80 /* characters of them that a message repeats */ };

void tensor_index_init(struct tensor_index *index)
{
    *index = (struct tensor_index){ 0 };
}

void tensor_index_release(struct tensor_index *index)
{
    memory_free(index->segments);
    memory_free(index->tensors);
    tensor_index_init(index);
}

static int64_t element_count(int64_t rows, int64_t cols)
{
    return rows * (cols ? cols : 1);
}

/* Decimal digits and nothing else, up to the end of the text or to a space before more digits. */
static bool parse_number(const char **text, int64_t *out)
{
    int64_t value = 0;
    const char *at = *text;
    do {
        if (*at < '0' || *at > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *at - '0', &value))
            return false;
        at++;
    } while (*at != ' ' && *at != '\0');
    if (*at == ' ' && at[1] == '\0')
        return false;
    *text = at + (*at == ' ');
    *out = value;
    return true;
}

static const char *metadata_text(const struct safetensors_reader *reader, const char *key)
{
    const struct json *metadata = safetensors_reader_metadata(reader);
    const struct json *value = metadata ? json_member(metadata, key) : NULL;
    return value ? json_text(value) : NULL;
}

static void add_segment(struct tensor_index *index, const struct tensor_segment *segment)
{
    if (index->segment_count == index->segment_capacity) {
        index->segment_capacity = index->segment_capacity ? 2 * index->segment_capacity : 64;
        index->segments = memory_realloc(index->segments,
                                         (size_t)index->segment_capacity * sizeof *index->segments);
    }
    index->segments[index->segment_count++] = *segment;
}

/* Adds a segment for each range of "BEGIN END BEGIN END ... ROWS COLS"; `part` has the tensor's
 * name, file and the place of its `stored` elements. False: the text does not fit these. */
static bool add_ranges(struct tensor_index *index, const char *text, struct tensor_segment part,
                       int64_t stored)
{
    const int64_t first = index->segment_count;
    int64_t begin, end, elements;
    for (;;) {
        if (!parse_number(&text, &begin) || !parse_number(&text, &end))
            return false;
        if (*text == '\0')
            break; /* they were ROWS and COLS */
        if (begin < part.end || begin >= end || end - begin > stored)
            return false;
        part.begin = begin;
        part.end = end;
        add_segment(index, &part);
        part.offset_bytes += (end - begin) * (int64_t)sizeof(float);
        stored -= end - begin;
    }
    for (int64_t i = first; i < index->segment_count; i++) {
        index->segments[i].rows = begin;
        index->segments[i].cols = end;
    }
    return stored == 0 && !__builtin_mul_overflow(begin, end ? end : 1, &elements) &&
           part.end <= elements;
}

static enum status add_tensor(struct tensor_index *index, const struct safetensors_reader *reader,
                              const struct safetensors_tensor *tensor, int64_t file,
                              const char *ranges)
{
    const char *cause = NULL;
    if (strcmp(tensor->dtype, "F32") != 0)
        cause = "a checkpoint holds F32 alone";
    else if (tensor->elements == 0 || tensor->dimensions < 1 || tensor->dimensions > 2)
        cause = "its shape is neither a vector nor a matrix";
    if (cause)
        return bad_input("cannot read '%s': tensor '%s': %s", reader->path, tensor->name, cause);

    struct tensor_segment part = { .name = tensor->name,
                                   .file = file,
                                   .offset_bytes = tensor->begin };
    if (!ranges) {
        part.rows = tensor->shape[0];
        part.cols = tensor->dimensions == 2 ? tensor->shape[1] : 0;
        part.end = tensor->elements;
        add_segment(index, &part);
    } else if (tensor->dimensions != 1 || !add_ranges(index, ranges, part, tensor->elements)) {
        return bad_input("cannot read '%s': tensor '%s': its ranges '%.*s%s' do not fit its shape",
                         reader->path, tensor->name, SHOWN_RANGES, ranges,
                         strlen(ranges) > SHOWN_RANGES ? "..." : "");
    }
    return STATUS_OK;
}

static int64_t count_ranges(const struct safetensors_reader *reader)
{
    int64_t count = 0;
    void *cursor = NULL;
    const char *key;
    const struct json *value, *metadata = safetensors_reader_metadata(reader);
    while (metadata && json_next_member(metadata, &cursor, &key, &value))
        count += strncmp(key, RANGE_PREFIX, strlen(RANGE_PREFIX)) == 0;
    return count;
}

static enum status check_step(const struct safetensors_reader *reader, int64_t step)
{
    char wanted[21];
    const char *found = metadata_text(reader, "step");
    snprintf(wanted, sizeof wanted, "%" PRId64, step);
    if (!found)
        return bad_input("cannot read '%s': it does not say of which step it is", reader->path);
    if (strcmp(found, wanted) != 0)
        return bad_input("cannot read '%s': it is of step %s, the checkpoint of step %s",
                         reader->path, found, wanted);
    return STATUS_OK;
}

enum status tensor_index_add(struct tensor_index *index, const struct safetensors_reader *reader,
                             int64_t file, int64_t step)
{
    enum status status = STATUS_OK;
    int64_t ranges = 0;
    struct strbuf key = STRBUF_INIT;
    TRY(check_step(reader, step));
    for (int64_t i = 0; status == STATUS_OK && i < reader->tensor_count; i++) {
        const struct safetensors_tensor *tensor = &reader->tensors[i];
        strbuf_reset(&key);
        strbuf_addf(&key, RANGE_PREFIX "%s", tensor->name);
        const char *range = metadata_text(reader, key.bytes);
        ranges += range != NULL;
        status = add_tensor(index, reader, tensor, file, range);
    }
    strbuf_release(&key);
    if (status == STATUS_OK && ranges != count_ranges(reader))
        status = bad_input("cannot read '%s': it gives a range of a tensor that it does not hold",
                           reader->path);
    return status;
}

static int compare_segments(const void *a, const void *b)
{
    const struct tensor_segment *first = a, *second = b;
    int by_name = strcmp(first->name, second->name);
    if (by_name)
        return by_name;
    return (first->begin > second->begin) - (first->begin < second->begin);
}

/* The segments [at, ...) of one name make one tensor. */
static enum status take_tensor(struct tensor_index *index, int64_t at, const char *source)
{
    const struct tensor_segment *first = &index->segments[at];
    const struct tensor_segment *limit = index->segments + index->segment_count;
    struct tensor_entry *tensor = &index->tensors[index->tensor_count++];
    *tensor = (struct tensor_entry){ .name = first->name,
                                     .rows = first->rows,
                                     .cols = first->cols,
                                     .elements = element_count(first->rows, first->cols),
                                     .segments = first };
    int64_t covered = 0;
    for (const struct tensor_segment *segment = first;
         segment < limit && strcmp(segment->name, first->name) == 0; segment++) {
        if (segment->rows != first->rows || segment->cols != first->cols)
            return bad_input("cannot read checkpoint '%s': the parts of tensor '%s' disagree on "
                             "its shape",
                             source, first->name);
        if (segment->begin != covered)
            return bad_input("cannot read checkpoint '%s': tensor '%s' %s element %" PRId64, source,
                             first->name,
                             segment->begin < covered ? "has more than one" : "lacks its",
                             segment->begin < covered ? segment->begin : covered);
        covered = segment->end;
        tensor->segment_count++;
    }
    if (covered != tensor->elements)
        return bad_input("cannot read checkpoint '%s': tensor '%s' lacks its element %" PRId64,
                         source, first->name, covered);
    return STATUS_OK;
}

enum status tensor_index_finish(struct tensor_index *index, const char *source)
{
    if (index->segment_count)
        qsort(index->segments, (size_t)index->segment_count, sizeof *index->segments,
              compare_segments);
    index->tensors = memory_alloc_zeroed((size_t)index->segment_count + 1, sizeof *index->tensors);
    for (int64_t at = 0; at < index->segment_count;) {
        TRY(take_tensor(index, at, source));
        at += index->tensors[index->tensor_count - 1].segment_count;
    }
    return STATUS_OK;
}

static int compare_entry(const void *name, const void *entry)
{
    return strcmp(name, ((const struct tensor_entry *)entry)->name);
}

const struct tensor_segment *tensor_entry_segment(const struct tensor_entry *tensor,
                                                  int64_t element)
{
    int64_t low = 0, high = tensor->segment_count - 1;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (tensor->segments[middle].end > element)
            high = middle;
        else
            low = middle + 1;
    }
    return &tensor->segments[low];
}

const struct tensor_entry *tensor_index_find(const struct tensor_index *index, const char *name)
{
    if (!index->tensor_count)
        return NULL;
    return bsearch(name, index->tensors, (size_t)index->tensor_count, sizeof *index->tensors,
                   compare_entry);
}
