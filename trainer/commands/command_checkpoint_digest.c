/* eon checkpoint digest: one hash of all state, to compare two trainings. */
#include <stdio.h>

#include "base/strbuf.h"
#include "checkpoints/checkpoint.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"

struct digest_settings {
    bool json;
};

static const struct option_spec digest_options[] = {
    { .key = "json",
      .type = OPTION_BOOL,
      .offset = offsetof(struct digest_settings, json),
      .default_text = "false",
      .section = "Output",
      .help = "print one JSON object" },
    { 0 },
};

static void print_digest(const struct checkpoint *checkpoint, const char *hex, bool as_json)
{
    if (!as_json) {
        printf("%s  %s\n", hex, checkpoint_folder(checkpoint));
        return;
    }
    struct json *json = json_new_object();
    json_put_text(json, "digest", hex);
    json_put_integer(json, "step", checkpoint_step(checkpoint));
    json_put_text(json, "checkpoint", checkpoint_folder(checkpoint));
    json_output_print(json, JSON_INDENTED);
    json_free(json);
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    const struct digest_settings *settings = given;
    char hex[SHA256_HEX];
    struct checkpoint *checkpoint;
    (void)count;
    TRY(checkpoint_open_newest(positionals[0], &checkpoint));
    enum status status = checkpoint_digest(checkpoint, hex);
    if (status == STATUS_OK)
        print_digest(checkpoint, hex, settings->json);
    checkpoint_close(checkpoint);
    return status;
}

const struct command command_checkpoint_digest = {
    .name = "checkpoint digest",
    .arguments = "CHECKPOINT_OR_RUN",
    .summary = "one hash of all state of a training",
    .description =
        "Prints a SHA-256 over every tensor's name, shape and values and over the counters of\n"
        "the run, then the folder. It does not depend on how many ranks wrote the checkpoint, nor\n"
        "on how its files are cut: trainings with equal digests are equal bit for bit. Of a run's\n"
        "folder the newest valid checkpoint is taken. All checksums are verified first.\n"
        "\n"
        "    eon checkpoint digest runs/first\n"
        "    eon checkpoint digest runs/first/checkpoints/step-00001000\n",
    .options = digest_options,
    .settings_bytes = sizeof(struct digest_settings),
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run,
};
