/* eon compute: what a training cost, beside what a person can imagine. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"
#include "trainer/reports/compute_ledger.h"
#include "trainer/reports/human_scale.h"
#include "trainer/reports/model_presets.h"

struct compute_settings {
    char *preset;
    double params, tokens;
    struct human_assumptions assumptions;
    bool json;
};

#define AT(member) offsetof(struct compute_settings, member)

/* clang-format off */
static const struct option_spec compute_options[] = {
    { .key = "preset", .type = OPTION_TEXT, .offset = AT(preset), .default_text = "",
      .section = "what", .help = "a published model; 'list' names them" },
    { .key = "params", .type = OPTION_NUMBER, .offset = AT(params), .default_text = "0",
      .min = 0, .max = 1e30, .help = "parameters of a model, embeddings included" },
    { .key = "tokens", .type = OPTION_NUMBER, .offset = AT(tokens), .default_text = "0",
      .min = 0, .max = 1e30,
      .help = "tokens seen in training; with a preset: instead of the published number" },
    { .key = "words_per_token", .type = OPTION_NUMBER, .offset = AT(assumptions.words_per_token),
      .default_text = "0.75", .min = 1e-6, .max = 1e6, .unit = "words",
      .section = "assumptions", .help = "words of text in a token" },
    { .key = "words_per_minute", .type = OPTION_NUMBER, .offset = AT(assumptions.words_per_minute),
      .default_text = "238", .min = 1e-6, .max = 1e9, .unit = "words",
      .help = "a person's reading, in a minute" },
    { .key = "reading_hours_per_day", .type = OPTION_NUMBER,
      .offset = AT(assumptions.reading_hours_per_day), .default_text = "24",
      .min = 1e-6, .max = 24, .unit = "hours", .help = "how long the person reads each day" },
    { .key = "operations_per_second", .type = OPTION_NUMBER,
      .offset = AT(assumptions.operations_per_second), .default_text = "1e9",
      .min = 1e-6, .max = 1e30, .help = "of the imagined calculator; 1e9 is one a nanosecond" },
    { .key = "json", .type = OPTION_BOOL, .offset = AT(json), .default_text = "false",
      .section = "output", .help = "print one JSON object" },
    { 0 }
};
/* clang-format on */

/* The subject of one report: FLOPs in all, and the text that was learned from. */
struct subject {
    double flops, tokens;
};

static struct json *assumptions_to_json(const struct human_assumptions *assumptions)
{
    struct json *object = json_new_object();
    json_put_number(object, "words_per_token", assumptions->words_per_token);
    json_put_number(object, "words_per_minute", assumptions->words_per_minute);
    json_put_number(object, "reading_hours_per_day", assumptions->reading_hours_per_day);
    json_put_number(object, "operations_per_second", assumptions->operations_per_second);
    json_put_number(object, "gpt3_flops", GPT3_TRAINING_FLOPS);
    return object;
}

static void put_scales(struct json *object, struct subject subject,
                       const struct human_assumptions *assumptions)
{
    json_put_number(object, "flops", subject.flops);
    json_put_number(object, "gpt3_fraction", human_gpt3_fraction(subject.flops));
    json_put_number(object, "compute_years", human_compute_years(subject.flops, assumptions));
    json_put_number(object, "reading_years", human_reading_years(subject.tokens, assumptions));
    json_put(object, "assumptions", assumptions_to_json(assumptions));
}

static void print_scales(struct subject subject, const struct human_assumptions *assumptions)
{
    char flops[32], fraction[48], compute[64], reading[64], speed[32], gpt3[32];
    human_format_scientific(subject.flops, flops, sizeof flops);
    human_format_number(human_gpt3_fraction(subject.flops), fraction, sizeof fraction);
    human_format_years(human_compute_years(subject.flops, assumptions), compute, sizeof compute);
    human_format_years(human_reading_years(subject.tokens, assumptions), reading, sizeof reading);
    human_format_scientific(assumptions->operations_per_second, speed, sizeof speed);
    human_format_scientific(GPT3_TRAINING_FLOPS, gpt3, sizeof gpt3);

    printf("  floating-point operations    %s\n", flops);
    printf("  in trainings of GPT-3        %s\n", fraction);
    printf("  at %7s a second          %s\n", speed, compute);
    printf("  one person's reading         %s\n", reading);
    printf(
        "\nassuming %s operations a second (--operations_per_second), %g words a token\n"
        "(--words_per_token), %g words a minute (--words_per_minute), %g hours of reading a day\n"
        "(--reading_hours_per_day), and %s operations for GPT-3\n",
        speed, assumptions->words_per_token, assumptions->words_per_minute,
        assumptions->reading_hours_per_day, gpt3);
}

