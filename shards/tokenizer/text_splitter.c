#include "shards/tokenizer/text_splitter.h"

#include <string.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "shards/tokenizer/unicode_class.h"

/* Stands in for a byte that is not UTF-8 while the rule looks: a symbol, of one byte. */
#define STAND_IN '#'

/* Where the piece that begins at `at`, before `end`, ends. */
typedef const unsigned char *piece_end(const unsigned char *at, const unsigned char *end);

struct text_splitter {
    piece_end *piece_end;
    const char *text;
    const unsigned char *seen; /* what the rule sees: `text`, or `repaired` */
    size_t at, length;
    struct strbuf repaired;
};

/* ---- characters ---- */

/* The class and the length of the character at `at`. */
static inline enum unicode_class class_at(const unsigned char *at, int *length)
{
    if (at[0] < 0x80) {
        *length = 1;
        return (enum unicode_class)unicode_classes[at[0]];
    }
    if (at[0] < 0xe0) {
        *length = 2;
        return unicode_class_of((at[0] & 0x1fu) << 6 | (at[1] & 0x3fu));
    }
    if (at[0] < 0xf0) {
        *length = 3;
        return unicode_class_of((at[0] & 0xfu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu));
    }
    *length = 4;
    return unicode_class_of((at[0] & 7u) << 18 | (at[1] & 0x3fu) << 12 | (at[2] & 0x3fu) << 6 |
                            (at[3] & 0x3fu));
}

static inline bool is_class(const unsigned char *at, const unsigned char *end,
                            enum unicode_class class)
{
    int length;
    return at < end && class_at(at, &length) == class;
}

static inline const unsigned char *run_end(const unsigned char *at, const unsigned char *end,
                                           enum unicode_class class)
{
    int length;
    while (at < end && class_at(at, &length) == class)
        at += length;
    return at;
}

static inline bool is_line_end(unsigned char byte)
{
    return byte == '\r' || byte == '\n';
}

/* ---- what the rules share ---- */

/* Bytes of 's, 't, 'd, 'm, 'll, 've, 're at the apostrophe `at`, or 0. */
static int contraction(const unsigned char *at, const unsigned char *end)
{
    if (end - at < 2)
        return 0;
    switch (at[1]) {
    case 's':
    case 't':
    case 'd':
    case 'm':
        return 2;
    case 'l':
        return end - at > 2 && at[2] == 'l' ? 3 : 0;
    case 'v':
    case 'r':
        return end - at > 2 && at[2] == 'e' ? 3 : 0;
    default:
        return 0;
    }
}

/* The same in either case; by Unicode's folding U+017F, the long s, is an s too. */
static int contraction_of_either_case(const unsigned char *at, const unsigned char *end)
{
    unsigned char lower[3] = { '\'' };
    ptrdiff_t seen = end - at < 3 ? end - at : 3;
    if (seen == 3 && at[1] == 0xc5 && at[2] == 0xbf)
        return 3;
    for (ptrdiff_t i = 1; i < seen; i++)
        lower[i] = at[i] >= 'A' && at[i] <= 'Z' ? at[i] | 0x20 : at[i];
    return contraction(lower, lower + seen);
}

/* \s+(?!\S)|\s+ : white space without its last character, which goes with what follows. */
static const unsigned char *spaces_before_last(const unsigned char *at, const unsigned char *run,
                                               const unsigned char *end)
{
    if (run == end)
        return run;
    const unsigned char *last = run - 1;
    while ((*last & 0xc0) == 0x80)
        last--;
    return last > at ? last : run;
}

/* ---- the rules ---- */

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static const unsigned char *gpt2_end(const unsigned char *at, const unsigned char *end)
{
    const unsigned char *from = at + (*at == ' ');
    int length;
    if (from == end)
        return end;
    enum unicode_class class = class_at(from, &length);
    if (class == UNICODE_SPACE)
        return spaces_before_last(at, run_end(at, end, UNICODE_SPACE), end);
    if (*at == '\'') {
        int taken = contraction(at, end);
        if (taken > 0)
            return at + taken;
    }
    return run_end(from + length, end, class);
}

