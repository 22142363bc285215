#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/gguf_reader.h"
#include "checkpoints/gguf_writer.h"

static char path[64], partial[80];

static int new_file(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "eon-gguf-%d", (int)getpid());
    snprintf(partial, sizeof partial, "%s.partial", path);
    unlink(path);
    return 0;
}

static int drop_file(void **state)
{
    (void)state;
    unlink(path);
    return memory_live_blocks() == 0 && !file_exists(partial) ? 0 : -1;
}

#define U32(n)   n, 0, 0, 0
#define U64(n)   n, 0, 0, 0, 0, 0, 0, 0
#define ZEROS_10 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

/* A file by its specification: two values, and a block of q8_0 and 3 rows of 2. */
/* clang-format off */
static const unsigned char sample[] = {
    /*   0 */ 'G', 'G', 'U', 'F', U32(3), U64(2), U64(2),
    /*  24 */ U64(17), 'g', 'e', 'n', 'e', 'r', 'a', 'l', '.',
    /*  40 */ 'a', 'l', 'i', 'g', 'n', 'm', 'e', 'n', 't', U32(4), U32(32),
    /*  57 */ U64(4), 't', 'e', 'x', 't', U32(9), U32(8), U64(2), U64(1), 'a', U64(2), 'b', 'c',
    /* 104 */ U64(1), 'q', U32(1), U64(32), U32(8), U64(0),
    /* 137 */ U64(1), 'r', U32(2), U64(2), U64(3), U32(0), U64(64),
    /* 178 */ ZEROS_10, 0, 0, 0, 0,
    /* 192 */ 0x00, 0x3c, 127, 0x81, 64, 0, ZEROS_10, ZEROS_10, 0, 0, 0, 0, 0, 0, 0, 0,
    /* 226 */ ZEROS_10, ZEROS_10, ZEROS_10,
    /* 256 */ 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40,
    /* 268 */ 0, 0, 0x80, 0x40, 0, 0, 0xa0, 0x40, 0, 0, 0xc0, 0x40,
    /* 280 */ 0, 0, 0, 0, 0, 0, 0, 0,
};
/* clang-format on */

enum { DATA_BEGIN = 192, SECOND_BEGIN = 256 };

static void put_sample(struct gguf_writer *writer)
{
    gguf_writer_init(writer, path);
    gguf_put_u32(writer, GGUF_ALIGNMENT_KEY, 32);
    gguf_put_texts(writer, "text", 2);
    gguf_add_text(writer, "a", 1);
    gguf_add_text(writer, "bc", 2);
    gguf_writer_declare(writer, "q", GGUF_Q8_0, 32, 0);
    gguf_writer_declare(writer, "r", GGUF_F32, 3, 2);
}

static void write_data(struct gguf_writer *writer)
{
    static const float values[32] = { 127, -127, 64 }, more[6] = { 1, 2, 3, 4, 5, 6 };
    unsigned char block[34];
    assert_true(gguf_type_convert(GGUF_Q8_0, values, 32, block));
    assert_int_equal(gguf_writer_begin(writer), STATUS_OK);
    assert_int_equal(gguf_writer_add(writer, block, sizeof block), STATUS_OK);
    assert_int_equal(gguf_writer_end_tensor(writer), STATUS_OK);
    for (int row = 0; row < 3; row++)
        assert_int_equal(gguf_writer_add(writer, more + 2 * row, 2 * sizeof *more), STATUS_OK);
    assert_int_equal(gguf_writer_end_tensor(writer), STATUS_OK);
}

static void a_file_is_written_byte_for_byte_as_specified(void **state)
{
    (void)state;
    struct gguf_writer writer;
    struct strbuf bytes = STRBUF_INIT;
    put_sample(&writer);
    write_data(&writer);
    assert_false(file_exists(path));
    assert_int_equal(gguf_writer_finish(&writer), STATUS_OK);
    gguf_writer_release(&writer);
    assert_int_equal(file_read(path, 1 << 20, &bytes), STATUS_OK);
    assert_int_equal(bytes.length, sizeof sample);
    assert_memory_equal(bytes.bytes, sample, sizeof sample);
    strbuf_release(&bytes);
}

