#include "shards/quality/bad_words.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "shards/tokenizer/text_character.h"
#include "shards/quality/text_hash.h"

enum { MOST_BYTES = 1 << 24, LONGEST = 16 /* words of a phrase */ };

struct bad_words {
    uint64_t *hashes; /* [count], of phrases, ascending */
    size_t count, longest;
    char digest[SHA256_HEX];
};

static const uint64_t base = 0x9fb21c651e98df25u; /* of the hash of a phrase, a polynomial */

/* The hash of the next word at *at, or false at the end of the text. */
static bool next_word(const char *text, size_t length, size_t *at, uint64_t *hash)
{
    bool began = false;
    *hash = 0;
    while (*at < length) {
        const struct text_character character = text_character_at(text + *at, length - *at);
        const bool is_word = (character.classes & (TEXT_LETTER | TEXT_DIGIT)) != 0;
        if (began && (!is_word || character.classes & TEXT_IDEOGRAPH))
            return true;
        *at += character.bytes;
        if (!is_word)
            continue;
        *hash = text_hash_mixed(*hash ^ text_lower(character.code));
        if (character.classes & TEXT_IDEOGRAPH)
            return true;
        began = true;
    }
    return began;
}

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static bool is_listed(const struct bad_words *words, uint64_t hash)
{
    return bsearch(&hash, words->hashes, words->count, sizeof hash, compare_hashes) != NULL;
}

static enum status add_line(struct bad_words *words, const char *line, size_t length,
                            const char *path)
{
    uint64_t phrase = 0, hash;
    size_t count = 0, at = 0;
    while (next_word(line, length, &at, &hash)) {
        phrase = phrase * base + hash;
        if (++count > LONGEST)
            return bad_input("a phrase in '%s' has more than %d words", path, LONGEST);
    }
    if (count == 0)
        return STATUS_OK;
    words->hashes[words->count++] = phrase;
    if (count > words->longest)
        words->longest = count;
    return STATUS_OK;
}

static enum status add_lines(struct bad_words *words, const struct strbuf *text, const char *path)
{
    size_t lines = 1;
    for (size_t i = 0; i < text->length; i++)
        lines += text->bytes[i] == '\n';
    words->hashes = memory_alloc_zeroed(lines, sizeof *words->hashes);
    for (size_t at = 0, end; at < text->length; at = end + 1) {
        const char *newline = memchr(text->bytes + at, '\n', text->length - at);
        end = newline ? (size_t)(newline - text->bytes) : text->length;
        TRY(add_line(words, text->bytes + at, end - at, path));
    }
    if (words->count == 0)
        return bad_input("'%s' has no word", path);
    qsort(words->hashes, words->count, sizeof *words->hashes, compare_hashes);
    return STATUS_OK;
}

enum status bad_words_read(const char *path, struct bad_words **words)
{
    struct strbuf text = STRBUF_INIT;
    struct sha256 digest;
    *words = memory_alloc_zeroed(1, sizeof **words);
    enum status status = file_read(path, MOST_BYTES, &text);
    if (status == STATUS_OK)
        status = add_lines(*words, &text, path);
    sha256_init(&digest);
    sha256_add(&digest, text.bytes, text.length);
    sha256_finish_hex(&digest, (*words)->digest);
    strbuf_release(&text);
    if (status != STATUS_OK) {
        bad_words_free(*words);
        *words = NULL;
    }
    return status;
}

void bad_words_free(struct bad_words *words)
{
    if (words)
        memory_free(words->hashes);
    memory_free(words);
}

bool bad_words_in(const struct bad_words *words, const char *text, size_t length)
{
    uint64_t phrases[LONGEST + 1] = { 0 }; /* that of the last n words at n */
    uint64_t hash;
    size_t at = 0, seen = 0;
    while (next_word(text, length, &at, &hash)) {
        seen++;
        for (size_t n = words->longest < seen ? words->longest : seen; n >= 1; n--) {
            phrases[n] = phrases[n - 1] * base + hash;
            if (is_listed(words, phrases[n]))
                return true;
        }
    }
    return false;
}

const char *bad_words_digest(const struct bad_words *words)
{
    return words->digest;
}