static const unsigned char *three_numbers_end(const unsigned char *at, const unsigned char *end)
{
    int length;
    for (int i = 0; i < 3 && at < end && class_at(at, &length) == UNICODE_NUMBER; i++)
        at += length;
    return at;
}

/* \s*[\r\n]+|\s+(?!\S)|\s+ , with \s+$ before it where `whole_at_end`. */
static inline const unsigned char *spaces_with_lines_end(const unsigned char *at,
                                                         const unsigned char *end,
                                                         bool whole_at_end)
{
    const unsigned char *run = run_end(at, end, UNICODE_SPACE);
    if (run == end && whole_at_end)
        return end;
    for (const unsigned char *back = run; back > at; back--)
        if (is_line_end(back[-1]))
            return back;
    return spaces_before_last(at, run, end);
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*
 * and white space */
static inline const unsigned char *cl100k_or_llama3_end(const unsigned char *at,
                                                        const unsigned char *end, bool whole_at_end)
{
    int length;
    enum unicode_class class = class_at(at, &length);
    if (class == UNICODE_LETTER)
        return run_end(at + length, end, UNICODE_LETTER);
    if (class == UNICODE_NUMBER)
        return three_numbers_end(at, end);
    if (*at == '\'') {
        int taken = contraction_of_either_case(at, end);
        if (taken > 0)
            return at + taken;
    }
    if (!is_line_end(*at) && is_class(at + length, end, UNICODE_LETTER))
        return run_end(at + length, end, UNICODE_LETTER);

    const unsigned char *from = at + (*at == ' ');
    const unsigned char *symbols = run_end(from, end, UNICODE_SYMBOL);
    if (symbols == from)
        return spaces_with_lines_end(at, end, whole_at_end);
    while (symbols < end && is_line_end(*symbols))
        symbols++;
    return symbols;
}

static const unsigned char *cl100k_end(const unsigned char *at, const unsigned char *end)
{
    return cl100k_or_llama3_end(at, end, true);
}

static const unsigned char *llama3_end(const unsigned char *at, const unsigned char *end)
{
    return cl100k_or_llama3_end(at, end, false);
}

/* ---- the text ---- */

struct text_splitter *text_splitter_create(enum splitting_rule rule)
{
    static piece_end *const ends[SPLITTING_COUNT] = { gpt2_end, cl100k_end, llama3_end };
    struct text_splitter *splitter = memory_alloc_zeroed(1, sizeof *splitter);
    splitter->piece_end = ends[rule];
    strbuf_init(&splitter->repaired);
    unicode_classes_init();
    return splitter;
}

void text_splitter_free(struct text_splitter *splitter)
{
    if (!splitter)
        return;
    strbuf_release(&splitter->repaired);
    memory_free(splitter);
}

/* A copy of the text with each byte that is not UTF-8 replaced. */
static void repair(struct text_splitter *splitter, size_t valid)
{
    strbuf_reset(&splitter->repaired);
    strbuf_add(&splitter->repaired, splitter->text, splitter->length);
    char *copy = splitter->repaired.bytes;
    while (valid < splitter->length) {
        copy[valid++] = STAND_IN;
        valid += utf8_valid_bytes(copy + valid, splitter->length - valid);
    }
    splitter->seen = (const unsigned char *)copy;
}

void text_splitter_begin_utf8(struct text_splitter *splitter, const char *text, size_t length)
{
    splitter->text = text;
    splitter->seen = (const unsigned char *)text;
    splitter->length = length;
    splitter->at = 0;
}

void text_splitter_begin(struct text_splitter *splitter, const char *text, size_t length)
{
    size_t valid = utf8_valid_bytes(text, length);
    text_splitter_begin_utf8(splitter, text, length);
    if (valid < length)
        repair(splitter, valid);
}

bool text_splitter_next(struct text_splitter *splitter, const char **piece, size_t *length)
{
    if (splitter->at == splitter->length)
        return false;
    const unsigned char *at = splitter->seen + splitter->at;
    *piece = splitter->text + splitter->at;
    *length = (size_t)(splitter->piece_end(at, splitter->seen + splitter->length) - at);
    splitter->at += *length;
    return true;
}
