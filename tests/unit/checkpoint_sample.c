#include "tests/unit/checkpoint_sample.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

const struct sample_tensor sample_tensors[SAMPLE_TENSORS] = {
    { "wte.weight", 7, 5, 35 },
    { "h.0.norm.weight", 11, 0, 11 },
    { "h.0.mlp.weight", 3, 13, 39 },
};

/* Of the tensor itself (moment 0) or of a moment; never a NaN, often an odd bit pattern. */
static float value_at(int64_t step, int moment, int tensor, int64_t element)
{
    uint32_t bits = (uint32_t)(step * 7919 + moment * 104729 + tensor * 1299709 + element) *
                    UINT32_C(2654435761);
    bits &= UINT32_C(0xff7fffff);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void name_of(int moment, int tensor, char *out, size_t size)
{
    if (moment == 0)
        snprintf(out, size, "%s", sample_tensors[tensor].name);
    else
        snprintf(out, size, "moment%d.%s", moment, sample_tensors[tensor].name);
}

/* Returns how many elements it has written. */
static int64_t fill(int64_t step, int moment, int tensor, struct slice range, float *out)
{
    for (int64_t i = range.begin; i < range.end; i++)
        out[i - range.begin] = value_at(step, moment, tensor, i);
    return range.end - range.begin;
}

/* What lies of a tensor in this rank's parts of one flat vector over all tensors; returns the
 * number of ranges. */
static int64_t own_ranges(int tensor, int rank, int size, struct slice *ranges)
{
    const struct slicing slicing = { .count = 85, .part = 4, .rounds = 22, .size = size };
    int64_t offset = 0, count = 0;
    for (int i = 0; i < tensor; i++)
        offset += sample_tensors[i].elements;
    const int64_t end = offset + sample_tensors[tensor].elements;
    struct slice stretch = { .end = offset };
    while (stretch.end < end) {
        stretch = slicing_stretch(&slicing, stretch.end, end);
        if (slicing_owner(&slicing, stretch.begin) == rank)
            ranges[count++] = (struct slice){ stretch.begin - offset, stretch.end - offset };
    }
    return count;
}

static void add_moments(struct checkpoint_writer *writer, const struct world *world, int64_t step)
{
    enum { PARTS = SAMPLE_MOMENTS * SAMPLE_TENSORS };
    static char names[PARTS][64];
    static float data[PARTS][64];
    static struct slice ranges[PARTS][16];
    struct tensor_part parts[PARTS];
    char file_name[64];
    int64_t count = 0;
    for (int i = 0; i < PARTS; i++) {
        int moment = 1 + i / SAMPLE_TENSORS, tensor = i % SAMPLE_TENSORS;
        int64_t found = own_ranges(tensor, world->rank, world->size, ranges[i]), at = 0;
        if (found == 0)
            continue;
        name_of(moment, tensor, names[i], sizeof names[i]);
        parts[count++] = (struct tensor_part){
            .name = names[i],
            .rows = sample_tensors[tensor].rows,
            .cols = sample_tensors[tensor].cols,
            .ranges = ranges[i],
            .range_count = found,
            .data = data[i],
        };
        for (int64_t range = 0; range < found; range++)
            at += fill(step, moment, tensor, ranges[i][range], data[i] + at);
    }
    snprintf(file_name, sizeof file_name, "optimizer-%05d-of-%05d.safetensors", world->rank + 1,
             world->size);
    checkpoint_writer_add_tensors(writer, file_name, parts, count);
}

static void add_model(struct checkpoint_writer *writer, const struct world *world, int64_t step,
                      bool gives_texts)
{
    static float data[SAMPLE_TENSORS][64];
    struct slice ranges[SAMPLE_TENSORS];
    struct tensor_part parts[SAMPLE_TENSORS];
    char state[128];
    for (int i = 0; i < SAMPLE_TENSORS; i++) {
        const struct sample_tensor *tensor = &sample_tensors[i];
        ranges[i] = (struct slice){ 0, tensor->elements };
        fill(step, 0, i, ranges[i], data[i]);
        parts[i] = (struct tensor_part){ tensor->name, tensor->rows, tensor->cols, &ranges[i], 1,
                                         data[i] };
    }
    int length = snprintf(state, sizeof state,
                          "{\"loss\": 2.5, \"digested\": {\"step\": %" PRId64 "}}\n", step);
    checkpoint_writer_add_shared(writer, world, "model.safetensors", parts, SAMPLE_TENSORS);
    if (!gives_texts)
        return;
    checkpoint_writer_add_text(writer, "config.json", "{}\n", 3);
    checkpoint_writer_add_text(writer, CHECKPOINT_STATE_NAME, state, (size_t)length);
}

void sample_add(struct checkpoint_writer *writer, const struct world *world, int64_t step,
                bool gives_texts)
{
    add_model(writer, world, step, gives_texts);
    add_moments(writer, world, step);
}

enum status sample_save(const struct world *world, const char *run, int64_t step)
{
    struct checkpoint_writer *writer;
    const struct checkpoint_way way = { 0 };
    TRY(checkpoint_writer_begin(world, &way, run, step, &writer));
    sample_add(writer, world, step, world->rank == 0);
    return checkpoint_writer_commit(writer);
}

void sample_expect(struct checkpoint *checkpoint, int64_t step, int rank, int size)
{
    struct slice ranges[16];
    float found[64], wanted[64];
    char name[64];
    for (int moment = 0; moment <= SAMPLE_MOMENTS; moment++)
        for (int tensor = 0; tensor < SAMPLE_TENSORS; tensor++) {
            name_of(moment, tensor, name, sizeof name);
            int64_t count = own_ranges(tensor, rank, size, ranges);
            for (int64_t i = 0; i < count; i++) {
                int64_t length = fill(step, moment, tensor, ranges[i], wanted);
                assert_int_equal(checkpoint_read(checkpoint, name, sample_tensors[tensor].rows,
                                                 sample_tensors[tensor].cols, ranges[i].begin,
                                                 ranges[i].end, found),
                                 STATUS_OK);
                assert_memory_equal(found, wanted, (size_t)length * sizeof *found);
            }
        }
}

enum status sample_verify(void *world, struct checkpoint *checkpoint)
{
    const struct world *ranks = world;
    return world_agree(ranks, checkpoint_verify(checkpoint, true, ranks->rank, ranks->size, NULL));
}

void sample_digest(struct checkpoint *checkpoint, char *hex)
{
    if (checkpoint_digest(checkpoint, hex) != STATUS_OK)
        fail_msg("%s", status_message());
}

char *sample_new_run(void)
{
    const char *folder = getenv("TMPDIR");
    char *run = path_join(folder ? folder : "/tmp", "eon-run.XXXXXX");
    assert_non_null(mkdtemp(run));
    return run;
}

char *sample_path(const char *run, int64_t step, const char *name)
{
    char middle[256];
    snprintf(middle, sizeof middle, "checkpoints/step-%08" PRId64 "%s%s", step, name ? "/" : "",
             name ? name : "");
    return path_join(run, middle);
}
