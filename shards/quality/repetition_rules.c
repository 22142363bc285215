/* Gopher's rules of repetition (Rae et al. 2021, arXiv 2112.11446, table A1).
 *
 * An n-gram can only stand in a text twice if its first n-1 words do, and its last.
 * So from one n to the next, only the places are looked at where an n-gram stands
 * that stands elsewhere too, and few are left soon. Its number and that of its
 * neighbour name the (n+1)-gram exactly.
 */
#include "base/memory.h"
#include "shards/quality/quality_measures.h"
#include "shards/quality/text_hash.h"
#include "shards/quality/word_scanner.h"

#define NONE UINT32_MAX /* the n-gram stands nowhere else */
#define SEEN 0x80000000u

enum { TOP_MOST = 4, DUPLICATE_LEAST = 5, DUPLICATE_MOST = 10 };

void repetition_init(struct repetition *repetition)
{
    *repetition = (struct repetition){ 0 };
    id_table_init(&repetition->table);
}

void repetition_release(struct repetition *repetition)
{
    id_table_release(&repetition->table);
    memory_free(repetition->hashes);
    memory_free(repetition->ids);
    memory_free(repetition->ends);
    memory_free(repetition->places);
    memory_free(repetition->counts);
    *repetition = (struct repetition){ 0 };
}

static void reserve(struct repetition *scratch)
{
    if (scratch->words < scratch->capacity)
        return;
    const size_t capacity = scratch->capacity ? 2 * scratch->capacity : 1024;
    scratch->hashes = memory_realloc(scratch->hashes, capacity * sizeof *scratch->hashes);
    scratch->ends = memory_realloc(scratch->ends, (capacity + 1) * sizeof *scratch->ends);
    scratch->ids = memory_realloc(scratch->ids, capacity * sizeof *scratch->ids);
    scratch->places = memory_realloc(scratch->places, capacity * sizeof *scratch->places);
    scratch->counts = memory_realloc(scratch->counts, capacity * sizeof *scratch->counts);
    scratch->capacity = capacity;
}

static void read_words(struct repetition *scratch, struct text_span text)
{
    struct word_scanner scanner;
    struct text_word word;
    scratch->words = 0;
    reserve(scratch);
    scratch->ends[0] = 0;
    word_scanner_begin(&scanner, text.start, text.length);
    for (; word_scanner_next(&scanner, &word); scratch->words++) {
        reserve(scratch);
        scratch->hashes[scratch->words] = text_hash(word.start, word.length);
        scratch->ends[scratch->words + 1] =
            scratch->ends[scratch->words] + (uint32_t)word.characters;
    }
}

/* Numbers the words. Returns how many places have one that stands elsewhere too: places[]. */
static size_t find_repeated_words(struct repetition *scratch)
{
    size_t kept = 0;
    id_table_begin(&scratch->table, scratch->words);
    memset(scratch->counts, 0, scratch->words * sizeof *scratch->counts);
    for (size_t i = 0; i < scratch->words; i++) {
        scratch->ids[i] = id_table_add(&scratch->table, scratch->hashes[i]);
        scratch->counts[scratch->ids[i]]++;
    }
    for (size_t i = 0; i < scratch->words; i++) {
        if (scratch->counts[scratch->ids[i]] > 1)
            scratch->places[kept++] = (uint32_t)i;
        else
            scratch->ids[i] = NONE;
    }
    return kept;
}

/* The same for n-grams, from the `count` places of repeated (n-1)-grams. */
static size_t find_repeated_ngrams(struct repetition *scratch, size_t count, size_t n)
{
    size_t candidates = 0, kept = 0;
    uint32_t *ids = scratch->ids, *places = scratch->places, *counts = scratch->counts;
    id_table_begin(&scratch->table, count);
    memset(counts, 0, count * sizeof *counts);
    for (size_t k = 0; k < count; k++) { /* ascending: ids[i + 1] is of an (n-1)-gram still */
        const uint32_t i = places[k];
        if (i + n > scratch->words || ids[i + 1] == NONE) {
            ids[i] = NONE;
            continue;
        }
        const uint64_t pair = (uint64_t)ids[i] << 32 | ids[i + 1];
        ids[i] = id_table_add(&scratch->table, text_hash_mixed(pair));
        counts[ids[i]]++;
        places[candidates++] = i;
    }
    for (size_t k = 0; k < candidates; k++) {
        const uint32_t i = places[k];
        if (counts[ids[i]] > 1)
            places[kept++] = i;
        else
            ids[i] = NONE;
    }
    return kept;
}