static void print_json(struct json *object)
{
    json_output_print(object, JSON_INDENTED);
    json_free(object);
}

/* ---- a published model, or numbers ---- */

static void print_presets(void)
{
    printf("%-16s %-26s %12s %12s  %s\n", "preset", "model", "parameters", "tokens", "source");
    for (const struct model_preset *preset = model_presets; preset->name; preset++) {
        char tokens[32] = "unpublished", parameters[32];
        human_format_scientific(preset->parameters, parameters, sizeof parameters);
        if (preset->tokens > 0)
            human_format_scientific(preset->tokens, tokens, sizeof tokens);
        printf("%-16s %-26s %12s %12s  %s\n", preset->name, preset->title, parameters, tokens,
               preset->source);
    }
}

static void list_presets(bool as_json)
{
    if (!as_json) {
        print_presets();
        return;
    }
    struct json *list = json_new_array();
    for (const struct model_preset *preset = model_presets; preset->name; preset++) {
        struct json *row = json_new_object();
        json_put_text(row, "preset", preset->name);
        json_put_text(row, "title", preset->title);
        json_put_number(row, "parameters", preset->parameters);
        json_put_number(row, "tokens", preset->tokens > 0 ? preset->tokens : NAN);
        json_put_text(row, "source", preset->source);
        json_append(list, row);
    }
    print_json(list);
}

static void report_model(const struct model_preset *model, const struct compute_settings *settings)
{
    struct subject subject = { training_flops_estimate(model->parameters, model->tokens),
                               model->tokens };
    if (settings->json) {
        struct json *object = json_new_object();
        json_put_text(object, "model", model->title);
        json_put_number(object, "parameters", model->parameters);
        json_put_number(object, "tokens", model->tokens);
        json_put_text(object, "source", model->source);
        put_scales(object, subject, &settings->assumptions);
        print_json(object);
        return;
    }
    char parameters[48], tokens[48];
    human_format_number(model->parameters, parameters, sizeof parameters);
    human_format_number(model->tokens, tokens, sizeof tokens);
    printf("%s: %s parameters, %s tokens, 6 operations for each pair\n"
           "source: %s\n",
           model->title, parameters, tokens, model->source);
    if (model->note)
        printf("note: %s\n", model->note);
    printf("\n");
    print_scales(subject, &settings->assumptions);
}

static enum status run_preset(const struct compute_settings *settings)
{
    if (strcmp(settings->preset, "list") == 0) {
        list_presets(settings->json);
        return STATUS_OK;
    }
    const struct model_preset *found = model_preset_find(settings->preset);
    if (!found) {
        const char *nearest = model_preset_nearest(settings->preset);
        return bad_input("unknown preset '%s'%s%s%s; --preset=list names all", settings->preset,
                         nearest ? ": did you mean '" : "", nearest ? nearest : "",
                         nearest ? "'?" : "");
    }
    struct model_preset model = *found;
    if (settings->tokens > 0) {
        model.tokens = settings->tokens;
        model.note = "tokens as given by --tokens";
    }
    if (model.tokens <= 0)
        return bad_input("cannot tell the compute of '%s': %s", model.name, model.note);
    report_model(&model, settings);
    return STATUS_OK;
}

static enum status run_numbers(const struct compute_settings *settings)
{
    if (!(settings->params > 0 && settings->tokens > 0))
        return bad_input("'eon compute' needs a run's folder, --preset=NAME, or both --params and "
                         "--tokens above 0");
    struct model_preset model = { .title = "a model",
                                  .parameters = settings->params,
                                  .tokens = settings->tokens,
                                  .source = "--params and --tokens" };
    report_model(&model, settings);
    return STATUS_OK;
}

/* ---- a run ---- */

static void print_amount(const char *name, const struct compute_amount *amount)
{
    char executed[32], model[32], tokens[48], duration[64];
    human_format_scientific(amount->executed_flops, executed, sizeof executed);
    human_format_scientific(amount->model_flops, model, sizeof model);
    human_format_number((double)amount->tokens, tokens, sizeof tokens);
    clock_format_duration(amount->wall_seconds, duration, sizeof duration);
    printf("  %-11s %10s %10s %14s %9lld  %s\n", name, executed, model, tokens,
           (long long)amount->steps, duration);
}

