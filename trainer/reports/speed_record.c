#include "trainer/reports/speed_record.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/printable.h"

#define SPEED_VERSION   1
#define SPEED_MAX_BYTES 65536
#define MAX_RANKS       INT32_MAX
#define MAX_COUNT       ((int64_t)1 << 53)
#define MAX_NUMBER      1e30

enum field_kind { FIELD_COUNT, FIELD_NUMBER, FIELD_NUMBER_OR_UNKNOWN, FIELD_TEXT };

/* Every member of the file, once, in its order. */
static const struct speed_field {
    const char *key;
    size_t offset;
    enum field_kind kind;
    double min, max;
    bool is_setting;
} speed_fields[] = {
#define AT(member) #member, offsetof(struct speed_record, member)
    { AT(nodes), FIELD_COUNT, 1, MAX_RANKS, false },
    { AT(ranks), FIELD_COUNT, 1, MAX_RANKS, false },
    { AT(ranks_per_node), FIELD_COUNT, 1, MAX_RANKS, false },
    { AT(threads), FIELD_COUNT, 1, MAX_RANKS, false },
    { AT(cores), FIELD_COUNT, 1, MAX_COUNT, false },
    { AT(host), FIELD_TEXT, 0, 0, false },
    { AT(tokens_per_step), FIELD_COUNT, 1, MAX_COUNT, false },
    { AT(leaves), FIELD_COUNT, 1, MAX_COUNT, false },
    { AT(parameters), FIELD_COUNT, 1, MAX_COUNT, true },
    { AT(seq_len), FIELD_COUNT, 1, MAX_COUNT, true },
    { AT(micro_batch), FIELD_COUNT, 1, MAX_COUNT, true },
    { AT(groups), FIELD_COUNT, 1, MAX_COUNT, true },
    { AT(recompute), FIELD_TEXT, 0, 0, true },
    { AT(optimizer), FIELD_TEXT, 0, 0, true },
    { AT(precision), FIELD_TEXT, 0, 0, true },
    { AT(wire), FIELD_TEXT, 0, 0, true },
    { AT(kernels), FIELD_TEXT, 0, 0, true },
    { AT(cpu), FIELD_TEXT, 0, 0, true },
    { AT(warm_up_steps), FIELD_COUNT, 0, MAX_COUNT, false },
    { AT(first_step), FIELD_COUNT, 1, MAX_COUNT, false },
    { AT(steps), FIELD_COUNT, 1, MAX_COUNT, false },
    { AT(elapsed_seconds), FIELD_NUMBER, 0, MAX_NUMBER, false },
    { AT(step_seconds_lower_quartile), FIELD_NUMBER, 0, MAX_NUMBER, false },
    { AT(step_seconds_median), FIELD_NUMBER, 0, MAX_NUMBER, false },
    { AT(step_seconds_upper_quartile), FIELD_NUMBER, 0, MAX_NUMBER, false },
    { AT(tokens_per_second), FIELD_NUMBER, 1e-9, MAX_NUMBER, false },
    { AT(model_flops_per_token), FIELD_NUMBER, 0, MAX_NUMBER, false },
    { AT(peak_flops_per_second), FIELD_NUMBER, 0, MAX_NUMBER, false },
    { AT(mfu), FIELD_NUMBER, 0, MAX_NUMBER, false },
    { AT(exposed_communication), FIELD_NUMBER, 0, 1, false },
    { AT(rank_wait), FIELD_NUMBER, 0, 1, false },
    { AT(imbalance), FIELD_NUMBER, 0, MAX_RANKS, false },
    { AT(data_wait), FIELD_NUMBER, 0, 1, false },
    { AT(save_wait), FIELD_NUMBER, 0, 1, false },
    { AT(peak_memory_rank_bytes), FIELD_COUNT, 0, MAX_COUNT, false },
    { AT(peak_memory_node_bytes), FIELD_NUMBER_OR_UNKNOWN, 0, MAX_NUMBER, false },
    { AT(joules_per_token), FIELD_NUMBER_OR_UNKNOWN, 0, MAX_NUMBER, false },
#undef AT
};
enum { SPEED_FIELDS = sizeof speed_fields / sizeof speed_fields[0] };

static const void *value_at(const struct speed_field *field, const struct speed_record *record)
{
    return (const char *)record + field->offset;
}

/* Of a setting, which is a count or a text. */
static void format_value(const struct speed_field *field, const struct speed_record *record,
                         char out[SPEED_TEXT_BYTES])
{
    if (field->kind == FIELD_TEXT)
        snprintf(out, SPEED_TEXT_BYTES, "%s", (const char *)value_at(field, record));
    else
        snprintf(out, SPEED_TEXT_BYTES, "%" PRId64, *(const int64_t *)value_at(field, record));
}

bool speed_record_setting(const struct speed_record *record, int index, const char **name,
                          char value[SPEED_TEXT_BYTES])
{
    for (int i = 0; i < SPEED_FIELDS; i++) {
        const struct speed_field *field = &speed_fields[i];
        if (!field->is_setting || index-- > 0)
            continue;
        *name = field->key;
        format_value(field, record, value);
        return true;
    }
    return false;
}

