/* Each word becomes a 64-bit hash, five of them in a row one of 32 bits (a "shingle"), which is
 * odd; hash function i takes a shingle x to x · odd[i] modulo 2^32, a permutation of the odd
 * numbers, and the least is kept, in signed order. Shingles are collected, so that the minima of
 * a few functions stay in registers while many shingles pass. */
#include "shards/quality/minhash.h"

#include <string.h>

#include "base/memory.h"
#include "shards/tokenizer/text_character.h"
#include "shards/quality/text_hash.h"

enum {
    FUNCTIONS = MINHASH_BANDS * MINHASH_ROWS,
    TOGETHER = 16, /* functions whose minima are in registers */
    WAITING = 256, /* shingles that are collected */
    BLOCK = 4096,  /* bytes of text that are made plain at a time */
};

/* Integers only, so any instruction set gives the same bits. ThreadSanitizer cannot start a program
 * whose functions are chosen at start. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_THREAD__)
#define FOR_SEVERAL_MACHINES __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define FOR_SEVERAL_MACHINES
#endif

struct minhash {
    uint32_t odd[FUNCTIONS];
    int32_t minima[FUNCTIONS];
    uint32_t waiting[WAITING];
    int waiting_count;
    uint64_t words[MINHASH_NGRAM]; /* hashes of the last ones, a ring */
    uint64_t word_count;
    uint64_t ngram; /* hash of the last words, in order: a polynomial, so that it rolls */
    unsigned char plain_ascii[128];
    /* An open word and a block: spaces about ideographs make 3 bytes 4; 8 are read beyond. */
    unsigned char plain[3 * BLOCK];
    size_t plain_length;
};

static const uint64_t base = 0x9fb21c651e98df25u;          /* of the polynomial */
static const uint64_t base_to_ngram = 0x7d7e128560ddc5d5u; /* base^MINHASH_NGRAM */

struct minhash *minhash_create(void)
{
    struct minhash *minhash = memory_alloc_zeroed(1, sizeof *minhash);
    for (int i = 0; i < FUNCTIONS; i++)
        minhash->odd[i] =
            (uint32_t)(text_hash_mixed(0x9e3779b97f4a7c15u * (uint64_t)(i + 1)) >> 32) | 1;
    for (unsigned char byte = 0; byte < 128; byte++) {
        const bool is_word = (text_ascii_class[byte] & (TEXT_LETTER | TEXT_DIGIT)) != 0;
        minhash->plain_ascii[byte] = is_word ? (unsigned char)text_lower(byte) : ' ';
    }
    return minhash;
}

void minhash_free(struct minhash *minhash)
{
    memory_free(minhash);
}

FOR_SEVERAL_MACHINES
static void lower_minima(int32_t *restrict minima, const uint32_t *restrict odd,
                         const uint32_t *restrict shingles, int count)
{
    for (int first = 0; first < FUNCTIONS; first += TOGETHER) {
        int32_t least[TOGETHER];
        memcpy(least, minima + first, sizeof least);
        for (int s = 0; s < count; s++)
            for (int i = 0; i < TOGETHER; i++) {
                int32_t hash = (int32_t)(shingles[s] * odd[first + i]);
                least[i] = hash < least[i] ? hash : least[i];
            }
        memcpy(minima + first, least, sizeof least);
    }
}

static void take_waiting(struct minhash *minhash)
{
    lower_minima(minhash->minima, minhash->odd, minhash->waiting, minhash->waiting_count);
    minhash->waiting_count = 0;
}

static void add_word(struct minhash *minhash, uint64_t hash)
{
    uint64_t *place = &minhash->words[minhash->word_count++ % MINHASH_NGRAM];
    minhash->ngram = minhash->ngram * base + hash - *place * base_to_ngram;
    *place = hash;
    if (minhash->word_count < MINHASH_NGRAM)
        return;
    minhash->waiting[minhash->waiting_count++] =
        (uint32_t)(text_hash_mixed(minhash->ngram) >> 32) | 1;
    if (minhash->waiting_count == WAITING)
        take_waiting(minhash);
}

/* Plain text: words in lower case, in UTF-8, and single spaces. */
static void add_plain_space(struct minhash *minhash)
{
    if (minhash->plain_length > 0 && minhash->plain[minhash->plain_length - 1] != ' ')
        minhash->plain[minhash->plain_length++] = ' ';
}

static void add_plain_letter(struct minhash *minhash, uint32_t code)
{
    unsigned char *out = minhash->plain + minhash->plain_length;
    if (code < 0x80) {
        *out++ = (unsigned char)code;
    } else {
        const int more = 1 + (code >= 0x800) + (code >= 0x10000);
        static const unsigned char first[] = { 0, 0xc0, 0xe0, 0xf0 };
        *out++ = (unsigned char)(first[more] | code >> 6 * more);
        for (int i = more - 1; i >= 0; i--)
            *out++ = (unsigned char)(0x80 | (code >> 6 * i & 0x3f));
    }
    minhash->plain_length = (size_t)(out - minhash->plain);
}

