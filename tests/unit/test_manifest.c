#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "checkpoints/manifest.h"

static void sign(struct strbuf *text)
{
    struct sha256 hash;
    char hex[SHA256_HEX];
    sha256_init(&hash);
    sha256_add(&hash, text->bytes, text->length);
    sha256_finish_hex(&hash, hex);
    strbuf_addf(text, "%s\"\n}\n", hex);
}

/* What a hostile writer can do: members of its choice under a checksum that is right. */
static enum status parse_signed(const char *members)
{
    struct manifest manifest;
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "{%s,\"checksum\": \"", members);
    sign(&text);
    enum status status = manifest_parse(text.bytes, text.length, "m.json", &manifest);
    strbuf_release(&text);
    manifest_release(&manifest);
    return status;
}

static void print_example(struct strbuf *text)
{
    struct manifest_file files[] = { { "state.json", 30, 7, 0 },
                                     { "config.json", 0, 0xffffffff, 0 },
                                     { "a-Z_9.safetensors", INT64_MAX, 0, 0x80000001 } };
    struct manifest_tensor tensors[] = { { "h.0", 1 }, { "h.1", 0xfedcba98 } };
    struct manifest manifest = { .step = 12,
                                 .world_size = 3,
                                 .created = "2026-11-22T22:07:20Z",
                                 .files = files,
                                 .file_count = 3,
                                 .tensors = tensors,
                                 .tensor_count = 2 };
    manifest_print(&manifest, text);
}

static void what_was_printed_is_read(void **state)
{
    (void)state;
    struct manifest read;
    struct strbuf text = STRBUF_INIT;
    print_example(&text);
    assert_int_equal(manifest_parse(text.bytes, text.length, "m.json", &read), STATUS_OK);
    assert_int_equal(read.step, 12);
    assert_int_equal(read.world_size, 3);
    assert_string_equal(read.created, "2026-11-22T22:07:20Z");
    assert_int_equal(read.file_count, 3);
    assert_string_equal(read.files[0].name, "a-Z_9.safetensors");
    assert_int_equal(read.files[0].size_bytes, INT64_MAX);
    assert_int_equal(read.files[1].crc32, 0xffffffff);
    assert_int_equal(manifest_find(&read, "state.json"), 2);
    assert_int_equal(manifest_find(&read, "state.jso"), -1);
    assert_int_equal(read.files[0].header_crc32, 0x80000001);
    assert_int_equal(read.tensor_count, 2);
    assert_int_equal(manifest_find_tensor(&read, "h.1")->crc32, 0xfedcba98);
    assert_null(manifest_find_tensor(&read, "h.2"));
    manifest_release(&read);
    strbuf_release(&text);
}

static void no_byte_changes_unnoticed(void **state)
{
    (void)state;
    struct manifest read;
    struct strbuf text = STRBUF_INIT;
    print_example(&text);
    for (size_t at = 0; at < text.length; at++)
        for (int mask = 1; mask < 256; mask <<= 1) {
            text.bytes[at] ^= (char)mask;
            if (manifest_parse(text.bytes, text.length, "m.json", &read) != STATUS_BAD_INPUT)
                fail_msg("bit %d of byte %zu was flipped in silence", mask, at);
            text.bytes[at] ^= (char)mask;
        }
    strbuf_release(&text);
}

static void trailing_bytes_are_refused(void **state)
{
    (void)state;
    struct manifest read;
    struct strbuf text = STRBUF_INIT;
    print_example(&text);
    strbuf_add_string(&text, "\n");
    assert_int_equal(manifest_parse(text.bytes, text.length, "m.json", &read), STATUS_BAD_INPUT);
    strbuf_release(&text);
}

#define HEAD                                                                                       \
    "\"format\":\"eon-checkpoint\",\"version\":1,\"step\":1,\"world_size\":1,\"created\":\"\","