bool speed_record_same_settings(const struct speed_record *left, const struct speed_record *right)
{
    const char *name;
    char mine[SPEED_TEXT_BYTES], theirs[SPEED_TEXT_BYTES];
    for (int i = 0; speed_record_setting(left, i, &name, mine); i++) {
        speed_record_setting(right, i, &name, theirs);
        if (strcmp(mine, theirs) != 0)
            return false;
    }
    return true;
}

struct json *speed_record_to_json(const struct speed_record *record)
{
    struct json *object = json_new_object();
    json_put_integer(object, "format_version", SPEED_VERSION);
    for (int i = 0; i < SPEED_FIELDS; i++) {
        const struct speed_field *field = &speed_fields[i];
        const void *value = value_at(field, record);
        if (field->kind == FIELD_TEXT)
            json_put_text(object, field->key, value);
        else if (field->kind == FIELD_COUNT)
            json_put_integer(object, field->key, *(const int64_t *)value);
        else
            json_put_number(object, field->key, *(const double *)value);
    }
    return object;
}

/* It goes to terminals and pictures as it is. */
static enum status read_text(const struct json *object, const char *key, const char *source,
                             char out[SPEED_TEXT_BYTES])
{
    const char *text;
    TRY(json_need_text(object, key, source, &text));
    printable_copy(out, SPEED_TEXT_BYTES, text);
    if (strcmp(out, text) != 0)
        return bad_input("cannot read '%s': '%s' is not a short line of text", source, key);
    return STATUS_OK;
}

static enum status read_number(const struct json *object, const struct speed_field *field,
                               const char *source, double *out)
{
    const struct json *member = json_member(object, field->key);
    if (field->kind == FIELD_NUMBER_OR_UNKNOWN && member &&
        json_kind_of(member) == JSON_KIND_NULL) {
        *out = (double)NAN;
        return STATUS_OK;
    }
    TRY(json_need_number(object, field->key, source, out));
    if (!(*out >= field->min && *out <= field->max))
        return bad_input("cannot read '%s': '%s' is %g, not within %g and %g", source, field->key,
                         *out, field->min, field->max);
    return STATUS_OK;
}

static enum status read_field(const struct json *object, const struct speed_field *field,
                              const char *source, struct speed_record *record)
{
    void *out = (char *)record + field->offset;
    if (field->kind == FIELD_TEXT)
        return read_text(object, field->key, source, out);
    if (field->kind == FIELD_COUNT)
        return json_need_integer(object, field->key, (int64_t)field->min, (int64_t)field->max,
                                 source, out);
    return read_number(object, field, source, out);
}

static enum status check_sense(const struct speed_record *record, const char *source)
{
    if (record->nodes > record->ranks || record->ranks_per_node > record->ranks ||
        record->nodes * record->ranks_per_node < record->ranks)
        return bad_input("cannot read '%s': %" PRId64 " ranks are not on %" PRId64
                         " nodes of %" PRId64 " at most",
                         source, record->ranks, record->nodes, record->ranks_per_node);
    if (record->cores < record->ranks || record->cores > record->ranks * record->threads)
        return bad_input("cannot read '%s': %" PRId64 " ranks of %" PRId64
                         " threads at most do not have %" PRId64 " in all",
                         source, record->ranks, record->threads, record->cores);
    if (record->step_seconds_lower_quartile > record->step_seconds_median ||
        record->step_seconds_median > record->step_seconds_upper_quartile)
        return bad_input("cannot read '%s': the quartiles of 'step_seconds' are out of order",
                         source);
    return STATUS_OK;
}

enum status speed_record_from_json(const struct json *value, const char *source,
                                   struct speed_record *record)
{
    int64_t version;
    *record = (struct speed_record){ 0 };
    if (json_kind_of(value) != JSON_KIND_OBJECT)
        return bad_input("cannot read '%s': it is not a JSON object", source);
    TRY(json_need_integer(value, "format_version", 0, INT64_MAX, source, &version));
    if (version != SPEED_VERSION)
        return bad_input("cannot read '%s': it has version %" PRId64 ", this eon reads %d", source,
                         version, SPEED_VERSION);
    for (int i = 0; i < SPEED_FIELDS; i++)
        TRY(read_field(value, &speed_fields[i], source, record));
    return check_sense(record, source);
}

static enum status fill(const void *context, int descriptor, const char *path)
{
    const struct strbuf *text = context;
    return file_write_all(descriptor, text->bytes, text->length, path);
}

enum status speed_record_write(const struct speed_record *record, const char *run_folder)
{
    char *path = path_join(run_folder, SPEED_FILE);
    struct json *value = speed_record_to_json(record);
    struct strbuf text = STRBUF_INIT;
    json_print(value, JSON_INDENTED, &text);
    strbuf_add_char(&text, '\n');
    enum status status = file_put(path, fill, &text);
    strbuf_release(&text);
    json_free(value);
    memory_free(path);
    return status;
}

enum status speed_record_read(const char *run_folder, struct speed_record *record)
{
    char *path = path_join(run_folder, SPEED_FILE);
    struct json *value = NULL;
    enum status status = json_read(path, SPEED_MAX_BYTES, &value);
    if (status == STATUS_OK)
        status = speed_record_from_json(value, path, record);
    json_free(value);
    memory_free(path);
    return status;
}
