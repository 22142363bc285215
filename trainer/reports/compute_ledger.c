#include "trainer/reports/compute_ledger.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"

#define LEDGER_FORMAT     "eon compute ledger"
#define LEDGER_VERSION    1
#define LEDGER_MAX_BYTES  65536
#define LEDGER_MAX_COUNT  ((int64_t)1 << 62)
#define LEDGER_MAX_RANKS  ((int64_t)1 << 31)
#define LEDGER_MAX_NUMBER 1e60 /* far beyond any run, and its sums stay finite */

const char *const compute_purpose_names[COMPUTE_PURPOSES] = { "training", "evaluation",
                                                              "generation", "discarded" };

/* Every figure of an amount, once: addition, difference and JSON follow it. */
static const struct amount_field {
    const char *key;
    size_t offset;
    enum { FIELD_NUMBER, FIELD_COUNT, FIELD_NUMBER_OR_UNKNOWN } kind;
} amount_fields[] = {
    { "executed_flops", offsetof(struct compute_amount, executed_flops), FIELD_NUMBER },
    { "model_flops", offsetof(struct compute_amount, model_flops), FIELD_NUMBER },
    { "tokens", offsetof(struct compute_amount, tokens), FIELD_COUNT },
    { "steps", offsetof(struct compute_amount, steps), FIELD_COUNT },
    { "wall_seconds", offsetof(struct compute_amount, wall_seconds), FIELD_NUMBER },
    { "rank_seconds", offsetof(struct compute_amount, rank_seconds), FIELD_NUMBER },
    { "available_flops", offsetof(struct compute_amount, available_flops),
      FIELD_NUMBER_OR_UNKNOWN },
    { "energy_joules", offsetof(struct compute_amount, energy_joules), FIELD_NUMBER_OR_UNKNOWN },
};
enum { AMOUNT_FIELDS = sizeof amount_fields / sizeof amount_fields[0] };

static int64_t *count_at(const struct amount_field *field, struct compute_amount *amount)
{
    return (int64_t *)((char *)amount + field->offset);
}

static double *number_at(const struct amount_field *field, struct compute_amount *amount)
{
    return (double *)((char *)amount + field->offset);
}

static int64_t count_of(const struct amount_field *field, const struct compute_amount *amount)
{
    return *(const int64_t *)((const char *)amount + field->offset);
}

static double number_of(const struct amount_field *field, const struct compute_amount *amount)
{
    return *(const double *)((const char *)amount + field->offset);
}

static void amount_add(struct compute_amount *sum, const struct compute_amount *amount)
{
    for (int i = 0; i < AMOUNT_FIELDS; i++) {
        const struct amount_field *field = &amount_fields[i];
        if (field->kind == FIELD_COUNT)
            *count_at(field, sum) += count_of(field, amount);
        else
            *number_at(field, sum) += number_of(field, amount);
    }
}

/* later - earlier, where that is positive: a ledger of the run may be older than the
 * checkpoint's, when the kill came between the two writes. */
static struct compute_amount amount_since(const struct compute_amount *earlier,
                                          const struct compute_amount *later)
{
    struct compute_amount since = { 0 };
    for (int i = 0; i < AMOUNT_FIELDS; i++) {
        const struct amount_field *field = &amount_fields[i];
        if (field->kind == FIELD_COUNT) {
            int64_t difference = count_of(field, later) - count_of(field, earlier);
            *count_at(field, &since) = difference > 0 ? difference : 0;
        } else {
            double difference = number_of(field, later) - number_of(field, earlier);
            *number_at(field, &since) = difference < 0 ? 0 : difference; /* NaN stays */
        }
    }
    return since;
}

void compute_ledger_init(struct compute_ledger *ledger, int64_t ranks, double peak_flops_per_second)
{
    *ledger =
        (struct compute_ledger){ .ranks = ranks, .peak_flops_per_second = peak_flops_per_second };
}

void compute_ledger_add(struct compute_ledger *ledger, enum compute_purpose purpose,
                        const struct compute_amount *amount)
{
    struct compute_amount added = *amount;
    added.rank_seconds = amount->wall_seconds * (double)ledger->ranks;
    added.available_flops =
        added.rank_seconds > 0 ? added.rank_seconds * ledger->peak_flops_per_second : 0;
    amount_add(&ledger->amounts[purpose], &added);
}

void compute_ledger_merge(struct compute_ledger *ledger, const struct compute_ledger *other)
{
    for (int purpose = 0; purpose < COMPUTE_PURPOSES; purpose++)
        amount_add(&ledger->amounts[purpose], &other->amounts[purpose]);
    ledger->restarts += other->restarts;
}

void compute_ledger_resume(struct compute_ledger *ledger, const struct compute_ledger *checkpoint,
                           const struct compute_ledger *run)
{
    struct compute_ledger resumed = *checkpoint;
    for (int purpose = 0; run && purpose < COMPUTE_PURPOSES; purpose++) {
        struct compute_amount lost =
            amount_since(&checkpoint->amounts[purpose], &run->amounts[purpose]);
        amount_add(&resumed.amounts[COMPUTE_DISCARDED], &lost);
    }
    if (run && run->restarts > resumed.restarts)
        resumed.restarts = run->restarts;
    resumed.restarts++;
    resumed.ranks = ledger->ranks; /* those of the present start, as is the peak */
    resumed.peak_flops_per_second = ledger->peak_flops_per_second;
    *ledger = resumed;
}

struct compute_amount compute_ledger_total(const struct compute_ledger *ledger)
{
    struct compute_amount total = { 0 };
    for (int purpose = 0; purpose < COMPUTE_PURPOSES; purpose++)
        amount_add(&total, &ledger->amounts[purpose]);
    return total;
}

