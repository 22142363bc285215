#include "trainer/commands/command.h"

#include <math.h>
#include <stdio.h>

#include "trainer/reports/loss_curve.h"
#include "trainer/commands/json_output.h"

struct report_settings {
    int64_t columns, rows;
    bool json;
};

#define AT(member) offsetof(struct report_settings, member)

/* clang-format off */
static const struct option_spec report_options[] = {
    { .key = "columns", .type = OPTION_INTEGER, .offset = AT(columns), .default_text = "64",
      .min = 16, .max = 1000, .help = "width of the picture" },
    { .key = "rows", .type = OPTION_INTEGER, .offset = AT(rows), .default_text = "16",
      .min = 4, .max = 200, .help = "height of the picture" },
    { .key = "json", .type = OPTION_BOOL, .offset = AT(json), .default_text = "false",
      .help = "the losses as one JSON object instead" },
    { 0 }
};
/* clang-format on */

static struct json *points_to_json(const struct loss_points *points)
{
    struct json *array = json_new_array();
    for (int64_t i = 0; i < points->count; i++) {
        const struct loss_point *point = &points->points[i];
        struct json *entry = json_new_object();
        json_put_integer(entry, "step", point->step);
        json_put_number(entry, "loss", point->loss);
        if (isfinite(point->bits_per_byte))
            json_put_number(entry, "bits_per_byte", point->bits_per_byte);
        json_append(array, entry);
    }
    return array;
}

static void print_json(const struct loss_curve *curve)
{
    struct json *json = json_new_object();
    json_put(json, "training", points_to_json(&curve->training));
    json_put(json, "heldout", points_to_json(&curve->heldout));
    json_output_print(json, JSON_COMPACT);
    json_free(json);
}

static void print_picture(const struct loss_curve *curve, const struct report_settings *settings)
{
    struct strbuf picture = STRBUF_INIT;
    loss_curve_draw(curve, (int)settings->columns, (int)settings->rows, &picture);
    printf("loss in nats a token: o training, x held out\n\n%s", picture.bytes);
    strbuf_release(&picture);

    const struct loss_point *last = &curve->training.points[curve->training.count - 1];
    printf("\nstep %lld: training loss %.4f\n", (long long)last->step, last->loss);
    for (int64_t i = 0; i < curve->heldout.count; i++) {
        const struct loss_point *point = &curve->heldout.points[i];
        printf("step %lld: held-out loss %.4f, %.4f bits per byte\n", (long long)point->step,
               point->loss, point->bits_per_byte);
    }
}

static enum status run(const void *settings_, const char *const *positionals, int count)
{
    (void)count;
    const struct report_settings *settings = settings_;
    struct loss_curve curve;
    TRY(loss_curve_read(positionals[0], &curve));
    if (settings->json)
        print_json(&curve);
    else
        print_picture(&curve, settings);
    loss_curve_release(&curve);
    return STATUS_OK;
}

const struct command command_report = {
    .name = "report",
    .arguments = "RUN",
    .summary = "draw a run's losses over its steps",
    .description = "Reads RUN/metrics.jsonl, also while the run goes on.\n"
                   "\n"
                   "    eon report runs/first",
    .options = report_options,
    .settings_bytes = sizeof(struct report_settings),
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run,
};