static void print_share(const char *label, double share)
{
    if (isnan(share))
        printf("  %-28s unknown\n", label);
    else
        printf("  %-28s %.1f%%\n", label, 100 * share);
}

static void print_ledger(const char *run, const struct compute_ledger *ledger,
                         const struct compute_amount *total)
{
    const struct compute_amount *training = &ledger->amounts[COMPUTE_TRAINING];
    printf("%s: %lld rank%s, %lld restart%s\n\n", run, (long long)ledger->ranks,
           ledger->ranks == 1 ? "" : "s", (long long)ledger->restarts,
           ledger->restarts == 1 ? "" : "s");
    printf("  %-11s %10s %10s %14s %9s  %s\n", "", "executed", "model", "tokens", "steps", "time");
    for (int purpose = 0; purpose < COMPUTE_PURPOSES; purpose++)
        print_amount(compute_purpose_names[purpose], &ledger->amounts[purpose]);
    print_amount("total", total);

    char peak[32], rate[48], energy[48];
    human_format_scientific(ledger->peak_flops_per_second, peak, sizeof peak);
    human_format_number(
        training->wall_seconds > 0 ? (double)training->tokens / training->wall_seconds : NAN, rate,
        sizeof rate);
    human_format_energy(total->energy_joules, energy, sizeof energy);
    printf("\n  measured peak of a rank      %s FLOP/s\n", peak);
    print_share("model FLOPs utilisation", compute_amount_model_utilisation(training));
    print_share("executed FLOPs utilisation", compute_amount_executed_utilisation(training));
    print_share("discarded work",
                total->executed_flops > 0
                    ? ledger->amounts[COMPUTE_DISCARDED].executed_flops / total->executed_flops
                    : NAN);
    printf("  %-28s %s\n  %-28s %s\n", "tokens a second, training", rate, "energy", energy);
}

static enum status run_ledger(const char *run, const struct compute_settings *settings)
{
    struct compute_ledger ledger;
    TRY(compute_ledger_read(run, &ledger));
    struct compute_amount total = compute_ledger_total(&ledger);
    const struct compute_amount *training = &ledger.amounts[COMPUTE_TRAINING];
    struct subject subject = { total.executed_flops, (double)training->tokens };
    if (!settings->json) {
        print_ledger(run, &ledger, &total);
        print_scales(subject, &settings->assumptions);
        return STATUS_OK;
    }
    struct json *object = json_new_object();
    json_put(object, "ledger", compute_ledger_to_json(&ledger));
    json_put(object, "total", compute_amount_to_json(&total));
    json_put_number(object, "model_utilisation", compute_amount_model_utilisation(training));
    json_put_number(object, "executed_utilisation", compute_amount_executed_utilisation(training));
    put_scales(object, subject, &settings->assumptions);
    print_json(object);
    return STATUS_OK;
}

static enum status compute_run(const void *given, const char *const *positionals, int count)
{
    const struct compute_settings *settings = given;
    bool has_preset = settings->preset[0] != '\0';
    if (count > 0 && (has_preset || settings->params > 0 || settings->tokens > 0))
        return bad_input("'eon compute' takes a run's folder or --preset, --params and --tokens, "
                         "not both");
    if (has_preset && settings->params > 0)
        return bad_input("'eon compute' takes --preset or --params, not both");
    if (count > 0)
        return run_ledger(positionals[0], settings);
    return has_preset ? run_preset(settings) : run_numbers(settings);
}

const struct command command_compute = {
    .name = "compute",
    .arguments = "[RUN]",
    .summary = "what a training cost in operations, and in human terms",
    .description =
        "Reads a run's compute ledger (RUN/ledger.json), or estimates a training by 6 operations\n"
        "for each parameter and token, and prints the floating-point operations beside scales\n"
        "that a person can imagine. Every assumption of a scale is printed and is an option.\n"
        "\n"
        "    eon compute runs/first\n"
        "    eon compute --preset=gpt3-175b\n"
        "    eon compute --preset=list\n"
        "    eon compute --params=1.1e9 --tokens=3e12 --reading_hours_per_day=8",
    .options = compute_options,
    .settings_bytes = sizeof(struct compute_settings),
    .min_positionals = 0,
    .max_positionals = 1,
    .run = compute_run,
};