static double share_of_available(double flops, const struct compute_amount *amount)
{
    return amount->available_flops > 0 ? flops / amount->available_flops : NAN;
}

double compute_amount_model_utilisation(const struct compute_amount *amount)
{
    return share_of_available(amount->model_flops, amount);
}

double compute_amount_executed_utilisation(const struct compute_amount *amount)
{
    return share_of_available(amount->executed_flops, amount);
}

struct json *compute_amount_to_json(const struct compute_amount *amount)
{
    struct json *object = json_new_object();
    for (int i = 0; i < AMOUNT_FIELDS; i++) {
        const struct amount_field *field = &amount_fields[i];
        if (field->kind == FIELD_COUNT)
            json_put_integer(object, field->key, count_of(field, amount));
        else
            json_put_number(object, field->key, number_of(field, amount));
    }
    return object;
}

struct json *compute_ledger_to_json(const struct compute_ledger *ledger)
{
    struct json *object = json_new_object();
    json_put_text(object, "format", LEDGER_FORMAT);
    json_put_integer(object, "version", LEDGER_VERSION);
    json_put_integer(object, "restarts", ledger->restarts);
    json_put_integer(object, "ranks", ledger->ranks);
    json_put_number(object, "peak_flops_per_second", ledger->peak_flops_per_second);
    for (int purpose = 0; purpose < COMPUTE_PURPOSES; purpose++)
        json_put(object, compute_purpose_names[purpose],
                 compute_amount_to_json(&ledger->amounts[purpose]));
    return object;
}

/* A number of [0, LEDGER_MAX_NUMBER], or null for NaN where that is allowed. */
static enum status read_number(const struct json *object, const char *key, bool null_is_allowed,
                               const char *source, double *out)
{
    const struct json *member = json_member(object, key);
    if (null_is_allowed && member && json_kind_of(member) == JSON_KIND_NULL) {
        *out = NAN;
        return STATUS_OK;
    }
    TRY(json_need_number(object, key, source, out));
    if (!(*out >= 0 && *out <= LEDGER_MAX_NUMBER))
        return bad_input("cannot read ledger '%s': '%s' is %g, not within 0 and %g", source, key,
                         *out, LEDGER_MAX_NUMBER);
    return STATUS_OK;
}

/* All known keys were found; one more is an unknown one. */
static enum status require_member_count(const struct json *object, int64_t expected,
                                        const char *what, const char *source)
{
    if (json_length(object) != expected)
        return bad_input("cannot read ledger '%s': %s has %lld members instead of %lld", source,
                         what, (long long)json_length(object), (long long)expected);
    return STATUS_OK;
}

static enum status read_amount(const struct json *ledger, const char *purpose, const char *source,
                               struct compute_amount *amount)
{
    const struct json *object;
    TRY(json_need_kind(ledger, purpose, JSON_KIND_OBJECT, source, &object));
    for (int i = 0; i < AMOUNT_FIELDS; i++) {
        const struct amount_field *field = &amount_fields[i];
        if (field->kind == FIELD_COUNT)
            TRY(json_need_integer(object, field->key, 0, LEDGER_MAX_COUNT / COMPUTE_PURPOSES,
                                  source, count_at(field, amount)));
        else
            TRY(read_number(object, field->key, field->kind == FIELD_NUMBER_OR_UNKNOWN, source,
                            number_at(field, amount)));
    }
    return require_member_count(object, AMOUNT_FIELDS, purpose, source);
}

enum status compute_ledger_from_json(const struct json *value, const char *source,
                                     struct compute_ledger *ledger)
{
    const char *format;
    int64_t version;
    struct compute_ledger read = { 0 };
    if (json_kind_of(value) != JSON_KIND_OBJECT)
        return bad_input("cannot read ledger '%s': it is not a JSON object", source);
    TRY(json_need_text(value, "format", source, &format));
    if (strcmp(format, LEDGER_FORMAT) != 0)
        return bad_input("cannot read ledger '%s': its format is '%s', not '%s'", source, format,
                         LEDGER_FORMAT);
    TRY(json_need_integer(value, "version", INT64_MIN, INT64_MAX, source, &version));
    if (version != LEDGER_VERSION)
        return bad_input("cannot read ledger '%s': it has version %lld, this eon reads %d", source,
                         (long long)version, LEDGER_VERSION);
    TRY(json_need_integer(value, "restarts", 0, LEDGER_MAX_COUNT, source, &read.restarts));
    TRY(json_need_integer(value, "ranks", 1, LEDGER_MAX_RANKS, source, &read.ranks));
    TRY(read_number(value, "peak_flops_per_second", true, source, &read.peak_flops_per_second));
    for (int purpose = 0; purpose < COMPUTE_PURPOSES; purpose++)
        TRY(read_amount(value, compute_purpose_names[purpose], source, &read.amounts[purpose]));
    TRY(require_member_count(value, 5 + COMPUTE_PURPOSES, "it", source));
    *ledger = read;
    return STATUS_OK;
}

enum status compute_ledger_write(const struct compute_ledger *ledger, const char *run_folder)
{
    char *path = path_join(run_folder, COMPUTE_LEDGER_FILE);
    struct json *value = compute_ledger_to_json(ledger);
    enum status status = json_write(value, path);
    json_free(value);
    memory_free(path);
    return status;
}

enum status compute_ledger_read(const char *run_folder, struct compute_ledger *ledger)
{
    char *path = path_join(run_folder, COMPUTE_LEDGER_FILE);
    struct json *value = NULL;
    enum status status;
    TRY_CLEANUP(json_read(path, LEDGER_MAX_BYTES, &value));
    TRY_CLEANUP(compute_ledger_from_json(value, path, ledger));
cleanup:
    json_free(value);
    memory_free(path);
    return status;
}
