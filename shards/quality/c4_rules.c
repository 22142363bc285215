/* C4's rules (Raffel et al. 2020, JMLR 21, section 2.2, and c4_utils.py of TensorFlow Datasets):
 * lines are dropped, then the document is judged by what is left. */
#include <endian.h>

#include "shards/quality/quality_measures.h"

static bool starts_with_any_case(const char *at, const char *phrase)
{
    for (; *phrase; phrase++, at++)
        if ((*at >= 'A' && *at <= 'Z' ? *at | 0x20 : *at) != *phrase)
            return false;
    return true;
}

/* Whether the line has the phrase, in any case of ASCII. Four bytes of it that are rare in text,
 * at `rare`, are looked for in a loop that compilers turn into vectors. */
static bool has_phrase(struct text_span line, const char *phrase, size_t rare)
{
    const size_t length = strlen(phrase);
    if (line.length < length)
        return false;
    const char *at = line.start + rare;
    const char a = phrase[rare], b = phrase[rare + 1], c = phrase[rare + 2], d = phrase[rare + 3];
    const size_t places = line.length - length + 1;
    unsigned char found = 0;
    for (size_t i = 0; i < places; i++)
        found |= ((at[i] | 0x20) == a) & ((at[i + 1] | 0x20) == b) & ((at[i + 2] | 0x20) == c) &
                 ((at[i + 3] | 0x20) == d);
    for (size_t i = 0; found && i < places; i++)
        if (starts_with_any_case(line.start + i, phrase))
            return true;
    return false;
}

static bool speaks_of_policy(struct text_span line)
{
    if (has_phrase(line, "terms of use", 7) || has_phrase(line, "privacy policy", 3))
        return true;
    return has_phrase(line, "cookie", 0) &&
           (has_phrase(line, "cookie policy", 1) || has_phrase(line, "uses cookies", 6) ||
            has_phrase(line, "use of cookies", 8) || has_phrase(line, "use cookies", 5));
}

/* The bytes of "[12]", "[]", "[edit]" or "[citation needed]" at text[0], or 0. */
static size_t citation_length(const char *text, size_t left)
{
    static const char *const notes[] = { "[edit]", "[citation needed]" };
    size_t digits = 1;
    while (digits < left && text[digits] >= '0' && text[digits] <= '9')
        digits++;
    if (digits < left && text[digits] == ']')
        return digits + 1;
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if (text_starts_with((struct text_span){ text, left }, notes[i]))
            return strlen(notes[i]);
    return 0;
}

/* Moves the line's bytes together over its citations; returns what is left of its length. */
static size_t drop_citations(char *line, size_t length)
{
    size_t kept = 0;
    const char *first = memchr(line, '[', length);
    if (!first)
        return length;
    for (size_t at = kept = (size_t)(first - line); at < length;) {
        const size_t citation = line[at] == '[' ? citation_length(line + at, length - at) : 0;
        if (citation == 0)
            line[kept++] = line[at++];
        at += citation;
    }
    return kept;
}

static bool ends_well(struct text_span line)
{
    return line.length > 0 && strchr(".?!\"'", line.start[line.length - 1]) &&
           line.start[line.length - 1] && !text_ends_with(line, "...");
}

/* White space at `at`: its bytes, or 0. */
static size_t space_length(const char *at, size_t left)
{
    if (!(*at & 0x80))
        return (text_ascii_class[(unsigned char)*at] & TEXT_SPACE) != 0;
    const struct text_character character = text_character_at(at, left);
    return character.classes & TEXT_SPACE ? character.bytes : 0;
}

/* Eight bytes that are printable ASCII, or spaces: whether, and the words that begin in them. */
static bool count_plain_words(const char *text, bool *after_space, size_t *words)
{
    static const uint64_t each = 0x0101010101010101u;
    uint64_t bytes;
    memcpy(&bytes, text, sizeof bytes);
    bytes = le64toh(bytes);
    const uint64_t printable = (bytes + each * 0x60) & ~bytes & each * 0x80; /* 0x20 and more */
    if (printable != each * 0x80)
        return false;
    const uint64_t letters = (bytes + each * 0x5f) & each * 0x80; /* 0x21 and more */
    const uint64_t spaces = letters ^ each * 0x80;
    *words += (size_t)__builtin_popcountll(letters & (spaces << 8 | (uint64_t)*after_space << 7));
    *after_space = spaces >> 63;
    return true;
}

static size_t count_line_words(struct text_span line)
{
    size_t words = 0, at = 0;
    bool after_space = true;
    while (at < line.length) {
        const char *text = line.start + at;
        if (line.length - at >= 8 && count_plain_words(text, &after_space, &words)) {
            at += 8;
            continue;
        }
        const size_t space = space_length(text, line.length - at);
        words += after_space && space == 0;
        after_space = space > 0;
        at += space > 0 ? space : 1;
    }
    return words;
}

/* Characters of the longest word. */
static size_t longest_word(struct text_span line)
{
    size_t longest = 0;
    for (size_t at = 0, space = 0; at < line.length; at += space) {
        const size_t start = at;
        while (at < line.length && (space = space_length(line.start + at, line.length - at)) == 0)
            at++;
        const size_t length = text_count_characters(line.start + start, at - start);
        longest = length > longest ? length : longest;
    }
    return longest;
}

