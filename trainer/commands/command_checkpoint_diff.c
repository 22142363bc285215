/* eon checkpoint diff: which tensors and counters of two checkpoints differ, and by how much. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "checkpoints/checkpoint_compare.h"
#include "trainer/commands/command.h"
#include "trainer/commands/json_output.h"

struct diff_settings {
    bool json;
};

static const struct option_spec diff_options[] = {
    { .key = "json",
      .type = OPTION_BOOL,
      .offset = offsetof(struct diff_settings, json),
      .default_text = "false",
      .section = "Output",
      .help = "print one JSON object" },
    { 0 },
};

struct diff {
    bool as_json;
    int64_t tensors, different_tensors, different_counters;
    struct json *tensor_list, *counter_list; /* of what differs */
};

/* ---- tensors ---- */

static void print_tensor(const struct tensor_comparison *found)
{
    printf("%-14s  %s [%" PRId64, tensor_verdict_names[found->verdict], found->name, found->rows);
    if (found->cols > 0)
        printf(", %" PRId64, found->cols);
    printf("]");
    if (found->verdict == TENSOR_DIFFERS) {
        printf(": %" PRId64 " of %" PRId64 " elements, by at most %.3g; RMS %.3g of %.3g",
               found->different, found->elements, found->largest, found->distance,
               found->root_mean_square);
        if (found->not_finite > 0)
            printf("; %" PRId64 " not finite", found->not_finite);
    }
    printf("\n");
}

static struct json *tensor_to_json(const struct tensor_comparison *found)
{
    struct json *json = json_new_object();
    json_put_text(json, "name", found->name);
    json_put_text(json, "verdict", tensor_verdict_names[found->verdict]);
    json_put_integer(json, "rows", found->rows);
    json_put_integer(json, "cols", found->cols);
    if (found->verdict == TENSOR_DIFFERS) {
        json_put_integer(json, "elements", found->elements);
        json_put_integer(json, "different", found->different);
        json_put_integer(json, "not_finite", found->not_finite);
        json_put_number(json, "largest", found->largest);
        json_put_number(json, "distance", found->distance);
        json_put_number(json, "root_mean_square", found->root_mean_square);
    }
    return json;
}

static void tell_tensor(void *context, const struct tensor_comparison *found)
{
    struct diff *diff = context;
    diff->tensors++;
    if (found->verdict == TENSOR_SAME)
        return;
    diff->different_tensors++;
    if (diff->as_json)
        json_append(diff->tensor_list, tensor_to_json(found));
    else
        print_tensor(found);
}

/* ---- counters: members of state.json's "digested" ---- */

/* "-" where it is not there. */
static void print_value(const struct json *value, struct strbuf *out)
{
    strbuf_reset(out);
    if (value)
        json_print(value, JSON_COMPACT, out);
    else
        strbuf_add_string(out, "-");
}

static void compare_counter(struct diff *diff, const char *name, const struct json *first,
                            const struct json *second)
{
    struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
    print_value(first, &a);
    print_value(second, &b);
    if (strcmp(a.bytes, b.bytes) != 0) {
        diff->different_counters++;
        if (diff->as_json) {
            struct json *json = json_new_object();
            json_put_text(json, "name", name);
            json_put_text(json, "first", a.bytes);
            json_put_text(json, "second", b.bytes);
            json_append(diff->counter_list, json);
        } else {
            printf("%-14s  %s: %s, %s\n", "state", name, a.bytes, b.bytes);
        }
    }
    strbuf_release(&a);
    strbuf_release(&b);
}

static const struct json *counters_of(const struct checkpoint *checkpoint)
{
    const struct json *digested = json_member(checkpoint_state(checkpoint), "digested");
    return digested && json_kind_of(digested) == JSON_KIND_OBJECT ? digested : NULL;
}

static const struct json *counter(const struct json *counters, const char *name)
{
    return counters ? json_member(counters, name) : NULL;
}

static void compare_counters(struct diff *diff, const struct checkpoint *first,
                             const struct checkpoint *second)
{
    const struct json *a = counters_of(first), *b = counters_of(second), *value;
    const char *name;
    for (void *cursor = NULL; a && json_next_member(a, &cursor, &name, &value);)
        compare_counter(diff, name, value, counter(b, name));
    for (void *cursor = NULL; b && json_next_member(b, &cursor, &name, &value);)
        if (!counter(a, name))
            compare_counter(diff, name, NULL, value);
}

/* ---- both ---- */

static void print_json(struct diff *diff, const struct checkpoint *first,
                       const struct checkpoint *second)
{
    struct json *json = json_new_object();
    json_put_bool(json, "same", diff->different_tensors + diff->different_counters == 0);
    json_put_text(json, "first", checkpoint_folder(first));
    json_put_text(json, "second", checkpoint_folder(second));
    json_put_integer(json, "tensors", diff->tensors);
    json_put(json, "different", diff->tensor_list);
    json_put(json, "state", diff->counter_list);
    diff->tensor_list = diff->counter_list = NULL; /* taken */
    json_output_print(json, JSON_INDENTED);
    json_free(json);
}

static enum status compare(struct diff *diff, struct checkpoint *first, struct checkpoint *second)
{
    TRY(checkpoint_compare(first, second, tell_tensor, diff));
    compare_counters(diff, first, second);
    if (diff->as_json)
        print_json(diff, first, second);
    else if (diff->different_tensors + diff->different_counters == 0)
        printf("the same: %" PRId64 " tensors, and all counters\n", diff->tensors);
    if (diff->different_tensors + diff->different_counters == 0)
        return STATUS_OK;
    return failed("%" PRId64 " of %" PRId64 " tensors and %" PRId64 " counters differ",
                  diff->different_tensors, diff->tensors, diff->different_counters);
}

static enum status run(const void *given, const char *const *positionals, int count)
{
    const struct diff_settings *settings = given;
    struct checkpoint *first, *second;
    (void)count;
    TRY(checkpoint_open_newest(positionals[0], &first));
    enum status status = checkpoint_open_newest(positionals[1], &second);
    if (status == STATUS_OK) {
        struct diff diff = { .as_json = settings->json,
                             .tensor_list = json_new_array(),
                             .counter_list = json_new_array() };
        status = compare(&diff, first, second);
        json_free(diff.tensor_list);
        json_free(diff.counter_list);
        checkpoint_close(second);
    }
    checkpoint_close(first);
    return status;
}

const struct command command_checkpoint_diff = {
    .name = "checkpoint diff",
    .arguments = "CHECKPOINT_OR_RUN CHECKPOINT_OR_RUN",
    .summary = "which tensors of two checkpoints differ, and by how much",
    .description =
        "Prints a line for each tensor that differs in a bit: how many elements do, the largest\n"
        "distance, the root mean square of all distances beside that of the first's values; and\n"
        "the counters that differ. How checkpoints are cut into files does not matter. Of a\n"
        "run's folder the newest valid checkpoint is taken. Exit status 1 where they differ.\n"
        "\n"
        "    eon checkpoint diff runs/first runs/second\n"
        "    eon checkpoint diff runs/first/checkpoints/step-00001000 runs/first --json\n",
    .options = diff_options,
    .settings_bytes = sizeof(struct diff_settings),
    .min_positionals = 2,
    .max_positionals = 2,
    .run = run,
};
