#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/options.h"

struct settings {
    int64_t steps, free_count;
    double lr, scale;
    bool tied;
    char *run, *note;
    int family;
};

static const char *const families[] = { "gpt2", "llama", NULL };

#define AT(member) offsetof(struct settings, member)
/* clang-format off */
static const struct option_spec table[] = {
    { .section = "run", .key = "run", .type = OPTION_TEXT, .offset = AT(run), .help = "folder" },
    { .key = "steps", .type = OPTION_INTEGER, .offset = AT(steps), .default_text = "1000",
      .min = 1, .max = 1e12, .help = "optimizer updates" },
    { .key = "free_count", .type = OPTION_INTEGER, .offset = AT(free_count), .default_text = "0",
      .help = "no bounds" },
    { .key = "note", .type = OPTION_TEXT, .offset = AT(note), .default_text = "", .help = "any" },
    { .section = "optimizer", .key = "lr", .type = OPTION_NUMBER, .offset = AT(lr),
      .default_text = "1e-3", .min = 0, .max = 10, .unit = "a step", .help = "learning rate" },
    { .key = "scale", .type = OPTION_NUMBER, .offset = AT(scale), .default_text = "1",
      .help = "no bounds" },
    { .key = "tied_head", .type = OPTION_BOOL, .offset = AT(tied), .default_text = "false",
      .help = "share weights" },
    { .key = "family", .type = OPTION_CHOICE, .offset = AT(family), .default_text = "llama",
      .choices = families, .help = "architecture" },
    { 0 }
};
/* clang-format on */

static struct settings defaults(void)
{
    struct settings settings;
    options_set_defaults(table, &settings);
    return settings;
}

static enum status read_one(struct settings *settings, const char *argument)
{
    char *arguments[] = { (char *)argument };
    const char *positionals[1];
    int count;
    return options_read_arguments(table, settings, 1, arguments, positionals, &count);
}

static void assert_refused(const char *argument, const char *message)
{
    struct settings settings = defaults();
    assert_int_equal(read_one(&settings, argument), STATUS_BAD_INPUT);
    assert_string_equal(status_message(), message);
    options_release(table, &settings);
}

static void assert_steps(const char *argument, int64_t expected)
{
    struct settings settings = defaults();
    assert_int_equal(read_one(&settings, argument), STATUS_OK);
    assert_int_equal(settings.steps, expected);
    options_release(table, &settings);
}

static void integers_take_suffixes_and_exact_powers_of_ten(void **state)
{
    (void)state;
    assert_steps("--steps=4096", 4096);
    assert_steps("--steps=+7", 7);
    assert_steps("--steps=1e6", 1000000);
    assert_steps("--steps=1.5e3", 1500);
    assert_steps("--steps=1500e+0", 1500);
    assert_steps("--steps=2.0", 2);
    assert_steps("--steps=64k", 65536);
    assert_steps("--steps=64K", 65536);
    assert_steps("--steps=1M", 1048576);
    assert_steps("--steps=3G", (int64_t)3 << 30);
    assert_steps("--steps=0.5k", 512);
}

static void integers_that_are_not_whole_are_refused(void **state)
{
    static const char *const texts[] = { "",    "1.5",   "1.5e0", "1e",  "1e-1", "0x10", " 1",
                                         "1 ",  "1k5",   "k",     "--1", "nan",  "inf",  "1e6x",
                                         "1,5", "1e1e1", ".",     "1kk", "e6",   "-",    ".5k" };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char argument[64], message[128];
        snprintf(argument, sizeof argument, "--steps=%s", texts[i]);
        snprintf(message, sizeof message, "--steps: '%s' is not a whole number", texts[i]);
        assert_refused(argument, message);
    }
}

