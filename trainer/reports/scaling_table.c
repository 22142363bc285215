#include "trainer/reports/scaling_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CELL_BYTES = 32 };

static int name_width(const struct scaling_series *series)
{
    size_t width = strlen("point");
    for (int64_t i = 0; i < series->count; i++) {
        size_t length = strlen(series->members[i].point->name);
        width = length > width ? length : width;
    }
    return (int)width;
}

/* NaN: not known. */
static void add_number(struct strbuf *out, int width, int decimals, double value, const char *unit)
{
    char cell[CELL_BYTES] = "-";
    if (!isnan(value))
        snprintf(cell, sizeof cell, "%.*f%s", decimals, value, unit);
    strbuf_addf(out, "  %*s", width, cell);
}

/* Three digits at least, and no exponent. */
static int decimals_of(double value)
{
    return value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 4;
}

static void add_row(const struct scaling_member *member, int width, struct strbuf *out)
{
    const struct speed_record *speed = &member->point->speed;
    strbuf_addf(out, "  %-*s  %5" PRId64 "  %5" PRId64 "  %7" PRId64 "  %5" PRId64, width,
                member->point->name, speed->nodes, speed->ranks, speed->threads, speed->cores);
    add_number(out, 10, decimals_of(speed->tokens_per_second), speed->tokens_per_second, "");
    add_number(out, 8, 2, member->speedup, "");
    add_number(out, 10, 1, 100 * member->efficiency, " %");
    add_number(out, 6, 1, 100 * speed->mfu, " %");
    add_number(out, 7, 1, 100 * speed->exposed_communication, " %");
    add_number(out, 9, 1, 100 * speed->imbalance, " %");
    add_number(out, 8, 2, speed->peak_memory_node_bytes / 1073741824, "");
    add_number(out, 8, decimals_of(speed->joules_per_token), speed->joules_per_token, "");
    strbuf_add_char(out, '\n');
}

void scaling_table_print(const struct scaling_series *series, struct strbuf *out)
{
    const int width = name_width(series);
    strbuf_addf(out, "%s\n", series->title);
    strbuf_addf(out,
                "  %-*s  nodes  ranks  threads  cores  %10s  speed-up  efficiency  %6s  %7s"
                "  imbalance  GiB/node  J/token\n",
                width, "point", "tokens/s", "MFU", "exposed");
    for (int64_t i = 0; i < series->count; i++)
        add_row(&series->members[i], width, out);
}

struct json *scaling_member_to_json(const struct scaling_series *series,
                                    const struct scaling_member *member)
{
    struct json *json = json_new_object(), *speed = speed_record_to_json(&member->point->speed);
    json_put_text(json, "name", member->point->name);
    json_put_text(json, "series", series->title);
    json_put_text(json, "kind", scaling_kind_names[series->kind]);
    json_put_number(json, "speedup", member->speedup);
    json_put_number(json, "efficiency", member->efficiency);

    void *cursor = NULL;
    const char *key;
    const struct json *value;
    while (json_next_member(speed, &cursor, &key, &value))
        json_put(json, key, json_duplicate(value));
    json_free(speed);
    return json;
}
