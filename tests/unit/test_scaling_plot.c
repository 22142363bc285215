/* The picture is XML that a browser takes, whatever the runs are called, and shows what is there.
 */
#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "tests/unit/speed_sample.h"
#include "trainer/reports/plot_labels.h"
#include "trainer/reports/scaling_plot.h"

enum { ROOM = 64, DEPTH_MAX = 16, NAME_MAX_BYTES = 32 };

/* A reader of XML as far as SVG needs it: elements that nest, attributes in quotes that are there
 * once, the five entities, no character that XML 1.0 forbids. Returns why not, or NULL. */
struct xml {
    const char *at;
    char open[DEPTH_MAX][NAME_MAX_BYTES];
    int depth, roots;
};

static const char *read_entity(struct xml *xml)
{
    static const char *const known[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&apos;" };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strncmp(xml->at, known[i], strlen(known[i])) != 0)
            continue;
        xml->at += strlen(known[i]);
        return NULL;
    }
    return "an unknown entity";
}

static const char *read_character(struct xml *xml)
{
    if (*xml->at == '&')
        return read_entity(xml);
    if ((unsigned char)*xml->at < 0x20 && *xml->at != '\n')
        return "a control character";
    if (strncmp(xml->at, "\xef\xbf\xbe", 3) == 0 || strncmp(xml->at, "\xef\xbf\xbf", 3) == 0)
        return "no character";
    xml->at++;
    return NULL;
}

static void read_name(struct xml *xml, char name[NAME_MAX_BYTES])
{
    size_t length = 0;
    while (length + 1 < NAME_MAX_BYTES && (isalnum((unsigned char)*xml->at) || *xml->at == '-'))
        name[length++] = *xml->at++;
    name[length] = '\0';
}

static const char *read_attributes(struct xml *xml)
{
    char seen[1024] = " ", name[NAME_MAX_BYTES + 2] = " ";
    while (*xml->at == ' ') {
        xml->at++;
        read_name(xml, name + 1);
        strcat(name, " ");
        if (name[1] == ' ' || strstr(seen, name) || strlen(seen) > sizeof seen - 64)
            return "an attribute that has no name, or is there twice";
        strcat(seen, name + 1);
        if (strncmp(xml->at, "=\"", 2) != 0)
            return "an attribute without a value";
        for (xml->at += 2; *xml->at != '"';) {
            const char *why = *xml->at == '<' ? "'<' in a value" : read_character(xml);
            if (why)
                return why;
        }
        xml->at++;
    }
    return NULL;
}

static const char *read_tag(struct xml *xml)
{
    char name[NAME_MAX_BYTES];
    const char *why;
    xml->at++;
    if (*xml->at == '/') {
        xml->at++;
        read_name(xml, name);
        if (xml->depth == 0 || strcmp(name, xml->open[--xml->depth]) != 0 || *xml->at++ != '>')
            return "an end of what was not begun";
        return NULL;
    }
    read_name(xml, name);
    if (name[0] == '\0')
        return "an element without a name";
    xml->roots += xml->depth == 0;
    if ((why = read_attributes(xml)) != NULL)
        return why;
    if (strncmp(xml->at, "/>", 2) == 0) {
        xml->at += 2;
        return NULL;
    }
    if (*xml->at++ != '>' || xml->depth == DEPTH_MAX)
        return "a tag without an end";
    strcpy(xml->open[xml->depth++], name);
    return NULL;
}

static const char *why_not_xml(const char *text)
{
    struct xml xml = { .at = text };
    const char *why = NULL;
    while (*xml.at && !why)
        why = *xml.at == '<' ? read_tag(&xml) : read_character(&xml);
    if (!why && (xml.depth > 0 || xml.roots != 1))
        why = "not one whole element";
    return why;
}

static struct scaling_study study;
static struct strbuf picture;

static int open_study(void **state)
{
    (void)state;
    study = study_sample(ROOM);
    strbuf_init(&picture);
    return 0;
}

static int close_study(void **state)
{
    (void)state;
    scaling_study_release(&study);
    strbuf_release(&picture);
    return memory_live_blocks() == 0 ? 0 : -1;
}

static void draw(const char *name)
{
    struct scaling_series_list list;
    scaling_series_find(&study, &list);
    scaling_plot_draw(&list, name, &picture);
    scaling_series_release(&list);
    assert_null(why_not_xml(picture.bytes));
    assert_null(strstr(picture.bytes, "nan"));
    assert_null(strstr(picture.bytes, "inf"));
}