#define FILE_OF(name) "{\"name\":" name ",\"size\":1,\"crc32\":\"00000000\"}"

static void a_signed_manifest_is_read_as_hostile_too(void **state)
{
    (void)state;
    static const struct {
        const char *members, *why;
    } cases[] = {
        { "\"format\":\"zip\"", "format 'zip'" },
        { "\"format\":\"eon-checkpoint\",\"version\":4", "newer than this program" },
        { "\"format\":\"eon-checkpoint\",\"version\":1,\"step\":-1", "'step' is -1" },
        { "\"format\":\"eon-checkpoint\",\"version\":1,\"step\":1e3", "'step'" },
        { "\"format\":\"eon-checkpoint\",\"version\":1,\"step\":1,\"step\":2", "duplicate" },
        { HEAD "\"files\":{}", "'files'" },
        { HEAD "\"files\":[1]", "no object" },
        { HEAD "\"files\":[" FILE_OF("\"../../etc/passwd\"") "]", "not allowed" },
        { HEAD "\"files\":[" FILE_OF("\"..\"") "]", "not allowed" },
        { HEAD "\"files\":[" FILE_OF("\"/dev/zero\"") "]", "not allowed" },
        { HEAD "\"files\":[" FILE_OF("\"a/b\"") "]", "not allowed" },
        { HEAD "\"files\":[" FILE_OF("\"\"") "]", "not allowed" },
        { HEAD "\"files\":[" FILE_OF("\"a\\u0000b\"") "]", "not allowed" },
        { HEAD "\"files\":[" FILE_OF("\"a\\nb\"") "]", "not allowed" },
        { HEAD "\"files\":[" FILE_OF("\"manifest.json\"") "]", "not allowed" },
        { HEAD "\"files\":[" FILE_OF("\"b\"") "," FILE_OF("\"a\"") "]", "out of order" },
        { HEAD "\"files\":[" FILE_OF("\"a\"") "," FILE_OF("\"a\"") "]", "out of order" },
        { HEAD "\"files\":[{\"name\":\"a\",\"size\":-1,\"crc32\":\"00000000\"}]", "'size' is -1" },
        { HEAD "\"files\":[{\"name\":\"a\",\"size\":1,\"crc32\":\"0x000000\"}]", "hexadecimal" },
        { HEAD "\"files\":[{\"name\":\"a\",\"size\":1}]", "'crc32' is missing" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse_signed(cases[i].members), STATUS_BAD_INPUT);
        if (!strstr(status_message(), cases[i].why) || !strstr(status_message(), "m.json"))
            fail_msg("case %zu: '%s' does not say '%s'", i, status_message(), cases[i].why);
    }
    assert_int_equal(parse_signed(HEAD "\"files\":[" FILE_OF("\"a\"") "]"), STATUS_OK);
}

static void names_stay_in_their_folder(void **state)
{
    (void)state;
    char longest[MANIFEST_NAME_BYTES + 1];
    memset(longest, 'a', sizeof longest);
    longest[MANIFEST_NAME_BYTES] = '\0';
    assert_false(manifest_name_is_allowed(longest));
    longest[MANIFEST_NAME_BYTES - 1] = '\0';
    assert_true(manifest_name_is_allowed(longest));
    assert_true(manifest_name_is_allowed("model-00001-of-00002.safetensors"));
    assert_false(manifest_name_is_allowed(".hidden"));
    assert_false(manifest_name_is_allowed("-\x80"));
}

static int no_block_is_left(void **state)
{
    (void)state;
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_was_printed_is_read, no_block_is_left),
        cmocka_unit_test_teardown(no_byte_changes_unnoticed, no_block_is_left),
        cmocka_unit_test_teardown(trailing_bytes_are_refused, no_block_is_left),
        cmocka_unit_test_teardown(a_signed_manifest_is_read_as_hostile_too, no_block_is_left),
        cmocka_unit_test_teardown(names_stay_in_their_folder, no_block_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