/* Ideographs are words by themselves: there are no spaces between words to go by. */
static size_t add_plain_character(struct minhash *minhash, const char *text, size_t left)
{
    const struct text_character character = text_character_at(text, left);
    const bool is_word = (character.classes & (TEXT_LETTER | TEXT_DIGIT)) != 0;
    if (!is_word || character.classes & TEXT_IDEOGRAPH)
        add_plain_space(minhash);
    if (is_word)
        add_plain_letter(minhash, text_lower(character.code));
    if (character.classes & TEXT_IDEOGRAPH)
        add_plain_space(minhash);
    return character.bytes;
}

/* Adds the ASCII that text begins with, up to `most` bytes, or one other character. Returns how
 * many bytes that were. */
static size_t add_plain(struct minhash *minhash, const char *text, size_t most, size_t left)
{
    unsigned char *plain = minhash->plain, last = ' ';
    size_t length = minhash->plain_length, at = 0;
    if (length > 0)
        last = plain[length - 1];
    for (; at < most && !(text[at] & 0x80); at++) {
        const unsigned char byte = minhash->plain_ascii[(unsigned char)text[at]];
        plain[length] = byte;
        length += byte != ' ' || last != ' ';
        last = byte;
    }
    minhash->plain_length = length;
    return at > 0 ? at : add_plain_character(minhash, text, left);
}

/* The first 8 bytes of `bytes`, of which `count` count, the first the lowest. */
static uint64_t first_bytes(const unsigned char *bytes, size_t count)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return le64toh(word) & (count < 8 ? ((uint64_t)1 << 8 * count) - 1 : UINT64_MAX);
}

static uint64_t word_hash(const unsigned char *word, size_t length)
{
    uint64_t hash = length;
    for (; length > 8; word += 8, length -= 8)
        hash = text_hash_mixed(hash ^ first_bytes(word, 8));
    return text_hash_mixed(hash ^ first_bytes(word, length));
}

/* Bytes from `word` on to the next space; there is one, and 8 bytes after it can be read. */
static size_t word_length(const unsigned char *word)
{
    static const uint64_t ones = 0x0101010101010101u;
    for (size_t length = 0;; length += 8) {
        const uint64_t other = first_bytes(word + length, 8) ^ ones * ' ';
        const uint64_t spaces = (other - ones) & ~other & ones * 0x80; /* the lowest is true */
        if (spaces)
            return length + (size_t)__builtin_ctzll(spaces) / 8;
    }
}

static void add_words(struct minhash *minhash, const unsigned char *word, const unsigned char *end)
{
    while (word < end) {
        const size_t length = word_length(word);
        if (length > 0)
            add_word(minhash, word_hash(word, length));
        word += length + 1;
    }
}

/* Where the last word of a block begins that the next block may go on with. A word that fills a
 * block is ended there. */
static size_t open_word(struct minhash *minhash)
{
    size_t open = minhash->plain_length;
    while (open > 0 && minhash->plain[open - 1] != ' ')
        open--;
    if (open > 0 || minhash->plain_length < BLOCK)
        return open;
    minhash->plain[minhash->plain_length++] = ' ';
    return minhash->plain_length;
}

static void read_words(struct minhash *minhash, const char *text, size_t length)
{
    minhash->plain_length = 0;
    for (size_t at = 0; at < length;) {
        const size_t until = length - at < BLOCK ? length : at + BLOCK;
        while (at < until)
            at += add_plain(minhash, text + at, until - at, length - at);
        const size_t open = open_word(minhash), rest = minhash->plain_length - open;
        add_words(minhash, minhash->plain, minhash->plain + open);
        memmove(minhash->plain, minhash->plain + open, rest);
        minhash->plain_length = rest;
    }
    minhash->plain[minhash->plain_length++] = ' ';
    add_words(minhash, minhash->plain, minhash->plain + minhash->plain_length);
}

bool minhash_keys(struct minhash *minhash, const char *text, size_t length,
                  uint64_t keys[MINHASH_BANDS])
{
    memset(minhash->words, 0, sizeof minhash->words);
    minhash->ngram = minhash->word_count = 0;
    minhash->waiting_count = 0;
    for (int i = 0; i < FUNCTIONS; i++)
        minhash->minima[i] = INT32_MAX;

    read_words(minhash, text, length);
    if (minhash->word_count < MINHASH_NGRAM)
        return false;
    take_waiting(minhash);
    for (int band = 0; band < MINHASH_BANDS; band++) {
        uint64_t key = text_hash_mixed((uint64_t)band + 1);
        for (int row = 0; row < MINHASH_ROWS; row++)
            key =
                text_hash_mixed(key ^ (uint32_t)minhash->minima[band * MINHASH_ROWS + row]) + base;
        keys[band] = key;
    }
    return true;
}