static int times(const char *text)
{
    int count = 0;
    for (const char *at = picture.bytes; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static void the_reader_of_xml_refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",           "<a>",         "<a></b>", "<a/><a/>", "<a b=\"1\" b=\"2\"/>", "<a b=\"<\"/>",
        "<a>&b;</a>", "<a>\x01</a>", "<a b/>"
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_non_null(why_not_xml(wrong[i]));
    assert_null(why_not_xml("<a b=\"1\" c=\"&lt;\">x &amp; <d/></a>\n"));
}

static void each_point_has_a_marker_and_its_efficiency(void **state)
{
    (void)state;
    study_sample_add(&study, "one", speed_sample(1, 2, 4096, 100));
    study_sample_add(&study, "two", speed_sample(2, 2, 4096, 190));
    study_sample_add(&study, "four", speed_sample(4, 2, 4096, 340));
    draw("first");
    assert_int_equal(times("Scaling: first</text>"), 1);
    assert_int_equal(times(">one: 100 tokens/s on 2 cores<"), 1);
    assert_int_equal(times(">four: 340 tokens/s on 8 cores<"), 1);
    assert_int_equal(times(">100 %<"), 1);
    assert_int_equal(times(">95 %<"), 1);
    assert_int_equal(times(">85 %<"), 1);
    assert_int_equal(times(">strong scaling: 4096 tokens a step, 2 threads a rank</text>"), 1);
    assert_int_equal(times("stroke-dasharray"), 1 + 1); /* the ideal, and what it means */
}

/* Two points at the ends of the ideal line: it goes from the one to the other. */
static void an_ideal_run_lies_on_its_ideal_line(void **state)
{
    (void)state;
    double x1, y1, x2, y2, ends[4];
    study_sample_add(&study, "one", speed_sample(1, 1, 4096, 100));
    study_sample_add(&study, "eight", speed_sample(8, 1, 4096, 800));
    draw("ideal");
    const char *dashed = strstr(picture.bytes, "stroke-dasharray");
    const char *line = strstr(picture.bytes, "<line");
    for (const char *next; (next = strstr(line + 1, "<line")) != NULL && next < dashed;)
        line = next;
    assert_int_equal(
        sscanf(line, "<line x1=\"%lf\" y1=\"%lf\" x2=\"%lf\" y2=\"%lf\"", &x1, &y1, &x2, &y2), 4);
    const char *points =
        strstr(strstr(picture.bytes, "stroke=\"#0072b2\" stroke-width=\"2.00\""), "points=");
    assert_int_equal(
        sscanf(points, "points=\"%lf,%lf %lf,%lf\"", &ends[0], &ends[1], &ends[2], &ends[3]), 4);
    assert_true(x1 == ends[0] && y1 == ends[1] && x2 == ends[2] && y2 == ends[3]);
    assert_true(x1 < x2 && y1 > y2);
}

static void hostile_names_stay_text(void **state)
{
    (void)state;
    struct speed_record speed = speed_sample(2, 1, 4096, 190);
    strcpy(speed.cpu, "<script>&\xef\xbf\xbf\"");
    study_sample_add(&study, "</svg>&\xef\xbf\xbe", speed);
    study_sample_add(&study, "one", speed_sample(1, 1, 4096, 100));
    draw("<&>");
    assert_int_equal(times("<script"), 0);
    assert_int_equal(times("Scaling: &lt;&amp;&gt;"), 2);
    assert_int_equal(times("</svg>"), 1);
}

static void one_point_and_sizes_of_all_kinds_can_be_drawn(void **state)
{
    (void)state;
    study_sample_add(&study, "alone", speed_sample(3, 1, 4096, 1e-9));
    draw("alone");
    assert_int_equal(times(">in no series</text>"), 1);
    assert_int_equal(times(" %<"), 0);
    strbuf_reset(&picture);
    study_sample_add(&study, "huge", speed_sample(INT32_MAX, 1, 4096, 1e30));
    draw("huge");
    assert_true(times("<line") < 40);
}

static void labels_do_not_cover_each_other(void **state)
{
    (void)state;
    enum { LABELS = 100 };
    struct plot_labels labels;
    struct plot_box places[LABELS];
    int placed = 0;
    plot_labels_init(&labels, (struct plot_box){ 0, 0, 400, 300 });
    for (int i = 0; i < LABELS; i++)
        placed += plot_labels_place(&labels, 200, 150, 30, 15, (enum plot_corner)(i % PLOT_CORNERS),
                                    &places[placed]);
    assert_int_equal(placed, 12); /* three rows in each of four corners */
    for (int i = 0; i < placed; i++)
        for (int j = 0; j < i; j++)
            assert_true(places[i].right <= places[j].left || places[j].right <= places[i].left ||
                        places[i].bottom <= places[j].top || places[j].bottom <= places[i].top);
    plot_labels_release(&labels);
}

static void labels_stay_in_the_frame(void **state)
{
    (void)state;
    struct plot_labels labels;
    struct plot_box place;
    plot_labels_init(&labels, (struct plot_box){ 0, 0, 100, 100 });
    assert_true(plot_labels_place(&labels, 99, 99, 30, 15, BELOW_RIGHT, &place));
    assert_true(place.right <= 99 && place.bottom <= 99);
    assert_false(plot_labels_place(&labels, 50, 50, 101, 15, BELOW_RIGHT, &place));
    plot_labels_release(&labels);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, open_study, close_study)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reader_of_xml_refuses_what_is_none),
        CASE(each_point_has_a_marker_and_its_efficiency),
        CASE(an_ideal_run_lies_on_its_ideal_line),
        CASE(hostile_names_stay_text),
        CASE(one_point_and_sizes_of_all_kinds_can_be_drawn),
        cmocka_unit_test(labels_do_not_cover_each_other),
        cmocka_unit_test(labels_stay_in_the_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
