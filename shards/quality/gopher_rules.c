/* Gopher's rules of quality (Rae et al. 2021, arXiv 2112.11446, appendix A.1.1). */
#include "shards/quality/quality_measures.h"
#include "shards/quality/word_scanner.h"

struct word_counts {
    size_t words;
    size_t real, real_characters; /* words that are more than punctuation */
    size_t alphabetic;            /* words with a letter */
    unsigned stop_words;          /* a bit for each that was seen */
};

/* The bit of a stop word, or 0. Of two to four letters: compared as one number. */
static unsigned stop_word_bit(const struct text_word *word)
{
    static const char stop_words[8][4] = {
        "the", "be", "to", "of", "and", "that", "have", "with", /* without a NUL */
    };
    char letters[4] = { 0 };
    uint32_t given, stop;
    if (word->length < 2 || word->length > 4)
        return 0;
    memcpy(letters, word->start, 2);
    memcpy(letters + word->length - 2, word->start + word->length - 2, 2);
    memcpy(&given, letters, sizeof given);
    unsigned bits = 0;
    for (unsigned i = 0; i < 8; i++) {
        memcpy(&stop, stop_words[i], sizeof stop);
        bits |= (unsigned)(given == stop) << i;
    }
    return bits;
}

static struct word_counts count_words(struct text_span text)
{
    struct word_counts counts = { 0 };
    struct word_scanner scanner;
    struct text_word word;
    word_scanner_begin(&scanner, text.start, text.length);
    while (word_scanner_next(&scanner, &word)) {
        const bool is_real = (word.classes & ~(unsigned)TEXT_PUNCTUATION) != 0;
        counts.words++;
        counts.real += is_real;
        counts.real_characters += is_real ? word.characters : 0;
        counts.alphabetic += (word.classes & TEXT_LETTER) != 0;
        counts.stop_words |= stop_word_bit(&word);
    }
    return counts;
}

static size_t count_hashes(struct text_span text)
{
    size_t count = 0;
    const char *at = text.start, *end = text.start + text.length;
    for (; at < end && (at = memchr(at, '#', (size_t)(end - at))); at++)
        count++;
    return count;
}

/* Three dots in a row, taken from the left, and the character. */
static size_t count_ellipses(struct text_span text)
{
    size_t count = 0;
    const char *at = text.start, *end = text.start + text.length;
    while (at < end && (at = memchr(at, '.', (size_t)(end - at)))) {
        const bool is_ellipsis = end - at >= 3 && at[1] == '.' && at[2] == '.';
        count += is_ellipsis;
        at += is_ellipsis ? 3 : 1;
    }
    at = text.start;
    while (at < end && (at = memchr(at, 0xe2, (size_t)(end - at)))) {
        count += end - at >= 3 && memcmp(at, "\u2026", 3) == 0;
        at++;
    }
    return count;
}

static void measure_lines(struct text_span text, double *values)
{
    struct text_span line;
    size_t lines = 0, bullets = 0, ellipses = 0;
    while (text_next_line(&text, &line)) {
        line = text_strip(line);
        lines++;
        bullets += text_starts_with(line, "-") || text_starts_with(line, "\u2022");
        ellipses += text_ends_with(line, "...") || text_ends_with(line, "\u2026");
    }
    values[GOPHER_MAX_BULLET_LINES] = quality_fraction(bullets, lines);
    values[GOPHER_MAX_ELLIPSIS_LINES] = quality_fraction(ellipses, lines);
}

void gopher_measure(struct text_span text, double values[QUALITY_RULES])
{
    const struct word_counts counts = count_words(text);
    values[GOPHER_MIN_WORDS] = values[GOPHER_MAX_WORDS] = (double)counts.real;
    values[GOPHER_MIN_WORD_LENGTH] = values[GOPHER_MAX_WORD_LENGTH] =
        quality_fraction(counts.real_characters, counts.real);
    values[GOPHER_MAX_HASHES] = quality_fraction(count_hashes(text), counts.words);
    values[GOPHER_MAX_ELLIPSES] = quality_fraction(count_ellipses(text), counts.words);
    values[GOPHER_MIN_ALPHABETIC] = quality_fraction(counts.alphabetic, counts.words);
    values[GOPHER_MIN_STOP_WORDS] = __builtin_popcount(counts.stop_words);
    measure_lines(text, values);
}
