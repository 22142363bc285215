#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/philox.h"

struct settings {
    int64_t steps;
    double lr;
    bool tied;
    char *run, *note;
    int family;
};

static const char *const families[] = { "gpt2", "llama", NULL };

#define AT(member) offsetof(struct settings, member)
/* clang-format off */
static const struct option_spec table[] = {
    { .section = "run", .key = "run", .type = OPTION_TEXT, .offset = AT(run), .help = "folder" },
    { .key = "warmup_steps", .type = OPTION_INTEGER, .offset = AT(steps), .default_text = "0",
      .help = "any" },
    { .key = "note", .type = OPTION_TEXT, .offset = AT(note), .default_text = "", .help = "any" },
    { .section = "optimizer", .key = "lr", .type = OPTION_NUMBER, .offset = AT(lr),
      .default_text = "1e-3", .help = "any" },
    { .key = "tied_head", .type = OPTION_BOOL, .offset = AT(tied), .default_text = "false",
      .help = "any" },
    { .key = "family", .type = OPTION_CHOICE, .offset = AT(family), .default_text = "llama",
      .choices = families, .help = "any" },
    { 0 }
};
/* clang-format on */

static char folder[] = "/tmp/eon-test-ini-XXXXXX", *path;

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    path = path_join(folder, "c.ini");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    memory_free(path);
    assert_int_equal(memory_live_blocks(), 0);
    return folder_remove(folder) == STATUS_OK ? 0 : -1;
}

static enum status read_bytes(struct settings *settings, const char *bytes, size_t length)
{
    assert_int_equal(file_replace(path, bytes, length), STATUS_OK);
    options_set_defaults(table, settings);
    return options_read_ini(table, settings, path);
}

/* `complaint` follows the config's name in the message. */
static void assert_refused(const char *bytes, size_t length, const char *complaint)
{
    struct settings settings;
    assert_int_equal(read_bytes(&settings, bytes, length), STATUS_BAD_INPUT);
    assert_memory_equal(status_message(), path, strlen(path));
    assert_string_equal(status_message() + strlen(path), complaint);
    options_release(table, &settings);
}

static void assert_text_refused(const char *text, const char *complaint)
{
    assert_refused(text, strlen(text), complaint);
}

static void a_config_of_every_type_is_read(void **state)
{
    static const char text[] = "; a comment\n# another\r\n[run]\r\n  run = a folder ; its name\r\n"
                               "note=x#y\n\n[anything]\n\twarmup-steps: 1e6\n lr=0.1\n"
                               "tied_head = yes\nfamily = gpt2";
    struct settings settings;
    (void)state;
    assert_int_equal(read_bytes(&settings, text, strlen(text)), STATUS_OK);
    assert_string_equal(settings.run, "a folder");
    assert_string_equal(settings.note, "x#y");
    assert_int_equal(settings.steps, 1000000);
    assert_true(settings.lr == 0.1);
    assert_true(settings.tied);
    assert_int_equal(settings.family, 0);
    options_release(table, &settings);
}

static void errors_name_file_and_line(void **state)
{
    char long_line[600] = "note = ";
    (void)state;
    assert_text_refused("lr = 1\nlrr = 2\n", ":2: unknown option 'lrr'; did you mean 'lr'?");
    assert_text_refused("\nlr = nan\n", ":2: lr: 'nan' is not a finite number");
    assert_text_refused("lr = 1\n[x]\n\nlr = 1\n", ":4: 'lr' was already given at line 1");
    assert_text_refused("warmup-steps = 1\nwarmup_steps = 1\n",
                        ":2: 'warmup_steps' was already given at line 1");
    assert_text_refused("lr = 1\nnonsense\n", ":2: neither 'key = value' nor '[section]'");
    assert_text_refused("lr = 1\n[open\n", ":2: neither 'key = value' nor '[section]'");
    assert_text_refused("nonsense\nlr = nan\n", ":1: neither 'key = value' nor '[section]'");
    assert_text_refused("note = \"open\n", ":1: the quotes of \"open are broken");
    assert_text_refused("note = \"\\x00\"\n", ":1: the quotes of \"\\x00\" are broken");
    assert_text_refused("note = \"\\x0a\"\n", ":1: note: '\\n' holds a line end");
    memset(long_line + 7, 'x', sizeof long_line - 8);
    assert_text_refused(long_line, ":1: the line is longer than 197 bytes");
}

static void what_is_no_text_is_refused(void **state)
{
    (void)state;
    assert_refused("lr = 1\n\0\n", 9, ":2: byte 0x00 is not text");
    assert_text_refused("\x7f"
                        "ELF\n",
                        ":1: byte 0x7f is not text");
    assert_text_refused("\x89HDF\r\n\x1a\n", ":1: byte 0x89 is not text");
    assert_text_refused("note = \xff\n", ":1: byte 0xff is not text");
}

