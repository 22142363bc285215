/* An INI file: what is read prints to a file that reads back as the same. */
#include "base/options.h"
#include "tests/fuzz/fuzz_target.h"

struct settings {
    int64_t steps;
    double rate;
    bool quick;
    char *name, *prompt;
    int kind;
};

static const char *const kinds[] = { "plain", "fancy", NULL };

#define SETTING(member) .offset = offsetof(struct settings, member)

static const struct option_spec table[] = {
    { .key = "steps",
      .type = OPTION_INTEGER,
      SETTING(steps),
      .min = -5,
      .max = 1e15,
      .section = "A" },
    { .key = "rate", .type = OPTION_NUMBER, SETTING(rate), .default_text = "0.5", .max = 1e300 },
    { .key = "quick", .type = OPTION_BOOL, SETTING(quick), .default_text = "no" },
    { .key = "name", .type = OPTION_TEXT, SETTING(name), .default_text = "", .section = "B" },
    { .key = "prompt",
      .type = OPTION_TEXT,
      SETTING(prompt),
      .default_text = "",
      .has_lines = true },
    { .key = "kind",
      .type = OPTION_CHOICE,
      SETTING(kind),
      .default_text = "plain",
      .choices = kinds },
    { 0 },
};

void fuzz_begin(void)
{
}

static void check_settings(const struct settings *settings)
{
    struct strbuf printed = STRBUF_INIT, again = STRBUF_INIT;
    struct settings copy;
    options_print_ini(table, settings, &printed);
    options_set_defaults(table, &copy);
    if (options_check_required(table, settings) == STATUS_OK && printed.length < 1 << 20) {
        CHECK(options_read_ini(table, &copy,
                               fuzz_file("copy.ini", printed.bytes, printed.length)) == STATUS_OK,
              "what was printed is refused: %s", status_message());
        options_print_ini(table, &copy, &again);
        fuzz_check_equal(&printed, &again, "printed settings");
    }
    options_release(table, &copy);
    strbuf_release(&printed);
    strbuf_release(&again);
}

void fuzz_input(const uint8_t *data, size_t size)
{
    struct settings settings;
    options_set_defaults(table, &settings);
    if (options_read_ini(table, &settings, fuzz_file("config.ini", data, size)) == STATUS_OK &&
        options_check_required(table, &settings) == STATUS_OK)
        check_settings(&settings);
    options_release(table, &settings);
}
