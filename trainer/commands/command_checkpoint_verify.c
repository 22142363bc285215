/* eon checkpoint verify: every checksum recomputed, everything that is wrong named. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "checkpoints/checkpoint_catalogue.h"
#include "checkpoints/checkpoint_reader.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"

struct verify_settings {
    int64_t threads;
    bool json;
};

static const struct option_spec verify_options[] = {
    { .key = "threads",
      .type = OPTION_INTEGER,
      .offset = offsetof(struct verify_settings, threads),
      .default_text = "0",
      .min = 0,
      .max = 1024,
      .help = "that read side by side; 0: one for each core" },
    { .key = "json",
      .type = OPTION_BOOL,
      .offset = offsetof(struct verify_settings, json),
      .default_text = "false",
      .section = "Output",
      .help = "print one JSON array" },
    { 0 },
};

/* What is found in all checkpoints that were asked about. */
struct verify_report {
    bool as_json;
    struct thread_pool *pool;
    struct json *checkpoints;
    struct strbuf problems; /* one line */
    enum status worst;
};

static void add_problem(struct verify_report *report, struct json *problems, enum status status)
{
    if (report->problems.length)
        strbuf_add_string(&report->problems, "; ");
    strbuf_add_string(&report->problems, status_message());
    json_append_text(problems, status_message());
    if (report->worst != STATUS_FAILED) /* a disk that cannot be read is no verdict on the file */
        report->worst = status;
}

/* Each file by itself, so that one that is wrong does not hide the next. */
static void verify_files(struct verify_report *report, struct checkpoint *checkpoint,
                         struct json *problems)
{
    int64_t files = checkpoint_manifest(checkpoint)->file_count;
    for (int file = 0; file < files; file++) {
        enum status status = checkpoint_verify(checkpoint, true, file, INT_MAX, report->pool);
        if (status != STATUS_OK)
            add_problem(report, problems, status);
    }
}

/* `opened` is the status of opening it; the checkpoint is closed here. */
static void verify_one(struct verify_report *report, const char *folder,
                       struct checkpoint *checkpoint, enum status opened)
{
    struct json *row = json_new_object(), *problems = json_new_array();
    if (opened == STATUS_OK)
        verify_files(report, checkpoint, problems);
    else
        add_problem(report, problems, opened);
    if (json_length(problems) == 0 && !report->as_json)
        printf("valid  %s  (step %" PRId64 ", %" PRId64 " files)\n", folder,
               checkpoint_step(checkpoint), checkpoint_manifest(checkpoint)->file_count);
    json_put_text(row, "checkpoint", folder);
    json_put_bool(row, "valid", json_length(problems) == 0);
    json_put(row, "problems", problems);
    json_append(report->checkpoints, row);
    checkpoint_close(checkpoint);
}

static enum status verify_run(struct verify_report *report, const char *run_folder)
{
    struct checkpoint_catalogue catalogue;
    TRY(checkpoint_catalogue_read(run_folder, &catalogue));
    for (int64_t i = 0; i < catalogue.count; i++) {
        struct checkpoint *checkpoint;
        char *folder = checkpoint_catalogue_path(&catalogue, i);
        enum status opened = checkpoint_catalogue_open(&catalogue, i, &checkpoint);
        verify_one(report, folder, checkpoint, opened);
        memory_free(folder);
    }
    int64_t count = catalogue.count;
    checkpoint_catalogue_release(&catalogue);
    return count ? STATUS_OK
                 : bad_input("cannot verify run '%s': it has no checkpoint", run_folder);
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    const struct verify_settings *settings = given;
    const int64_t cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct verify_report report = { .as_json = settings->json,
                                    .pool = thread_pool_create(
                                        (int)(settings->threads ? settings->threads : cores)),
                                    .checkpoints = json_new_array(),
                                    .problems = STRBUF_INIT };
    enum status status = STATUS_OK;
    (void)count;
    if (checkpoint_is_run(positionals[0])) {
        status = verify_run(&report, positionals[0]);
    } else {
        struct checkpoint *checkpoint;
        enum status opened = checkpoint_open(positionals[0], &checkpoint);
        verify_one(&report, positionals[0], checkpoint, opened);
    }
    if (status == STATUS_OK && settings->json) {
        json_output_print(report.checkpoints, JSON_INDENTED);
    }
    if (status == STATUS_OK && report.worst != STATUS_OK)
        status = status_set(report.worst, report.problems.bytes);
    thread_pool_free(report.pool);
    json_free(report.checkpoints);
    strbuf_release(&report.problems);
    return status;
}

const struct command command_checkpoint_verify = {
    .name = "checkpoint verify",
    .arguments = "CHECKPOINT_OR_RUN",
    .summary = "recompute all checksums of a checkpoint, or of all of a run",
    .description = "Reads every file, in several threads, and compares it with the manifest. "
                   "Prints what is valid; names\n"
                   "everything that is not in one line of standard error, with exit status 2.\n"
                   "\n"
                   "    eon checkpoint verify runs/first\n"
                   "    eon checkpoint verify runs/first/checkpoints/step-00001000\n",
    .options = verify_options,
    .settings_bytes = sizeof(struct verify_settings),
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run,
};
