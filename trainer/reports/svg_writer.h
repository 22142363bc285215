/* svg_writer: shapes and texts as an SVG picture, which any browser shows.
 *
 * Places are in pixels from the upper left corner. Texts are UTF-8; they are escaped, and what XML
 * does not allow becomes '?'. Colours and dashes are the caller's own. Scalable Vector
 * Graphics 1.1.
 */
#ifndef TRAINER_REPORTS_SVG_WRITER_H
#define TRAINER_REPORTS_SVG_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };
enum svg_marker { SVG_CIRCLE, SVG_SQUARE, SVG_DIAMOND, SVG_TRIANGLE };

struct svg_stroke {
    const char *color; /* "#0072b2" */
    double width;
    const char *dashes; /* "6 4"; NULL: none */
};

struct svg_font {
    double size;
    const char *color;
    enum svg_anchor anchor;
    bool is_bold;
};

/* On a white ground, of as many pixels. */
void svg_begin(struct strbuf *out, double width, double height, const char *title);
void svg_end(struct strbuf *out);

void svg_line(struct strbuf *out, double x1, double y1, double x2, double y2,
              const struct svg_stroke *stroke);
/* Through `count` points, x and y in turn. */
void svg_path(struct strbuf *out, const double *points, int64_t count,
              const struct svg_stroke *stroke);
/* `hint` is shown when a mouse rests on it. */
void svg_marker(struct strbuf *out, enum svg_marker marker, double x, double y, const char *color,
                const char *hint);
/* Below it a seam of the ground's colour, so that lines behind it do not cross letters. */
void svg_text(struct strbuf *out, double x, double y, const struct svg_font *font,
              const char *text);
/* The same, turned by a quarter: it reads upwards. */
void svg_text_upwards(struct strbuf *out, double x, double y, const struct svg_font *font,
                      const char *text);

#endif
