#include "trainer/reports/loss_curve.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "trainer/reports/metrics_writer.h"

#define METRICS_BYTES_MAX ((size_t)1 << 30)
#define STEPS_MAX         ((int64_t)1 << 53)

static void add_point(struct loss_points *points, struct loss_point point)
{
    if (points->count == points->capacity) {
        points->capacity = points->capacity ? 2 * points->capacity : 256;
        points->points =
            memory_realloc(points->points, (size_t)points->capacity * sizeof *points->points);
    }
    points->points[points->count++] = point;
}

static enum status add_record(struct loss_curve *curve, const struct json *record,
                              const char *source)
{
    int64_t step;
    TRY(json_need_integer(record, "step", 0, STEPS_MAX, source, &step));
    double training = json_number_or_nan(record, "loss"),
           heldout = json_number_or_nan(record, "validation_loss");
    if (isfinite(training))
        add_point(&curve->training, (struct loss_point){ step, training, (double)NAN });
    if (isfinite(heldout))
        add_point(&curve->heldout,
                  (struct loss_point){ step, heldout,
                                       json_number_or_nan(record, "validation_bits_per_byte") });
    return STATUS_OK;
}

static enum status add_line(struct loss_curve *curve, const char *line, size_t length,
                            const char *source)
{
    struct json *record = NULL;
    enum status status = json_parse(line, length, source, &record);
    if (status == STATUS_OK && json_kind_of(record) != JSON_KIND_OBJECT)
        status = bad_input("cannot read '%s': not a JSON object", source);
    if (status == STATUS_OK)
        status = add_record(curve, record, source);
    json_free(record);
    return status;
}

static enum status add_lines(struct loss_curve *curve, const struct strbuf *text, const char *path)
{
    struct strbuf source = STRBUF_INIT;
    enum status status = STATUS_OK;
    const char *line = text->bytes, *end;
    for (int64_t number = 1; status == STATUS_OK && (end = strchr(line, '\n')) != NULL; number++) {
        strbuf_reset(&source);
        strbuf_addf(&source, "%s:%lld", path, (long long)number);
        status = add_line(curve, line, (size_t)(end - line), source.bytes);
        line = end + 1;
    }
    strbuf_release(&source);
    return status;
}

enum status loss_curve_read(const char *run_folder, struct loss_curve *curve)
{
    struct strbuf text = STRBUF_INIT;
    char *path = path_join(run_folder, METRICS_FILE);
    *curve = (struct loss_curve){ { NULL, 0, 0 }, { NULL, 0, 0 } };
    enum status status = file_read(path, METRICS_BYTES_MAX, &text);
    if (status == STATUS_OK)
        status = add_lines(curve, &text, path);
    if (status == STATUS_OK && curve->training.count == 0)
        status = bad_input("'%s' has no losses yet", path);
    if (status != STATUS_OK)
        loss_curve_release(curve);
    memory_free(path);
    strbuf_release(&text);
    return status;
}

void loss_curve_release(struct loss_curve *curve)
{
    memory_free(curve->training.points);
    memory_free(curve->heldout.points);
    *curve = (struct loss_curve){ { NULL, 0, 0 }, { NULL, 0, 0 } };
}

/* The mean loss of each column's steps; NaN where it has none. */
static void column_means(const struct loss_points *points, int64_t first, int64_t last, int columns,
                         double *means)
{
    int64_t *counts = memory_alloc_zeroed((size_t)columns, sizeof *counts);
    for (int column = 0; column < columns; column++)
        means[column] = 0.0;
    for (int64_t i = 0; i < points->count; i++) {
        double place =
            last > first ? (double)(points->points[i].step - first) / (double)(last - first) : 0.0;
        int column = (int)(place * (columns - 1) + 0.5);
        means[column] += points->points[i].loss;
        counts[column]++;
    }
    for (int column = 0; column < columns; column++)
        means[column] = counts[column] ? means[column] / (double)counts[column] : (double)NAN;
    memory_free(counts);
}

static void widen_range(const double *means, int columns, double *low, double *high)
{
    for (int column = 0; column < columns; column++) {
        if (means[column] < *low)
            *low = means[column];
        if (means[column] > *high)
            *high = means[column];
    }
}

static bool is_in_row(double mean, int row, int rows, double low, double high)
{
    double height = high > low ? (high - mean) / (high - low) : 0.0;
    return isfinite(mean) && (int)(height * (rows - 1) + 0.5) == row;
}

static void draw_row(const double *training, const double *heldout, int columns, int row, int rows,
                     double low, double high, struct strbuf *out)
{
    if (row == 0 || row == rows - 1)
        strbuf_addf(out, "%8.3f |", row == 0 ? high : low);
    else
        strbuf_add_string(out, "         |");
    for (int column = 0; column < columns; column++) {
        bool has_heldout = is_in_row(heldout[column], row, rows, low, high);
        bool has_training = is_in_row(training[column], row, rows, low, high);
        strbuf_add_char(out, has_heldout ? 'x' : has_training ? 'o' : ' ');
    }
    while (out->bytes[out->length - 1] == ' ')
        out->bytes[--out->length] = '\0';
    strbuf_add_char(out, '\n');
}

static int64_t last_step(const struct loss_points *points)
{
    return points->count ? points->points[points->count - 1].step : 0;
}

void loss_curve_draw(const struct loss_curve *curve, int columns, int rows, struct strbuf *out)
{
    double *training = memory_alloc(2 * (size_t)columns * sizeof *training);
    double *heldout = training + columns;
    int64_t first = curve->training.points[0].step, last = last_step(&curve->training);
    if (curve->heldout.count && curve->heldout.points[0].step < first)
        first = curve->heldout.points[0].step;
    if (last_step(&curve->heldout) > last)
        last = last_step(&curve->heldout);

    column_means(&curve->training, first, last, columns, training);
    column_means(&curve->heldout, first, last, columns, heldout);
    double low = INFINITY, high = -INFINITY;
    widen_range(training, columns, &low, &high);
    widen_range(heldout, columns, &low, &high);
    for (int row = 0; row < rows; row++)
        draw_row(training, heldout, columns, row, rows, low, high, out);

    strbuf_add_string(out, "         +");
    for (int column = 0; column < columns; column++)
        strbuf_add_char(out, '-');
    strbuf_addf(out, "\n          step %-*lld%*lld\n", columns / 2 - 5, (long long)first,
                columns - columns / 2, (long long)last);
    memory_free(training);
}
