#include "trainer/reports/scaling_plot.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "trainer/reports/plot_labels.h"
#include "trainer/reports/svg_writer.h"

/* Pixels. */
enum {
    WIDTH = 880,
    LEFT = 84,
    RIGHT = 856,
    TOP = 76,
    BOTTOM = 516,
    LEGEND = 588, /* its first line */
    LEGEND_LINE = 24
};

enum { TICKS_MAX = 12, LABEL_BYTES = 64 };
enum { FONT = 13, SMALL_FONT = 12, LABEL_HEIGHT = 15, LABEL_LETTER = 8 /* is at most so wide */ };

#define INK   "#222222"
#define FAINT "#666666"
#define GRID  "#e4e4e4"

/* Told apart by those who see fewer colours, too: Okabe and Ito 2008, "Color universal design". */
static const char *const colors[] = { "#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                      "#56b4e9", "#e69f00", "#000000" };

/* An axis in octaves: log2 of what it shows, from `low` to `high`. */
struct axis {
    double low, high;
    double from_px, to_px;
};

struct plot {
    const struct scaling_series_list *list;
    struct axis cores, rate;
    int64_t fewest_cores;
    struct plot_labels labels;
    struct strbuf *out;
};

static void widen(struct axis *axis, double value)
{
    axis->low = fmin(axis->low, log2(value));
    axis->high = fmax(axis->high, log2(value));
}

static double place(const struct axis *axis, double value)
{
    double share = (log2(value) - axis->low) / (axis->high - axis->low);
    return axis->from_px + share * (axis->to_px - axis->from_px);
}

static int64_t most_cores(const struct scaling_series *series)
{
    return series->members[series->count - 1].point->speed.cores;
}

/* Half an octave at least, so that a tick is always in sight, and room for a label. */
static void add_margins(struct axis *axis)
{
    const double margin = fmax(0.5, 0.09 * (axis->high - axis->low));
    axis->low -= margin;
    axis->high += margin;
}

static void lay_out(struct plot *plot)
{
    plot->cores = (struct axis){ INFINITY, -INFINITY, LEFT, RIGHT };
    plot->rate = (struct axis){ INFINITY, -INFINITY, BOTTOM, TOP };
    plot->fewest_cores = INT64_MAX;
    for (int64_t i = 0; i < plot->list->count; i++) {
        const struct scaling_series *series = &plot->list->series[i];
        const int64_t fewest = series->members[0].point->speed.cores;
        plot->fewest_cores = fewest < plot->fewest_cores ? fewest : plot->fewest_cores;
        for (int64_t j = 0; j < series->count; j++) {
            widen(&plot->cores, (double)series->members[j].point->speed.cores);
            widen(&plot->rate, series->members[j].point->speed.tokens_per_second);
        }
        if (series->kind != SCALING_SINGLE)
            widen(&plot->rate, scaling_series_ideal(series, most_cores(series)));
    }
    add_margins(&plot->cores);
    add_margins(&plot->rate);
    plot_labels_init(&plot->labels, (struct plot_box){ LEFT, TOP, WIDTH, BOTTOM });
}

/* "250", "16k", "1.02M". */
static void format_rate(double rate, char out[LABEL_BYTES])
{
    if (rate >= 999.5e3)
        snprintf(out, LABEL_BYTES, "%.3gM", rate / 1e6);
    else if (rate >= 999.5)
        snprintf(out, LABEL_BYTES, "%.3gk", rate / 1e3);
    else
        snprintf(out, LABEL_BYTES, "%.3g", rate);
}

/* Octaves from one tick to the next. */
static int tick_octaves(const struct axis *axis)
{
    return (int)ceil((axis->high - axis->low) / TICKS_MAX);
}

/* At the fewest cores, twice as many, and so on. */
static void draw_cores_axis(const struct plot *plot)
{
    const struct svg_stroke grid = { GRID, 1, NULL };
    const struct svg_font font = { FONT, INK, SVG_MIDDLE, false };
    const int step = tick_octaves(&plot->cores);
    for (double octave = log2((double)plot->fewest_cores); octave <= plot->cores.high;
         octave += step) {
        char label[LABEL_BYTES];
        const double x = place(&plot->cores, exp2(octave));
        snprintf(label, sizeof label, "%.0f", exp2(octave));
        svg_line(plot->out, x, TOP, x, BOTTOM, &grid);
        svg_text(plot->out, x, BOTTOM + 20, &font, label);
    }
    svg_text(plot->out, 0.5 * (LEFT + RIGHT), BOTTOM + 44, &font, "cores (threads of all ranks)");
}

/* At 1000 times powers of two. */
static void draw_rate_axis(const struct plot *plot)
{
    const struct svg_stroke grid = { GRID, 1, NULL };
    const struct svg_font font = { FONT, INK, SVG_END, false };
    const struct svg_font title_font = { FONT, INK, SVG_MIDDLE, false };
    const double thousand = log2(1000);
    const int step = tick_octaves(&plot->rate);
    for (double octave = ceil(plot->rate.low - thousand) + thousand; octave <= plot->rate.high;
         octave += step) {
        char label[LABEL_BYTES];
        const double y = place(&plot->rate, exp2(octave));
        format_rate(exp2(octave), label);
        svg_line(plot->out, LEFT, y, RIGHT, y, &grid);
        svg_text(plot->out, LEFT - 8, y + 4.5, &font, label);
    }
    svg_text_upwards(plot->out, 24, 0.5 * (TOP + BOTTOM), &title_font, "tokens a second");
}

static void draw_frame(const struct plot *plot)
{
    const struct svg_stroke stroke = { FAINT, 1.2, NULL };
    const double corners[] = { LEFT, TOP, LEFT, BOTTOM, RIGHT, BOTTOM };
    svg_path(plot->out, corners, 3, &stroke);
}

static const char *color_of(const struct plot *plot, int64_t index)
{
    if (plot->list->series[index].kind == SCALING_SINGLE)
        return FAINT;
    return colors[(size_t)index % (sizeof colors / sizeof *colors)];
}

static enum svg_marker marker_of(const struct scaling_series *series)
{
    static const enum svg_marker markers[SCALING_KINDS] = { SVG_CIRCLE, SVG_SQUARE, SVG_DIAMOND,
                                                            SVG_TRIANGLE };
    return markers[series->kind];
}

static void draw_lines(const struct plot *plot, int64_t index)
{
    const struct scaling_series *series = &plot->list->series[index];
    const struct svg_stroke stroke = { color_of(plot, index), 2, NULL };
    const struct svg_stroke ideal = { color_of(plot, index), 1.2, "6 5" };
    const struct speed_record *smallest = &series->members[0].point->speed;
    const int64_t most = most_cores(series);
    svg_line(plot->out, place(&plot->cores, (double)smallest->cores),
             place(&plot->rate, smallest->tokens_per_second), place(&plot->cores, (double)most),
             place(&plot->rate, scaling_series_ideal(series, most)), &ideal);

    double *points = memory_alloc((size_t)series->count * 2 * sizeof *points);
    for (int64_t i = 0; i < series->count; i++) {
        points[2 * i] = place(&plot->cores, (double)series->members[i].point->speed.cores);
        points[2 * i + 1] = place(&plot->rate, series->members[i].point->speed.tokens_per_second);
    }
    svg_path(plot->out, points, series->count, &stroke);
    memory_free(points);
}

static void draw_efficiency(struct plot *plot, int64_t index, double efficiency, double x, double y)
{
    /* series stand in turn below and above their points */
    const enum plot_corner favourite = index % 2 == 0 ? BELOW_RIGHT : ABOVE_LEFT;
    const struct svg_font font = { SMALL_FONT, color_of(plot, index), SVG_MIDDLE, true };
    struct plot_box box;
    char label[LABEL_BYTES];
    snprintf(label, sizeof label, "%.0f %%", 100 * efficiency);
    const double width = LABEL_LETTER * (double)strlen(label);
    if (plot_labels_place(&plot->labels, x, y, width, LABEL_HEIGHT, favourite, &box))
        svg_text(plot->out, 0.5 * (box.left + box.right), box.bottom - 3, &font, label);
}

static void draw_member(struct plot *plot, int64_t index, const struct scaling_member *member)
{
    const struct scaling_series *series = &plot->list->series[index];
    const struct speed_record *speed = &member->point->speed;
    const double x = place(&plot->cores, (double)speed->cores);
    const double y = place(&plot->rate, speed->tokens_per_second);
    struct strbuf hint = STRBUF_INIT;
    strbuf_addf(&hint, "%s: %.4g tokens/s on %" PRId64 " cores", member->point->name,
                speed->tokens_per_second, speed->cores);
    svg_marker(plot->out, marker_of(series), x, y, color_of(plot, index), hint.bytes);
    strbuf_release(&hint);
    if (!isnan(member->efficiency))
        draw_efficiency(plot, index, member->efficiency, x, y);
}

static void draw_legend(const struct plot *plot)
{
    const struct svg_font font = { FONT, INK, SVG_START, false };
    const struct svg_stroke ideal = { FAINT, 1.2, "6 5" };
    double y = LEGEND;
    for (int64_t i = 0; i < plot->list->count; i++, y += LEGEND_LINE) {
        const struct scaling_series *series = &plot->list->series[i];
        const struct svg_stroke stroke = { color_of(plot, i), 2, NULL };
        if (series->kind != SCALING_SINGLE)
            svg_line(plot->out, LEFT, y, LEFT + 36, y, &stroke);
        svg_marker(plot->out, marker_of(series), LEFT + 18, y, color_of(plot, i), series->title);
        svg_text(plot->out, LEFT + 48, y + 4.5, &font, series->title);
    }
    svg_line(plot->out, LEFT, y, LEFT + 36, y, &ideal);
    svg_text(plot->out, LEFT + 48, y + 4.5, &font,
             "ideal: as many tokens a second for each core as the smallest point of the series");
}

static const struct speed_record *first_speed(const struct scaling_series_list *list)
{
    return &list->series[0].members[0].point->speed;
}

/* Whether it has this value at all points. */
static bool is_common(const struct scaling_series_list *list, int setting, const char *value)
{
    const char *name;
    char other[SPEED_TEXT_BYTES];
    for (int64_t i = 0; i < list->count; i++)
        for (int64_t j = 0; j < list->series[i].count; j++) {
            speed_record_setting(&list->series[i].members[j].point->speed, setting, &name, other);
            if (strcmp(other, value) != 0)
                return false;
        }
    return true;
}

/* What most readers ask first, where it is the same at all points. */
static void draw_heading(const struct plot *plot, const char *title)
{
    static const char *const told[] = { "parameters", "precision", "kernels", "cpu" };
    const struct svg_font title_font = { 18, INK, SVG_START, true };
    const struct svg_font font = { FONT, FAINT, SVG_START, false };
    struct strbuf line = STRBUF_INIT;
    const char *name;
    char value[SPEED_TEXT_BYTES];
    for (int i = 0; speed_record_setting(first_speed(plot->list), i, &name, value); i++)
        for (size_t j = 0; j < sizeof told / sizeof *told; j++)
            if (strcmp(name, told[j]) == 0 && is_common(plot->list, i, value))
                strbuf_addf(&line, "%s%s %s", line.length ? ", " : "", name, value);
    svg_text(plot->out, LEFT, 34, &title_font, title);
    svg_text(plot->out, LEFT, 56, &font, line.bytes);
    strbuf_release(&line);
}

void scaling_plot_draw(const struct scaling_series_list *list, const char *name, struct strbuf *out)
{
    struct plot plot = { .list = list, .out = out };
    struct strbuf title = STRBUF_INIT;
    strbuf_addf(&title, "Scaling: %s", name);
    lay_out(&plot);
    svg_begin(out, WIDTH, LEGEND + (double)(list->count + 1) * LEGEND_LINE, title.bytes);
    draw_heading(&plot, title.bytes);
    draw_cores_axis(&plot);
    draw_rate_axis(&plot);
    draw_frame(&plot);
    for (int64_t i = 0; i < list->count; i++)
        if (list->series[i].kind != SCALING_SINGLE)
            draw_lines(&plot, i);
    for (int64_t i = 0; i < list->count; i++)
        for (int64_t j = 0; j < list->series[i].count; j++)
            draw_member(&plot, i, &list->series[i].members[j]);
    draw_legend(&plot);
    svg_end(out);
    plot_labels_release(&plot.labels);
    strbuf_release(&title);
}