static void all_kinds_of_values_are_written(void **state)
{
    (void)state;
    static const int32_t numbers[] = { -1, 1 << 30 };
    static const float floats[] = { 0.5f, -2 };
    struct gguf_writer writer;
    struct gguf_reader reader;
    struct strbuf bytes = STRBUF_INIT;
    gguf_writer_init(&writer, path);
    gguf_put_text(&writer, "text", "a\xff");
    gguf_put_u32(&writer, "u32", UINT32_MAX);
    gguf_put_f32(&writer, "f32", 0.5);
    gguf_put_bool(&writer, "bool", true);
    gguf_put_i32s(&writer, "i32s", numbers, 2);
    gguf_put_f32s(&writer, "f32s", floats, 2);
    gguf_put_texts(&writer, "none", 0);
    assert_int_equal(gguf_writer_begin(&writer), STATUS_OK);
    assert_int_equal(gguf_writer_finish(&writer), STATUS_OK);
    gguf_writer_release(&writer);

    static const struct {
        const char *key;
        enum gguf_value_type type;
        int64_t count;
        const char *bytes;
        int64_t length;
    } expected[] = {
        { "text", GGUF_VALUE_TEXT, 1, "\4\0\0\0\0\0\0\0a\xef\xbf\xbd", 12 },
        { "u32", GGUF_VALUE_U32, 1, "\xff\xff\xff\xff", 4 },
        { "f32", GGUF_VALUE_F32, 1, "\0\0\0\x3f", 4 },
        { "bool", GGUF_VALUE_BOOL, 1, "\1", 1 },
        { "i32s", GGUF_VALUE_I32, 2, "\xff\xff\xff\xff\0\0\0\x40", 8 },
        { "f32s", GGUF_VALUE_F32, 2, "\0\0\0\x3f\0\0\0\xc0", 8 },
        { "none", GGUF_VALUE_TEXT, 0, "", 0 },
    };
    assert_int_equal(file_read(path, 1 << 20, &bytes), STATUS_OK);
    assert_int_equal(gguf_reader_open(path, &reader), STATUS_OK);
    assert_int_equal(reader.tensor_count, 0);
    assert_int_equal(reader.value_count, sizeof expected / sizeof *expected);
    for (int64_t i = 0; i < reader.value_count; i++) {
        const struct gguf_value *value = &reader.values[i];
        assert_string_equal(value->key, expected[i].key);
        assert_int_equal(value->type, expected[i].type);
        assert_int_equal(value->count, expected[i].count);
        assert_int_equal(value->is_array, i >= 4);
        assert_int_equal(value->end - value->begin, expected[i].length);
        assert_memory_equal(bytes.bytes + value->begin, expected[i].bytes, expected[i].length);
    }
    gguf_reader_release(&reader);
    strbuf_release(&bytes);
}

static void an_unfinished_file_is_removed_and_the_one_before_it_stays(void **state)
{
    (void)state;
    struct gguf_writer writer;
    assert_int_equal(file_replace(path, "old", 3), STATUS_OK);
    put_sample(&writer);
    write_data(&writer);
    assert_true(file_exists(partial));
    gguf_writer_release(&writer);
    assert_false(file_exists(partial));
    struct strbuf bytes = STRBUF_INIT;
    assert_int_equal(file_read(path, 1 << 20, &bytes), STATUS_OK);
    assert_string_equal(bytes.bytes, "old");
    strbuf_release(&bytes);
}

static void what_a_killed_writer_left_is_written_over(void **state)
{
    (void)state;
    struct gguf_writer writer;
    assert_int_equal(file_replace(partial, sample, sizeof sample), STATUS_OK);
    put_sample(&writer);
    write_data(&writer);
    assert_int_equal(gguf_writer_finish(&writer), STATUS_OK);
    gguf_writer_release(&writer);
}

static void put_byte(int64_t place, int byte)
{
    FILE *file = fopen(partial, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)place, SEEK_SET), 0);
    assert_int_equal(fputc(byte, file), byte);
    assert_int_equal(fclose(file), 0);
}

/* Padding behind the data of a tensor is no one's, and is not looked at. */
static bool is_padding(int64_t place)
{
    return (place >= 226 && place < SECOND_BEGIN) || place >= 280;
}

/* As if the disk had not kept what it took. */
static void any_byte_that_does_not_come_back_is_found(void **state)
{
    (void)state;
    struct gguf_writer writer;
    put_sample(&writer);
    write_data(&writer);
    assert_int_equal(gguf_writer_close(&writer), STATUS_OK);
    for (int64_t place = 0; place < (int64_t)sizeof sample; place++) {
        put_byte(place, sample[place] ^ 1);
        if (!is_padding(place) && gguf_writer_verify(&writer) == STATUS_OK)
            fail_msg("byte %d was not missed", (int)place);
        put_byte(place, sample[place]);
    }
    assert_int_equal(gguf_writer_verify(&writer), STATUS_OK);
    gguf_writer_release(&writer);
}