static void more_than_a_mebibyte_is_refused(void **state)
{
    size_t length = (1 << 20) + 1;
    char *blank = memory_alloc(length);
    struct settings settings;
    (void)state;
    memset(blank, '\n', length);
    assert_int_equal(read_bytes(&settings, blank, length), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "more than the 1048576 allowed"));
    options_release(table, &settings);
    assert_int_equal(read_bytes(&settings, blank, length - 1), STATUS_OK);
    options_release(table, &settings);
    memory_free(blank);
    assert_int_equal(options_read_ini(table, &settings, "/dev/zero"), STATUS_BAD_INPUT);
    assert_int_equal(options_read_ini(table, &settings, folder), STATUS_BAD_INPUT);
}

static void assert_round_trip(const struct settings *written)
{
    struct strbuf text = STRBUF_INIT;
    struct settings settings;
    options_print_ini(table, written, &text);
    enum status status = read_bytes(&settings, text.bytes, text.length);
    if (status != STATUS_OK)
        fail_msg("%s", status_message());
    assert_string_equal(settings.run, written->run);
    assert_string_equal(settings.note, written->note);
    assert_int_equal(settings.steps, written->steps);
    assert_memory_equal(&settings.lr, &written->lr, sizeof settings.lr);
    assert_int_equal(settings.tied, written->tied);
    assert_int_equal(settings.family, written->family);
    options_release(table, &settings);
    strbuf_release(&text);
}

static void the_saved_config_reads_back_to_the_same_bits(void **state)
{
    struct philox_key key = philox_key(1, RANDOM_TEST);
    (void)state;
    for (uint64_t i = 0; i < 200; i++) {
        uint64_t bits = philox_u64(key, i, 0) & ~((uint64_t)1 << 62); /* finite */
        struct settings settings = { .run = (char *)"r", .note = (char *)"" };
        memcpy(&settings.lr, &bits, sizeof bits);
        settings.steps = (int64_t)(philox_u64(key, i, 1) >> 1);
        settings.tied = i % 2;
        settings.family = (int)(i % 2);
        assert_round_trip(&settings);
    }
}

static void texts_of_any_bytes_read_back(void **state)
{
    static const char *const awkward[] = {
        " a ",   "a ; b",       ";",     "#",   "\"",          "\\",       "\t",
        "a\tb ", "\\x41",       "'",     "=",   "[x]",         "\xff\xfe", "gr\xc3\xbc\xc3\x9f",
        "a  b",  "\x01\x1b[0m", "\"a\"", "a\\", "key = value",
    };
    struct philox_key key = philox_key(2, RANDOM_TEST);
    char noise[1000];
    (void)state;
    for (size_t i = 0; i < sizeof awkward / sizeof *awkward; i++)
        assert_round_trip(&(struct settings){ .run = (char *)awkward[i], .note = (char *)"n" });
    for (uint64_t i = 0; i < 60; i++) {
        size_t length = 1 + philox_u64(key, i, 1) % (sizeof noise - 1);
        for (size_t at = 0; at < length; at++) {
            noise[at] = (char)(1 + philox_u64(key, i, at + 2) % 255);
            if (noise[at] == '\n' || noise[at] == '\r')
                noise[at] = ' ';
        }
        noise[length] = '\0';
        assert_round_trip(&(struct settings){ .run = (char *)"r", .note = noise });
    }
}

static void flipped_bytes_of_a_config_never_crash(void **state)
{
    struct philox_key key = philox_key(3, RANDOM_TEST);
    static const char text[] = "[run]\nrun = \"a\\x3b\"\n    \"b\"\nlr = 1e-3\nfamily = gpt2\n";
    (void)state;
    for (uint64_t i = 0; i < 300; i++) {
        char broken[sizeof text];
        struct settings settings;
        memcpy(broken, text, sizeof text);
        for (uint64_t flip = 0; flip < 1 + i % 3; flip++)
            broken[philox_u64(key, i, 2 * flip) % (sizeof text - 1)] =
                (char)philox_u64(key, i, 2 * flip + 1);
        enum status status = read_bytes(&settings, broken, sizeof text - 1);
        assert_true(status == STATUS_OK || status == STATUS_BAD_INPUT);
        assert_null(strchr(status_message(), '\n'));
        options_release(table, &settings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_config_of_every_type_is_read),
        cmocka_unit_test(errors_name_file_and_line),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(more_than_a_mebibyte_is_refused),
        cmocka_unit_test(the_saved_config_reads_back_to_the_same_bits),
        cmocka_unit_test(texts_of_any_bytes_read_back),
        cmocka_unit_test(flipped_bytes_of_a_config_never_crash),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
