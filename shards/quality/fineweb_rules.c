/* FineWeb's own rules (Penedo et al. 2024, arXiv 2406.17557, section 3.6). */
#include "shards/quality/quality_measures.h"
#include "shards/quality/text_hash.h"

enum { SHORT_LINE = 30 /* characters */ };

static size_t count_lines(struct text_span text)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.length; i++)
        lines += text.start[i] == '\n';
    return lines;
}

void fineweb_measure(struct id_table *table, struct text_span text, double values[QUALITY_RULES])
{
    struct text_span rest = text, line;
    size_t lines = 0, punctuated = 0, are_short = 0, repeated_characters = 0;
    const size_t all_lines = count_lines(text);
    const size_t characters = text_count_characters(text.start, text.length) - (all_lines - 1);

    id_table_begin(table, all_lines);
    while (text_next_line(&rest, &line)) {
        if (text_strip(line).length == 0)
            continue;
        const size_t length = text_count_characters(line.start, line.length);
        lines++;
        punctuated += text_is_terminal(text_character_before(line.start, line.length).code);
        are_short += length <= SHORT_LINE;
        const uint32_t count = table->count;
        if (id_table_add(table, text_hash(line.start, line.length)) < count)
            repeated_characters += length;
    }
    values[FINEWEB_LINE_PUNCTUATION] = quality_fraction(punctuated, lines);
    values[FINEWEB_SHORT_LINES] = quality_fraction(are_short, lines);
    values[FINEWEB_DUPLICATE_CHARACTERS] = quality_fraction(repeated_characters, characters);
}
