#include "trainer/reports/svg_writer.h"

#include <string.h>

/* XML 1.0, production 2: no control characters, neither U+FFFE nor U+FFFF. */
static bool is_forbidden(const char *at)
{
    return (unsigned char)*at < 0x20 || strncmp(at, "\xef\xbf\xbe", 3) == 0 ||
           strncmp(at, "\xef\xbf\xbf", 3) == 0;
}

static void add_escaped(struct strbuf *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        if (is_forbidden(at)) {
            strbuf_add_char(out, '?');
            at += *at == '\xef' ? 2 : 0;
        } else if (*at == '&') {
            strbuf_add_string(out, "&amp;");
        } else if (*at == '<') {
            strbuf_add_string(out, "&lt;");
        } else if (*at == '>') {
            strbuf_add_string(out, "&gt;");
        } else {
            strbuf_add_char(out, *at);
        }
    }
}

void svg_begin(struct strbuf *out, double width, double height, const char *title)
{
    strbuf_addf(out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
                "viewBox=\"0 0 %.0f %.0f\" font-family=\"Helvetica,Arial,sans-serif\">\n<title>",
                width, height, width, height);
    add_escaped(out, title);
    strbuf_addf(out, "</title>\n<rect width=\"%.0f\" height=\"%.0f\" fill=\"#ffffff\"/>\n", width,
                height);
}

void svg_end(struct strbuf *out)
{
    strbuf_add_string(out, "</svg>\n");
}

static void add_stroke(struct strbuf *out, const struct svg_stroke *stroke)
{
    strbuf_addf(out, " stroke=\"%s\" stroke-width=\"%.2f\"", stroke->color, stroke->width);
    if (stroke->dashes)
        strbuf_addf(out, " stroke-dasharray=\"%s\"", stroke->dashes);
}

void svg_line(struct strbuf *out, double x1, double y1, double x2, double y2,
              const struct svg_stroke *stroke)
{
    strbuf_addf(out, "<line x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\"", x1, y1, x2, y2);
    add_stroke(out, stroke);
    strbuf_add_string(out, "/>\n");
}

void svg_path(struct strbuf *out, const double *points, int64_t count,
              const struct svg_stroke *stroke)
{
    strbuf_add_string(out, "<polyline fill=\"none\" stroke-linejoin=\"round\"");
    add_stroke(out, stroke);
    strbuf_add_string(out, " points=\"");
    for (int64_t i = 0; i < count; i++)
        strbuf_addf(out, "%s%.2f,%.2f", i ? " " : "", points[2 * i], points[2 * i + 1]);
    strbuf_add_string(out, "\"/>\n");
}

void svg_marker(struct strbuf *out, enum svg_marker marker, double x, double y, const char *color,
                const char *hint)
{
    static const char *const shapes[] = {
        [SVG_CIRCLE] = "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
        [SVG_SQUARE] = "M-4.5 -4.5h9v9h-9z",
        [SVG_DIAMOND] = "M0 -6.2L6.2 0L0 6.2L-6.2 0z",
        [SVG_TRIANGLE] = "M0 -5.6L5.6 4.4H-5.6z",
    };
    strbuf_addf(out,
                "<path transform=\"translate(%.2f %.2f)\" d=\"%s\" fill=\"%s\" stroke=\"#ffffff\" "
                "stroke-width=\"1.2\"><title>",
                x, y, shapes[marker], color);
    add_escaped(out, hint);
    strbuf_add_string(out, "</title></path>\n");
}

static void add_text(struct strbuf *out, const struct svg_font *font, const char *text)
{
    static const char *const anchors[] = { "start", "middle", "end" };
    strbuf_addf(out,
                " font-size=\"%.1f\" fill=\"%s\" text-anchor=\"%s\"%s stroke=\"#ffffff\" "
                "stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\">",
                font->size, font->color, anchors[font->anchor],
                font->is_bold ? " font-weight=\"bold\"" : "");
    add_escaped(out, text);
    strbuf_add_string(out, "</text>\n");
}

void svg_text(struct strbuf *out, double x, double y, const struct svg_font *font, const char *text)
{
    strbuf_addf(out, "<text x=\"%.2f\" y=\"%.2f\"", x, y);
    add_text(out, font, text);
}

void svg_text_upwards(struct strbuf *out, double x, double y, const struct svg_font *font,
                      const char *text)
{
    strbuf_addf(out, "<text transform=\"translate(%.2f %.2f) rotate(-90)\"", x, y);
    add_text(out, font, text);
}