static size_t characters_of(const struct repetition *scratch, size_t first, size_t n)
{
    return scratch->ends[first + n] - scratch->ends[first];
}

/* Characters in the n-gram that stands there most often, the first of those; with spaces. */
static size_t top_characters(const struct repetition *scratch, size_t count, size_t n)
{
    size_t most = 1, first = 0;
    if (scratch->words < n)
        return 0;
    for (size_t k = 0; k < count; k++) {
        const uint32_t i = scratch->places[k];
        if (scratch->counts[scratch->ids[i]] > most) {
            most = scratch->counts[scratch->ids[i]];
            first = i;
        }
    }
    return most * (characters_of(scratch, first, n) + n - 1);
}

/* Characters in n-grams that stood before, counted from the left without overlaps. */
static size_t duplicate_characters(struct repetition *scratch, size_t count, size_t n)
{
    size_t characters = 0, next = 0;
    for (size_t k = 0; k < count; k++) {
        const uint32_t i = scratch->places[k];
        uint32_t *seen = &scratch->counts[scratch->ids[i]];
        if (i < next)
            continue;
        if (*seen & SEEN) {
            characters += characters_of(scratch, i, n);
            next = i + n;
        }
        *seen |= SEEN;
    }
    return characters;
}

static void measure_ngrams(struct repetition *scratch, struct text_span text, size_t characters,
                           double *values)
{
    read_words(scratch, text);
    size_t count = find_repeated_words(scratch);
    for (size_t n = 2; n <= DUPLICATE_MOST; n++) {
        count = find_repeated_ngrams(scratch, count, n);
        if (n <= TOP_MOST)
            values[GOPHER_TOP_2_GRAM + n - 2] =
                quality_fraction(top_characters(scratch, count, n), characters);
        if (n >= DUPLICATE_LEAST)
            values[GOPHER_DUPLICATE_5_GRAMS + n - DUPLICATE_LEAST] =
                quality_fraction(duplicate_characters(scratch, count, n), characters);
    }
}

/* Takes what stands before the next `newlines` or more, from `rest`; false after the last. */
static bool next_part(struct text_span *rest, size_t newlines, struct text_span *part)
{
    if (!rest->start)
        return false;
    const char *at = rest->start, *end = rest->start + rest->length;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        const char *after = at;
        while (after < end && *after == '\n')
            after++;
        if ((size_t)(after - at) >= newlines) {
            *part = (struct text_span){ rest->start, (size_t)(at - rest->start) };
            *rest = (struct text_span){ after, (size_t)(end - after) };
            return true;
        }
        at = after;
    }
    *part = *rest;
    rest->start = NULL;
    return true;
}

/* The fraction of parts that stood before, and that of the characters in them. */
static void measure_parts(struct id_table *table, struct text_span text, size_t newlines,
                          size_t characters, double *fraction, double *character_fraction)
{
    struct text_span rest = text, part;
    size_t parts = 0, repeated = 0, repeated_characters = 0;
    while (next_part(&rest, newlines, &part))
        parts++;
    id_table_begin(table, parts);
    rest = text;
    while (next_part(&rest, newlines, &part)) {
        const uint32_t count = table->count;
        if (id_table_add(table, text_hash(part.start, part.length)) == count)
            continue;
        repeated++;
        repeated_characters += text_count_characters(part.start, part.length);
    }
    *fraction = quality_fraction(repeated, parts);
    *character_fraction = quality_fraction(repeated_characters, characters);
}

void repetition_measure(struct repetition *repetition, struct text_span text,
                        double values[QUALITY_RULES])
{
    const size_t characters = text_count_characters(text.start, text.length);
    measure_parts(&repetition->table, text_strip(text), 2, characters,
                  &values[GOPHER_DUPLICATE_PARAGRAPHS],
                  &values[GOPHER_DUPLICATE_PARAGRAPH_CHARACTERS]);
    measure_parts(&repetition->table, text, 1, characters, &values[GOPHER_DUPLICATE_LINES],
                  &values[GOPHER_DUPLICATE_LINE_CHARACTERS]);
    measure_ngrams(repetition, text, characters, values);
}
