/* eon scaling: what more nodes, ranks and threads brought, over the runs of a study. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/printable.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"
#include "trainer/reports/scaling_losses.h"
#include "trainer/reports/scaling_plot.h"
#include "trainer/reports/scaling_table.h"

#define PLOT_AUTO "auto"
#define PLOT_FILE "scaling.svg"

struct scaling_settings {
    char *plot;
    bool json;
};

#define AT(member) offsetof(struct scaling_settings, member)

/* clang-format off */
static const struct option_spec scaling_options[] = {
    { .key = "plot", .type = OPTION_TEXT, .offset = AT(plot), .default_text = PLOT_AUTO,
      .section = "output",
      .help = "the picture's file; auto: STUDY/" PLOT_FILE ", empty: none" },
    { .key = "json", .type = OPTION_BOOL, .offset = AT(json), .default_text = "false",
      .help = "a JSON object a line for each point instead of the table" },
    { 0 }
};
/* clang-format on */

static void warn_of_difference(const struct scaling_series *series,
                               const struct scaling_losses *losses)
{
    log_warning("not the same loss at all points of '%s': at step %lld it is %.17g at '%s' and "
                "%.17g at '%s'; their runs are not the same work",
                series->title, (long long)losses->step, losses->first,
                series->members[0].point->name, losses->other, losses->differs->name);
}

/* True where it could be seen, and what differs has been told. */
static bool compare_losses(const struct scaling_series *series, struct scaling_losses *losses)
{
    if (scaling_losses_compare(series, losses) != STATUS_OK) {
        log_warning("losses of '%s' are not compared: %s", series->title, status_message());
        return false;
    }
    if (!losses->are_same)
        warn_of_difference(series, losses);
    return true;
}

static void print_text(const struct scaling_series *series)
{
    struct strbuf table = STRBUF_INIT;
    struct scaling_losses losses;
    scaling_table_print(series, &table);
    printf("%s", table.bytes);
    strbuf_release(&table);
    fflush(stdout); /* before the warnings */
    if (scaling_losses_are_due(series) && compare_losses(series, &losses) && losses.are_same)
        printf("  the same loss, bit for bit, at all points: %.6f at step %lld\n", losses.first,
               (long long)losses.step);
}

static void print_json(const struct scaling_series *series)
{
    struct scaling_losses losses;
    const bool is_known = scaling_losses_are_due(series) && compare_losses(series, &losses);
    for (int64_t i = 0; i < series->count; i++) {
        struct json *json = scaling_member_to_json(series, &series->members[i]);
        if (is_known)
            json_put_bool(json, "same_loss", losses.are_same);
        else
            json_put_null(json, "same_loss");
        json_output_print(json, JSON_COMPACT);
        json_free(json);
    }
}

/* The last part of the study's path. */
static void name_study(const char *folder, char *out, size_t size)
{
    char *path = memory_copy_string(folder), *slash;
    while ((slash = strrchr(path, '/')) != NULL && slash[1] == '\0' && slash != path)
        *slash = '\0';
    printable_copy(out, size, slash && slash[1] != '\0' ? slash + 1 : path);
    memory_free(path);
}

static enum status write_plot(const struct scaling_series_list *list, const char *folder,
                              const char *file)
{
    char name[128];
    struct strbuf picture = STRBUF_INIT;
    char *path =
        strcmp(file, PLOT_AUTO) == 0 ? path_join(folder, PLOT_FILE) : memory_copy_string(file);
    name_study(folder, name, sizeof name);
    scaling_plot_draw(list, name, &picture);
    enum status status = file_replace(path, picture.bytes, picture.length);
    if (status == STATUS_OK)
        log_info("plot in '%s'", path);
    memory_free(path);
    strbuf_release(&picture);
    return status;
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    (void)count;
    const struct scaling_settings *settings = given;
    struct scaling_study study;
    struct scaling_series_list list;
    TRY(scaling_study_read(positionals[0], &study));
    scaling_series_find(&study, &list);
    for (int64_t i = 0; i < list.count; i++) {
        if (settings->json)
            print_json(&list.series[i]);
        else
            print_text(&list.series[i]);
        if (!settings->json && i + 1 < list.count)
            printf("\n");
    }
    enum status status = STATUS_OK;
    if (settings->plot[0] != '\0')
        status = write_plot(&list, positionals[0], settings->plot);
    scaling_series_release(&list);
    scaling_study_release(&study);
    return status;
}

const struct command command_scaling = {
    .name = "scaling",
    .arguments = "STUDY",
    .summary = "compare runs on more nodes, ranks and threads, with a plot",
    .description =
        "Reads speed.json of every run in the folder STUDY, and puts those together that differ\n"
        "in their size alone: strong scaling (the same tokens a step), weak scaling (the same for\n"
        "each rank), and more threads on the same ranks. Tells speed-up and efficiency against "
        "the\n"
        "smallest run of each series, and whether the runs of a strong one have the same loss, "
        "bit\n"
        "for bit. The plot goes to STUDY/" PLOT_FILE ". docs/scaling.md says what is measured.\n"
        "\n"
        "    mpirun -n 1 eon train my.ini --corpus=CORPUS --steps=50 --run=study/1\n"
        "    mpirun -n 2 eon train my.ini --corpus=CORPUS --steps=50 --run=study/2\n"
        "    eon scaling study",
    .options = scaling_options,
    .settings_bytes = sizeof(struct scaling_settings),
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run,
};