static void the_damaged_tensor_is_named(void **state)
{
    (void)state;
    struct gguf_writer writer;
    put_sample(&writer);
    write_data(&writer);
    assert_int_equal(gguf_writer_close(&writer), STATUS_OK);
    put_byte(SECOND_BEGIN, 1);
    assert_int_equal(gguf_writer_verify(&writer), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "r was read back with another checksum"));
    gguf_writer_release(&writer);
}

static void write_raw(const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    struct gguf_reader reader;
    uint32_t checksum;
    write_raw(sample, sizeof sample);
    assert_int_equal(gguf_reader_open(path, &reader), STATUS_OK);
    assert_int_equal(reader.alignment, 32);
    assert_int_equal(reader.data_begin, DATA_BEGIN);
    assert_int_equal(reader.tensor_count, 2);
    assert_string_equal(reader.tensors[0].name, "q");
    assert_int_equal(reader.tensors[0].type, GGUF_Q8_0);
    assert_int_equal(reader.tensors[0].dimensions, 1);
    assert_int_equal(reader.tensors[0].shape[0], 32);
    assert_int_equal(reader.tensors[0].begin, DATA_BEGIN);
    assert_int_equal(reader.tensors[0].end, DATA_BEGIN + 34);
    assert_string_equal(reader.tensors[1].name, "r");
    assert_int_equal(reader.tensors[1].shape[0], 2);
    assert_int_equal(reader.tensors[1].shape[1], 3);
    assert_int_equal(reader.tensors[1].shape[2], 1);
    assert_int_equal(reader.tensors[1].begin, SECOND_BEGIN);
    assert_int_equal(gguf_reader_checksum(&reader, 0, 4, &checksum), STATUS_OK);
    assert_int_equal(checksum, 0x0a216969); /* of "GGUF" */
    gguf_reader_release(&reader);
}

static void the_last_padding_may_be_left_out(void **state)
{
    (void)state;
    struct gguf_reader reader;
    write_raw(sample, sizeof sample - 8);
    assert_int_equal(gguf_reader_open(path, &reader), STATUS_OK);
    gguf_reader_release(&reader);
}

static void expect_refusal(const char *why, const char *what)
{
    struct gguf_reader reader;
    if (gguf_reader_open(path, &reader) != STATUS_BAD_INPUT)
        fail_msg("%s: not refused", what);
    if (!strstr(status_message(), why) || !strstr(status_message(), path) ||
        strchr(status_message(), '\n'))
        fail_msg("%s: '%s' does not say '%s'", what, status_message(), why);
}

#define BYTES(...) { __VA_ARGS__ }, sizeof((unsigned char[]){ __VA_ARGS__ })
#define ALL_ONES   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff

static void hostile_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t place;
        unsigned char bytes[16];
        size_t length;
        const char *why;
    } cases[] = {
        { 3, BYTES('f'), "does not begin with GGUF" },
        { 4, BYTES(2), "its version is 2" },
        { 4, BYTES(0, 0, 0, 3), "its version is 50331648" }, /* of a big-endian host */
        { 8, BYTES(ALL_ONES), "are more than" },
        { 16, BYTES(ALL_ONES), "are more than" },
        { 8, BYTES(3), "has 0 bytes" },
        { 8, BYTES(1), "bytes at its end belong to no tensor" },
        { 24, BYTES(0), "the key at byte 24 has 0 bytes" },
        { 24, BYTES(ALL_ONES), "the key at byte 24 has 18446744073709551615 bytes" },
        { 24, BYTES(0, 0xff), "are more than it has" },
        { 32, BYTES(0), "holds NUL" },
        { 49, BYTES(13), "is of type 13, which is none" },
        { 49, BYTES(5), "general.alignment is no u32" },
        { 53, BYTES(0), "an alignment of 0" },
        { 53, BYTES(48), "an alignment of 48" },
        { 53, BYTES(0, 0, 2), "an alignment of 131072" },
        { 53, BYTES(64), "8 bytes at its end" },
        { 73, BYTES(9), "is of type 9, which is none" }, /* an array of arrays */
        { 73, BYTES(10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80), "are more than it has" },
        { 77, BYTES(ALL_ONES), "are more than it has" },
        { 85, BYTES(ALL_ONES), "are more than it has" },
        { 104, BYTES(64), "has 64 bytes, not 1 to 63" },
        { 112, BYTES('r'), "'r' is there twice" },
        { 113, BYTES(5), "too many dimensions" },
        { 117, BYTES(0), "no size" },
        { 117, BYTES(ALL_ONES), "no size" },
        { 117, BYTES(33), "no whole blocks" },
        { 117, BYTES(64), "not behind those of the one before" },
        { 117, BYTES(0, 0, 0, 0, 0, 0, 0, 0x40), "its data leave the file" },
        { 125, BYTES(2), "is of type 2, which eon does not know" },
        { 129, BYTES(32), "not behind those of the one before" },
        { 129, BYTES(ALL_ONES), "its data leave the file" },
        { 150, BYTES(0, 0, 0, 0, 0, 0, 0, 0x40), "overflows" },
        { 158, BYTES(8), "its data leave the file" },
        { 170, BYTES(32), "not behind those of the one before" },
        { 170, BYTES(96), "not behind those of the one before" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char bytes[sizeof sample];
        char what[32];
        memcpy(bytes, sample, sizeof bytes);
        memcpy(bytes + cases[i].place, cases[i].bytes, cases[i].length);
        write_raw(bytes, sizeof bytes);
        snprintf(what, sizeof what, "case %d", (int)i);
        expect_refusal(cases[i].why, what);
    }
}

static void keys_that_come_twice_are_refused(void **state)
{
    (void)state;
    struct gguf_writer writer;
    gguf_writer_init(&writer, path);
    gguf_put_u32(&writer, "twice", 1);
    gguf_put_u32(&writer, "once", 1);
    gguf_put_u32(&writer, "twice", 1);
    assert_int_equal(gguf_writer_begin(&writer), STATUS_OK);
    assert_int_equal(gguf_writer_finish(&writer), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "'twice' is there twice"));
    gguf_writer_release(&writer);
    assert_false(file_exists(path));
}

static void short_files_are_refused(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof sample - 8; length++) {
        char what[32];
        write_raw(sample, length);
        snprintf(what, sizeof what, "%d bytes", (int)length);
        expect_refusal("", what);
    }
}

static void bytes_behind_the_data_are_refused(void **state)
{
    (void)state;
    unsigned char bytes[sizeof sample + 1] = { 0 };
    memcpy(bytes, sample, sizeof sample);
    write_raw(bytes, sizeof bytes);
    expect_refusal("bytes at its end belong to no tensor", "a byte more");
}

/* A sparse file gives room for any length. */
static void long_headers_are_refused_before_allocation(void **state)
{
    (void)state;
    unsigned char bytes[sizeof sample];
    memcpy(bytes, sample, sizeof bytes);
    memcpy(bytes + 85, (unsigned char[]){ 0, 0, 0, 0, 1 }, 5); /* a text of 4 GiB */
    write_raw(bytes, sizeof bytes);
    assert_int_equal(truncate(path, (off_t)1 << 40), 0);
    expect_refusal("its header is longer than 268435456 bytes", "a text of 4 GiB");
}

static void what_is_no_regular_file_is_refused(void **state)
{
    (void)state;
    struct gguf_reader reader;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(gguf_reader_open(path, &reader), STATUS_BAD_INPUT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_int_equal(gguf_reader_open(path, &reader), STATUS_BAD_INPUT);
    assert_int_equal(gguf_reader_open(".", &reader), STATUS_BAD_INPUT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_file, drop_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_written_byte_for_byte_as_specified),
        TEST(all_kinds_of_values_are_written),
        TEST(an_unfinished_file_is_removed_and_the_one_before_it_stays),
        TEST(what_a_killed_writer_left_is_written_over),
        TEST(any_byte_that_does_not_come_back_is_found),
        TEST(the_damaged_tensor_is_named),
        TEST(what_was_written_is_read),
        TEST(the_last_padding_may_be_left_out),
        TEST(hostile_headers_are_refused),
        TEST(keys_that_come_twice_are_refused),
        TEST(short_files_are_refused),
        TEST(bytes_behind_the_data_are_refused),
        TEST(long_headers_are_refused_before_allocation),
        TEST(what_is_no_regular_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
