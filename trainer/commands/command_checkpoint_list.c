/* eon checkpoint list: what a run could resume from. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "checkpoints/checkpoint_catalogue.h"
#include "checkpoints/checkpoint_reader.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"

struct list_settings {
    bool json, checksums;
};

static const struct option_spec list_options[] = {
    { .key = "checksums",
      .type = OPTION_BOOL,
      .offset = offsetof(struct list_settings, checksums),
      .default_text = "false",
      .section = "What",
      .help = "read all data too; otherwise names, sizes and headers decide what is valid" },
    { .key = "json",
      .type = OPTION_BOOL,
      .offset = offsetof(struct list_settings, json),
      .default_text = "false",
      .section = "Output",
      .help = "print one JSON object" },
    { 0 },
};

/* One line of the table. Members beyond `folder` hold where the checkpoint is valid. */
struct list_row {
    int64_t step;
    char *folder;
    bool is_valid;
    char problem[STATUS_MESSAGE_BYTES];
    int64_t bytes;
    char created[32];
    double loss, validation_loss; /* NaN: state.json does not tell */
};

static void fill_row(const struct checkpoint_catalogue *catalogue, int64_t index, bool checksums,
                     struct list_row *row)
{
    struct checkpoint *checkpoint;
    *row = (struct list_row){ .step = catalogue->candidates[index].step,
                              .folder = checkpoint_catalogue_path(catalogue, index) };
    enum status status = checkpoint_catalogue_open(catalogue, index, &checkpoint);
    if (status == STATUS_OK && checksums)
        status = checkpoint_verify(checkpoint, true, 0, 1, NULL);
    row->is_valid = status == STATUS_OK;
    if (row->is_valid) {
        const struct manifest *manifest = checkpoint_manifest(checkpoint);
        for (int64_t file = 0; file < manifest->file_count; file++)
            row->bytes += manifest->files[file].size_bytes;
        snprintf(row->created, sizeof row->created, "%s", manifest->created);
        row->loss = checkpoint_state_number(checkpoint, "loss");
        row->validation_loss = checkpoint_state_number(checkpoint, "validation_loss");
    } else {
        snprintf(row->problem, sizeof row->problem, "%s", status_message());
    }
    checkpoint_close(checkpoint);
}

static void print_loss(double loss, char *out, size_t size)
{
    if (isnan(loss))
        snprintf(out, size, "-");
    else
        snprintf(out, size, "%.4f", loss);
}

static void print_row(const struct list_row *row)
{
    char loss[32], held_out[32];
    if (!row->is_valid) {
        printf("%10" PRId64 "  %14s  %-20s  %-5s  %s\n", row->step, "-", "-", "no", row->problem);
        return;
    }
    print_loss(row->loss, loss, sizeof loss);
    print_loss(row->validation_loss, held_out, sizeof held_out);
    printf("%10" PRId64 "  %14" PRId64 "  %-20s  %-5s  %-8s  %s\n", row->step, row->bytes,
           row->created, "yes", loss, held_out);
}

static struct json *row_to_json(const struct list_row *row)
{
    struct json *json = json_new_object();
    json_put_integer(json, "step", row->step);
    json_put_text(json, "folder", row->folder);
    json_put_bool(json, "valid", row->is_valid);
    if (row->is_valid) {
        json_put_integer(json, "bytes", row->bytes);
        json_put_text(json, "created", row->created);
        json_put_number(json, "loss", row->loss);
        json_put_number(json, "validation_loss", row->validation_loss);
    } else {
        json_put_text(json, "problem", row->problem);
    }
    return json;
}

static void print_json(const char *run_folder, struct json *rows)
{
    struct json *json = json_new_object();
    json_put_text(json, "run", run_folder);
    json_put(json, "checkpoints", rows);
    json_output_print(json, JSON_INDENTED);
    json_free(json);
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    const struct list_settings *settings = given;
    const char *run_folder = positionals[0];
    struct checkpoint_catalogue catalogue;
    (void)count;
    if (!folder_exists(run_folder))
        return bad_input("cannot list run '%s': there is no such folder", run_folder);
    TRY(checkpoint_catalogue_read(run_folder, &catalogue));

    struct json *rows = json_new_array();
    if (!settings->json)
        printf("%10s  %14s  %-20s  %-5s  %-8s  %s\n", "step", "bytes", "created", "valid", "loss",
               "held-out loss");
    for (int64_t i = 0; i < catalogue.count; i++) {
        struct list_row row;
        fill_row(&catalogue, i, settings->checksums, &row);
        if (settings->json)
            json_append(rows, row_to_json(&row));
        else
            print_row(&row);
        memory_free(row.folder);
    }
    checkpoint_catalogue_release(&catalogue);
    if (settings->json)
        print_json(run_folder, rows);
    else
        json_free(rows);
    return STATUS_OK;
}

const struct command command_checkpoint_list = {
    .name = "checkpoint list",
    .arguments = "RUN",
    .summary = "the checkpoints of a run, newest first",
    .description =
        "Prints each checkpoint's step, size, date and loss, and whether it is valid: its\n"
        "manifest holds, no file is missing, extra or of another size or step, and every tensor\n"
        "is whole. --checksums reads all data too, as 'eon checkpoint verify' does.\n"
        "\n"
        "    eon checkpoint list runs/first\n",
    .options = list_options,
    .settings_bytes = sizeof(struct list_settings),
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run,
};
