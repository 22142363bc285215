#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/safetensors_reader.h"
#include "checkpoints/safetensors_writer.h"
#include "checkpoints/tensor_index.h"

static char path[64];

static int new_file(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "eon-safetensors-%d", (int)getpid());
    unlink(path);
    return 0;
}

static int drop_file(void **state)
{
    (void)state;
    unlink(path);
    return memory_live_blocks() == 0 ? 0 : -1;
}

static void write_parts(int64_t step, const struct tensor_part *parts, int64_t count)
{
    struct strbuf header = STRBUF_INIT;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    safetensors_print_header(step, parts, count, &header);
    assert_int_equal(fwrite(header.bytes, 1, header.length, file), header.length);
    for (int64_t i = 0; i < count; i++) {
        size_t elements = (size_t)tensor_part_count(&parts[i]);
        assert_int_equal(fwrite(parts[i].data, sizeof(float), elements, file), elements);
    }
    assert_int_equal(fclose(file), 0);
    strbuf_release(&header);
}

/* A file of this length field, header and number of data bytes. */
static void write_raw(uint64_t length, const char *header, size_t data_bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(&length, sizeof length, 1, file), 1);
    assert_int_equal(fwrite(header, 1, strlen(header), file), strlen(header));
    for (size_t i = 0; i < data_bytes; i++)
        assert_int_equal(fputc(0, file), 0);
    assert_int_equal(fclose(file), 0);
}

static const float data[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

static void what_was_written_is_read(void **state)
{
    (void)state;
    const struct slice twelve = { 0, 12 }, five = { 0, 5 }, seven = { 50, 57 };
    const struct slice several[] = { { 0, 2 }, { 2, 3 }, { 198, 200 } };
    const struct tensor_part parts[] = { { "matrix", 3, 4, &twelve, 1, data },
                                         { "vector", 5, 0, &five, 1, data },
                                         { "part", 100, 2, &seven, 1, data },
                                         { "parts", 100, 2, several, 3, data } };
    struct safetensors_reader reader;
    write_parts(8, parts, 4);
    assert_int_equal(safetensors_reader_open(path, &reader), STATUS_OK);
    assert_int_equal(reader.tensor_count, 4);
    assert_string_equal(reader.tensors[0].name, "matrix");
    assert_int_equal(reader.tensors[0].begin % 64, 0);
    assert_int_equal(reader.tensors[0].dimensions, 2);
    assert_int_equal(reader.tensors[0].shape[1], 4);
    assert_string_equal(reader.tensors[1].name, "vector");
    assert_int_equal(reader.tensors[1].dimensions, 1);
    assert_int_equal(reader.tensors[2].shape[0], 7);
    assert_int_equal(reader.tensors[3].shape[0], 5);
    const struct json *metadata = safetensors_reader_metadata(&reader);
    assert_string_equal(json_text(json_member(metadata, "format")), "pt");
    assert_string_equal(json_text(json_member(metadata, "step")), "8");
    assert_string_equal(json_text(json_member(metadata, "range.part")), "50 57 100 2");
    assert_string_equal(json_text(json_member(metadata, "range.parts")), "0 2 2 3 198 200 100 2");
    assert_int_equal(json_length(metadata), 4);
    safetensors_reader_release(&reader);
}

static void a_file_without_tensors_is_read(void **state)
{
    (void)state;
    struct safetensors_reader reader;
    write_parts(0, NULL, 0);
    assert_int_equal(safetensors_reader_open(path, &reader), STATUS_OK);
    assert_int_equal(reader.tensor_count, 0);
    safetensors_reader_release(&reader);
}

#define F32(shape, offsets) "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void hostile_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data_bytes;
        const char *why;
    } cases[] = {
        { "", 0, "does not begin with '{'" },
        { "[]", 0, "does not begin with '{'" },
        { " {}", 0, "does not begin with '{'" },
        { "{", 0, "as JSON" },
        { "{} x", 0, "as JSON" },
        { "{\"a\xff\":1}", 0, "as JSON" },
        { "{\"a\":1}", 0, "needs exactly dtype, shape and data_offsets" },
        { "{\"a\":" F32("[1]", "[0,4]") ",\"a\":" F32("[1]", "[4,8]") "}", 8, "duplicate" },
        { "{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype 'F33'" },
        { "{\"a\":{\"dtype\":\"F32\\u0000\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":0}}", 4,
          "exactly" },
        { "{\"a\":" F32("[-1]", "[0,4]") "}", 4, "no size" },
        { "{\"a\":" F32("[1.0]", "[0,4]") "}", 4, "no size" },
        { "{\"a\":" F32("1", "[0,4]") "}", 4, "'shape'" },
        { "{\"a\":" F32("[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "too many dimensions" },
        { "{\"a\":" F32("[4294967296,4294967296]", "[0,4]") "}", 4, "overflows" },
        { "{\"a\":" F32("[4611686018427387905]", "[0,4]") "}", 4, "do not match" },
        { "{\"a\":" F32("[2]", "[0,4]") "}", 4, "do not match" },
        { "{\"a\":" F32("[1]", "[0,4,8]") "}", 4, "not two integers" },
        { "{\"a\":" F32("[1]", "[0,\"4\"]") "}", 4, "not two integers" },
        { "{\"a\":" F32("[1]", "[4,0]") "}", 4, "leave the file" },
        { "{\"a\":" F32("[1]", "[-4,0]") "}", 4, "leave the file" },
        { "{\"a\":" F32("[1]", "[0,4]") "}", 3, "leave the file" },
        { "{\"a\":" F32("[1]", "[9223372036854775804,9223372036854775807]") "}", 4, "leave" },
        { "{\"a\":" F32("[1]", "[9223372036854775808,9223372036854775812]") "}", 4, "as JSON" },
        { "{\"a\":" F32("[1]", "[4,8]") "}", 8, "a hole before" },
        { "{\"a\":" F32("[1]", "[0,4]") ",\"b\":" F32("[1]", "[8,12]") "}", 12, "a hole before" },
        { "{\"a\":" F32("[2]", "[0,8]") ",\"b\":" F32("[1]", "[4,8]") "}", 8, "overlap" },
        { "{\"a\":" F32("[1]", "[0,4]") ",\"b\":" F32("[1]", "[0,4]") "}", 4, "overlap" },
        { "{\"a\":" F32("[1]", "[0,4]") "}", 5, "belong to no tensor" },
        { "{}", 1, "belong to no tensor" },
        { "{\"__metadata__\":[]}", 0, "is no object" },
        { "{\"__metadata__\":{\"a\":1}}", 0, "is no text" },
        { "{\"__metadata__\":{\"a\":\"1\\u00002\"}}", 0, "is no text" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct safetensors_reader reader;
        write_raw(strlen(cases[i].header), cases[i].header, cases[i].data_bytes);
        if (safetensors_reader_open(path, &reader) != STATUS_BAD_INPUT)
            fail_msg("'%s' was not refused", cases[i].header);
        if (!strstr(status_message(), cases[i].why) || !strstr(status_message(), path) ||
            strchr(status_message(), '\n'))
            fail_msg("'%s': '%s' does not say '%s'", cases[i].header, status_message(),
                     cases[i].why);
    }
}

static void hostile_lengths_are_refused_before_allocation(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {
        3, 4096, UINT64_C(1) << 40, UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 7
    };
    struct safetensors_reader reader;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        write_raw(lengths[i], "{}", 0);
        assert_int_equal(safetensors_reader_open(path, &reader), STATUS_BAD_INPUT);
    }
    /* A sparse file gives room for any length: the format's own bound holds. */
    write_raw((uint64_t)SAFETENSORS_MAX_HEADER_BYTES + 1, "{}", 0);
    assert_int_equal(truncate(path, (off_t)1 << 40), 0);
    assert_int_equal(safetensors_reader_open(path, &reader), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "is more than 100000000"));
}