static void integers_out_of_bounds_name_the_bound(void **state)
{
    (void)state;
    assert_refused("--steps=-1", "--steps: -1 is below 1");
    assert_refused("--steps=0", "--steps: 0 is below 1");
    assert_refused("--steps=2e12", "--steps: 2e12 is above 1000000000000");
    assert_refused("--steps=9223372036854775808",
                   "--steps: 9223372036854775808 is above 1000000000000");
    assert_refused("--steps=1e999999999", "--steps: 1e999999999 is above 1000000000000");
    assert_refused("--free_count=9223372036854775808",
                   "--free_count: 9223372036854775808 is above 9223372036854775807");
    assert_refused("--free_count=-9223372036854775809",
                   "--free_count: -9223372036854775809 is below -9223372036854775807");
    assert_refused("--free_count=99999999999G",
                   "--free_count: 99999999999G is above 9223372036854775807");
}

static void numbers_are_finite_and_within_bounds(void **state)
{
    static const char *const texts[] = { "",      "nan", "-nan", "inf", "-inf", "infinity", "1e999",
                                         "0x1p3", " 1",  "1 ",   "1..", "1e",   "e",        "1,5" };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char argument[64], message[128];
        snprintf(argument, sizeof argument, "--lr=%s", texts[i]);
        snprintf(message, sizeof message, "--lr: '%s' is not a finite number", texts[i]);
        assert_refused(argument, message);
    }
    assert_refused("--lr=-0.5", "--lr: -0.5 is below 0");
    assert_refused("--lr=10.5", "--lr: 10.5 is above 10");

    struct settings settings = defaults();
    assert_int_equal(read_one(&settings, "--scale=-6.02e23"), STATUS_OK);
    assert_true(settings.scale == -6.02e23);
    options_release(table, &settings);
}

static void booleans_and_choices_are_words_of_their_lists(void **state)
{
    struct settings settings = defaults();
    (void)state;
    assert_int_equal(read_one(&settings, "--tied_head"), STATUS_OK);
    assert_true(settings.tied);
    assert_int_equal(read_one(&settings, "--tied-head=off"), STATUS_OK);
    assert_false(settings.tied);
    assert_int_equal(read_one(&settings, "--family=gpt2"), STATUS_OK);
    assert_int_equal(settings.family, 0);
    options_release(table, &settings);
    assert_refused("--tied_head=maybe", "--tied_head: 'maybe' is neither true nor false");
    assert_refused("--family=gpt3", "--family: 'gpt3' is none of gpt2, llama");
    assert_refused("--family=", "--family: '' is none of gpt2, llama");
}

static void an_unknown_key_is_refused_with_the_nearest(void **state)
{
    (void)state;
    assert_refused("--stesp=5", "unknown option '--stesp'; did you mean '--steps'?");
    assert_refused("--free-cuont=5", "unknown option '--free-cuont'; did you mean '--free_count'?");
    assert_refused("--zebra=5", "unknown option '--zebra'");
    assert_refused("--=5", "unknown option '--'");
    assert_refused("-x", "unknown option '-x': options are written --key=value");
    assert_refused("--steps", "--steps: the value is missing: write --steps=VALUE");
    assert_refused("--zebra\n=5", "unknown option '--zebra\\n'");
}

static void nearest_word_knows_swaps_and_beginnings(void **state)
{
    static const char *const words[] = { "generate", "evaluate", "train", NULL };
    (void)state;
    assert_string_equal(nearest_word("tarin", words), "train");
    assert_string_equal(nearest_word("evalaute", words), "evaluate");
    assert_string_equal(nearest_word("gen", words), "generate");
    assert_null(nearest_word("zzzzz", words));
    assert_null(nearest_word("", words));
    assert_null(nearest_word("x", words));
}

static void positionals_keep_their_order(void **state)
{
    char *arguments[] = { "a", "--steps=5", "-", "b", "--", "--steps=6", "-c" };
    const char *positionals[7];
    int count;
    struct settings settings = defaults();
    (void)state;
    assert_int_equal(options_read_arguments(table, &settings, 7, arguments, positionals, &count),
                     STATUS_OK);
    assert_int_equal(count, 5);
    assert_int_equal(settings.steps, 5);
    static const char *const expected[] = { "a", "-", "b", "--steps=6", "-c" };
    for (int i = 0; i < count; i++)
        assert_string_equal(positionals[i], expected[i]);
    options_release(table, &settings);
}