static bool is_small(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_closing(struct text_character character)
{
    return (character.classes & (TEXT_PUNCTUATION | TEXT_SYMBOL)) != 0;
}

/* Where the word after a full stop at line[at] starts, or `length`; 0 where it ends no sentence: in
 * a number, a name, an abbreviation, or among other dots. */
static size_t next_sentence(const char *line, size_t at, size_t length)
{
    size_t after = at + 1;
    if (line[at] == '.') {
        const char before = at > 0 ? line[at - 1] : ' ', earlier = at > 1 ? line[at - 2] : ' ';
        if (before == '.' || (after < length && line[after] == '.'))
            return 0;
        if ((is_capital(before) && !is_capital(earlier)) || (is_small(before) && earlier == '.'))
            return 0;
    }
    bool parted = line[at] & 0x80 || (line[at] == '.' && at > 0 && is_small(line[at - 1]) &&
                                      after < length && is_capital(line[after]));
    while (after < length) {
        const struct text_character next = text_character_at(line + after, length - after);
        parted |= (next.classes & TEXT_SPACE) != 0;
        if (!is_closing(next) && !(next.classes & TEXT_SPACE))
            return parted ? after : 0;
        after += next.bytes;
    }
    return length;
}

static size_t count_sentences(struct text_span line)
{
    /* Full stop, question and exclamation mark; and what other terminals begin with. */
    static const bool may_end[256] = {
        ['.'] = true,
        ['?'] = true,
        ['!'] = true,
        [0xd6 ... 0xf4] = true,
    };
    size_t sentences = line.length > 0;
    for (size_t at = 0; at < line.length;) {
        if (!may_end[(unsigned char)line.start[at]]) {
            at++;
            continue;
        }
        const struct text_character character =
            text_character_at(line.start + at, line.length - at);
        size_t next = 0;
        if (text_is_terminal(character.code))
            next = next_sentence(line.start, at + character.bytes - 1, line.length);
        sentences += next > 0 && next < line.length;
        at = next > 0 ? next : at + character.bytes;
    }
    return sentences;
}

struct c4_lines {
    const struct quality_rules *rules;
    bool lorem_ipsum, curly_bracket;
    size_t sentences;
};

/* Whether to keep the line, which is at `bytes` and loses its citations there; takes what it says
 * of the document. */
static bool judge_line(struct c4_lines *lines, char *bytes, struct text_span *line)
{
    const struct quality_rules *rules = lines->rules;
    size_t words = 0;
    const bool cites = rules->is_on[C4_CITATIONS] && memchr(bytes, '[', line->length);
    if (rules->is_on[C4_LINE_PUNCTUATION] && !cites && !ends_well(*line))
        return false;
    if (quality_rule_rejects(rules, C4_LINE_WORD_LENGTH, (double)line->length) &&
        quality_rule_rejects(rules, C4_LINE_WORD_LENGTH, (double)longest_word(*line)))
        return false;
    if (rules->is_on[C4_LINE_WORDS])
        words = count_line_words(*line);
    if (cites)
        line->length = drop_citations(bytes, line->length);
    if (rules->is_on[C4_LINE_PUNCTUATION] && cites && !ends_well(*line))
        return false;
    if (quality_rule_rejects(rules, C4_LINE_WORDS, (double)words))
        return false;
    if (rules->is_on[C4_LOREM_IPSUM] && has_phrase(*line, "lorem ipsum", 4))
        lines->lorem_ipsum = true;
    if (rules->is_on[C4_JAVASCRIPT] && has_phrase(*line, "javascript", 0))
        return false;
    if (memchr(line->start, '{', line->length))
        lines->curly_bracket = true;
    if (rules->is_on[C4_POLICY] && speaks_of_policy(*line))
        return false;
    if (rules->is_on[C4_SENTENCES])
        lines->sentences += count_sentences(*line);
    return true;
}

void c4_measure(const struct quality_rules *rules, struct strbuf *text,
                double values[QUALITY_RULES])
{
    const bool mends = quality_rules_any(rules, C4_FIRST, C4_FIRST_VERDICT);
    struct c4_lines lines = { .rules = rules };
    struct text_span rest = { text->bytes, text->length }, line;
    size_t kept = 0;
    while (text_next_line(&rest, &line)) {
        line = text_strip(line);
        char *bytes = text->bytes + (line.start - text->bytes);
        if (!judge_line(&lines, bytes, &line) || !mends)
            continue;
        if (kept > 0)
            text->bytes[kept++] = '\n';
        memmove(text->bytes + kept, bytes, line.length);
        kept += line.length;
    }
    if (mends) {
        text->length = kept;
        if (text->capacity > 0)
            text->bytes[kept] = '\0';
    }
    values[C4_LOREM_IPSUM] = lines.lorem_ipsum;
    values[C4_CURLY_BRACKET] = lines.curly_bracket;
    values[C4_SENTENCES] = (double)lines.sentences;
}