static void short_files_are_refused(void **state)
{
    (void)state;
    struct safetensors_reader reader;
    for (off_t length = 0; length < 10; length++) {
        write_raw(2, "{}", 0);
        assert_int_equal(truncate(path, length), 0);
        assert_int_equal(safetensors_reader_open(path, &reader), STATUS_BAD_INPUT);
    }
}

static void what_is_no_regular_file_is_refused(void **state)
{
    (void)state;
    struct safetensors_reader reader;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(safetensors_reader_open(path, &reader), STATUS_BAD_INPUT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_int_equal(safetensors_reader_open(path, &reader), STATUS_BAD_INPUT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(safetensors_reader_open(".", &reader), STATUS_BAD_INPUT);
    assert_int_equal(safetensors_reader_open(path, &reader), STATUS_BAD_INPUT);
}

/* What the header of a file may say and a checkpoint may not. */
static void hostile_parts_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *metadata, *tensor, *why;
    } cases[] = {
        { "", F32("[2]", "[0,8]"), "does not say of which step" },
        { "\"step\":\"4\"", F32("[2]", "[0,8]"), "is of step 4, the checkpoint of step 3" },
        { "\"step\":\"3\"", F32("[1,1,2]", "[0,8]"), "neither a vector nor a matrix" },
        { "\"step\":\"3\"", F32("[]", "[0,4]"), "neither a vector nor a matrix" },
        { "\"step\":\"3\"", F32("[0]", "[0,0]"), "neither a vector nor a matrix" },
        { "\"step\":\"3\"", "{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}",
          "F32 alone" },
        { "\"step\":\"3\",\"range.a\":\"0 2 1 3\"", F32("[2,1]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 3 1 3\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"2 4 1 3\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"-1 1 1 3\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 2 1\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 2 1 3 \"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 2 4294967296 4294967296\"", F32("[2]", "[0,8]"),
          "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 99999999999999999999 1 1\"", F32("[2]", "[0,8]"),
          "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"2\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"1 3\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 2  1 3\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 1 2 3 4\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 2 0 2 1 3\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 1 0 1 1 3\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"2 3 0 1 1 3\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 2 2 1 1 3\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 2 2 2 1 3\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 1 3 4 1 3\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 1 2 4 1 5\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 1 1 9223372036854775807 1 9223372036854775807\"",
          F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 1 2 3 0 0\"", F32("[2]", "[0,8]"), "do not fit" },
        { "\"step\":\"3\",\"range.a\":\"0 1 2 3 1 4\"", F32("[2]", "[0,8]"),
          "lacks its element 1" },
        { "\"step\":\"3\",\"range.b\":\"0 2 1 3\"", F32("[2]", "[0,8]"), "does not hold" },
        { "\"step\":\"3\",\"range.a\":\"0 2 3 0\"", F32("[2]", "[0,8]"), "lacks its element 2" },
        { "\"step\":\"3\",\"range.a\":\"1 3 3 0\"", F32("[2]", "[0,8]"), "lacks its element 0" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct safetensors_reader reader;
        struct tensor_index index;
        struct strbuf header = STRBUF_INIT;
        strbuf_addf(&header, "{\"__metadata__\":{%s},\"a\":%s}", cases[i].metadata,
                    cases[i].tensor);
        size_t bytes = strstr(cases[i].tensor, ",0]") ? 0 : strstr(cases[i].tensor, ",4]") ? 4 : 8;
        write_raw(header.length, header.bytes, bytes);
        assert_int_equal(safetensors_reader_open(path, &reader), STATUS_OK);
        tensor_index_init(&index);
        enum status status = tensor_index_add(&index, &reader, 0, 3);
        if (status == STATUS_OK)
            status = tensor_index_finish(&index, path);
        if (status != STATUS_BAD_INPUT || !strstr(status_message(), cases[i].why))
            fail_msg("'%s': '%s' does not say '%s'", header.bytes, status_message(), cases[i].why);
        tensor_index_release(&index);
        safetensors_reader_release(&reader);
        strbuf_release(&header);
    }
}

/* Two parts of a tensor of ten elements: this file's and another one's. */
static void ranges_of_a_part_lie_one_behind_the_other(void **state)
{
    (void)state;
    static const struct slice own[] = { { 0, 2 }, { 3, 6 }, { 8, 9 } };
    static const struct slice others[] = { { 2, 3 }, { 6, 8 }, { 9, 10 } };
    struct safetensors_reader readers[2];
    struct tensor_index index;
    tensor_index_init(&index);
    for (int file = 0; file < 2; file++) {
        const struct tensor_part part = { "a", 5, 2, file ? others : own, 3, data };
        write_parts(3, &part, 1);
        assert_int_equal(safetensors_reader_open(path, &readers[file]), STATUS_OK);
        assert_int_equal(tensor_index_add(&index, &readers[file], file, 3), STATUS_OK);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(tensor_index_finish(&index, path), STATUS_OK);
    const struct tensor_entry *tensor = tensor_index_find(&index, "a");
    assert_int_equal(tensor->rows, 5);
    assert_int_equal(tensor->cols, 2);
    static const int64_t places[] = { 0, 1, 0, 2, 3, 4, 1, 2, 5, 3 }; /* in its file */
    for (int64_t i = 0; i < 10; i++) {
        const struct tensor_segment *segment = tensor_entry_segment(tensor, i);
        assert_in_range(i, segment->begin, segment->end - 1);
        assert_int_equal(segment->file, i == 2 || i == 6 || i == 7 || i == 9);
        assert_int_equal(segment->offset_bytes + (i - segment->begin) * (int64_t)sizeof(float),
                         readers[segment->file].tensors[0].begin +
                             places[i] * (int64_t)sizeof(float));
    }
    tensor_index_release(&index);
    for (int file = 0; file < 2; file++)
        safetensors_reader_release(&readers[file]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_file, drop_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_is_read),    TEST(a_file_without_tensors_is_read),
        TEST(hostile_headers_are_refused), TEST(hostile_lengths_are_refused_before_allocation),
        TEST(short_files_are_refused),     TEST(what_is_no_regular_file_is_refused),
        TEST(hostile_parts_are_refused),   TEST(ranges_of_a_part_lie_one_behind_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