static void what_is_required_is_asked_for(void **state)
{
    struct settings settings = defaults();
    (void)state;
    assert_int_equal(options_check_required(table, &settings), STATUS_BAD_INPUT);
    assert_string_equal(status_message(), "--run is required: folder");
    assert_int_equal(read_one(&settings, "--run=r"), STATUS_OK);
    assert_int_equal(options_check_required(table, &settings), STATUS_OK);
    options_release(table, &settings);

    static const struct option_spec numbers[] = {
        { .key = "n", .type = OPTION_INTEGER, .offset = AT(steps), .help = "count" }, { 0 }
    };
    options_set_defaults(numbers, &settings);
    assert_int_equal(options_check_required(numbers, &settings), STATUS_BAD_INPUT);
    assert_int_equal(options_set(numbers, &settings, "n", "0", "--n"), STATUS_OK);
    assert_int_equal(options_check_required(numbers, &settings), STATUS_OK);
}

static void help_and_manual_show_default_unit_bounds_and_choices(void **state)
{
    char *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    (void)state;
    options_print_help(table, out);
    fclose(out);
    assert_non_null(strstr(text, "run:\n  --run=TEXT                folder (required)\n"));
    assert_non_null(strstr(text, "  --lr=X                    learning rate (default: 1e-3 a step; "
                                 "0 to 10)\n"));
    assert_non_null(strstr(text, "--family=gpt2|llama"));
    free(text);

    struct strbuf page = STRBUF_INIT;
    options_print_markdown(table, &page);
    assert_non_null(strstr(page.bytes, "| `--family=gpt2\\|llama` | llama |  | architecture |"));
    assert_non_null(strstr(page.bytes, "| `--steps=N` | 1000 | 1 to 1e12 | optimizer updates |"));
    strbuf_release(&page);
}

static void nothing_stays_allocated(void **state)
{
    (void)state;
    assert_int_equal(memory_live_blocks(), 0);
}

static void tables_are_joined_with_their_settings(void **state)
{
    (void)state;
    struct joined {
        int64_t own;
        struct settings part;
    } settings;
    static const struct option_spec own[] = {
        { .key = "own", .type = OPTION_INTEGER, .default_text = "3", .help = "one's own" }, { 0 }
    };
    struct option_spec joined[16];
    int count = options_append(joined, 0, 16, own, 0);
    assert_int_equal(count, 1);
    count = options_append(joined, count, 16, table, offsetof(struct joined, part));
    assert_int_equal(count, 9);
    assert_int_equal(joined[count].type, OPTION_END);
    options_set_defaults(joined, &settings);
    assert_int_equal(settings.own, 3);
    assert_int_equal(options_set(joined, &settings, "steps", "7", "test"), STATUS_OK);
    assert_int_equal(settings.part.steps, 7);
    options_release(joined, &settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_take_suffixes_and_exact_powers_of_ten),
        cmocka_unit_test(integers_that_are_not_whole_are_refused),
        cmocka_unit_test(integers_out_of_bounds_name_the_bound),
        cmocka_unit_test(numbers_are_finite_and_within_bounds),
        cmocka_unit_test(booleans_and_choices_are_words_of_their_lists),
        cmocka_unit_test(an_unknown_key_is_refused_with_the_nearest),
        cmocka_unit_test(nearest_word_knows_swaps_and_beginnings),
        cmocka_unit_test(positionals_keep_their_order),
        cmocka_unit_test(what_is_required_is_asked_for),
        cmocka_unit_test(help_and_manual_show_default_unit_bounds_and_choices),
        cmocka_unit_test(nothing_stays_allocated),
        cmocka_unit_test(tables_are_joined_with_their_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
