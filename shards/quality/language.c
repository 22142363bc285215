#include "shards/quality/language.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/portable_math.h"
#include "shards/quality/language_profiles.h"
#include "shards/tokenizer/text_character.h"

enum { WINDOWS = 16, WINDOW_BYTES = 1024 }; /* what is looked at of a long text */

/* A script, and the language that it is taken for; "": profiles tell. */
struct script {
    uint32_t first, last;
    char code[4];
    int first_profile, end_profile;
};

enum { LATIN_END = 29, CYRILLIC_END = 34, ARABIC_END = LANGUAGE_PROFILES };

/* By ascending characters. */
static const struct script scripts[] = {
    { 0x0041, 0x024f, "", 0, LATIN_END },
    { 0x0370, 0x03ff, "ell", 0, 0 },
    { 0x0400, 0x052f, "", LATIN_END, CYRILLIC_END },
    { 0x0531, 0x0587, "hye", 0, 0 },
    { 0x05d0, 0x05ea, "heb", 0, 0 },
    { 0x0620, 0x06ff, "", CYRILLIC_END, ARABIC_END },
    { 0x0900, 0x097f, "hin", 0, 0 },
    { 0x0980, 0x09ff, "ben", 0, 0 },
    { 0x0a00, 0x0a7f, "pan", 0, 0 },
    { 0x0a80, 0x0aff, "guj", 0, 0 },
    { 0x0b00, 0x0b7f, "ori", 0, 0 },
    { 0x0b80, 0x0bff, "tam", 0, 0 },
    { 0x0c00, 0x0c7f, "tel", 0, 0 },
    { 0x0c80, 0x0cff, "kan", 0, 0 },
    { 0x0d00, 0x0d7f, "mal", 0, 0 },
    { 0x0d80, 0x0dff, "sin", 0, 0 },
    { 0x0e00, 0x0e7f, "tha", 0, 0 },
    { 0x0e80, 0x0eff, "lao", 0, 0 },
    { 0x1000, 0x109f, "mya", 0, 0 },
    { 0x10a0, 0x10ff, "kat", 0, 0 },
    { 0x1200, 0x137f, "amh", 0, 0 },
    { 0x1780, 0x17ff, "khm", 0, 0 },
    { 0x1e00, 0x1eff, "", 0, LATIN_END },
    { 0x3040, 0x30ff, "jpn", 0, 0 },
    { 0x3400, 0x9fff, "zho", 0, 0 },
    { 0xac00, 0xd7a3, "kor", 0, 0 },
};
enum { SCRIPTS = sizeof scripts / sizeof *scripts, NO_SCRIPT = -1 };

static int script_of(uint32_t code)
{
    for (int i = 0; i < SCRIPTS && scripts[i].first <= code; i++)
        if (code <= scripts[i].last)
            return i;
    return NO_SCRIPT;
}

/* Calls `take` with each character of the windows, letters in lower case, others as spaces. */
typedef void take_character(void *context, uint32_t code);

static inline void read_windows(const char *text, size_t length, take_character *take,
                                void *context)
{
    const bool whole = length <= (size_t)WINDOWS * WINDOW_BYTES;
    const size_t windows = whole ? 1 : WINDOWS, window = whole ? length : WINDOW_BYTES;
    for (size_t w = 0; w < windows; w++) {
        size_t at = whole ? 0 : (length - window) / (WINDOWS - 1) * w;
        const size_t end = at + window;
        while (at < end && !whole && (text[at] & 0xc0) == 0x80)
            at++;
        while (at < end) {
            const unsigned char byte = (unsigned char)text[at];
            if (byte < 0x80) {
                take(context, text_ascii_class[byte] & TEXT_LETTER ? byte | 0x20u : ' ');
                at++;
                continue;
            }
            const struct text_character character = text_character_at(text + at, length - at);
            take(context, character.classes & TEXT_LETTER ? text_lower(character.code) : ' ');
            at += character.bytes;
        }
        take(context, ' ');
    }
}

struct letters {
    size_t of_script[SCRIPTS];
    size_t all;
};

static void count_letter(void *context, uint32_t code)
{
    struct letters *letters = context;
    if (code == ' ')
        return;
    const int script = script_of(code);
    letters->all++;
    if (script != NO_SCRIPT)
        letters->of_script[script]++;
}

static void move_letters(struct letters *letters, int from, int to)
{
    letters->of_script[to] += letters->of_script[from];
    letters->of_script[from] = 0;
}

/* Latin has two blocks; Japanese has Chinese characters too, so some kana among them decide. */
static int main_script(struct letters *letters)
{
    const int kana = script_of(0x3042), han = script_of(0x4e00);
    move_letters(letters, script_of(0x1e00), script_of('a'));
    if (letters->of_script[kana] * 10 > letters->of_script[han])
        move_letters(letters, han, kana);
    int most = NO_SCRIPT;
    for (int i = 0; i < SCRIPTS; i++)
        if (letters->of_script[i] > (most == NO_SCRIPT ? 0 : letters->of_script[most]))
            most = i;
    return most;
}

enum { LANES = 48 }; /* profiles, and what fills whole vectors */

struct trigrams {
    uint32_t last[2];
    uint32_t count;
    uint32_t levels[LANES]; /* sums over the trigrams, of each profile */
};

static uint8_t levels_of_bucket[LANGUAGE_BUCKETS][LANES]; /* by fill_levels */
static pthread_once_t levels_are_filled = PTHREAD_ONCE_INIT;

/* As make_language_profiles has it. */
static uint32_t bucket_of(uint32_t a, uint32_t b, uint32_t c)
{
    return ((a * 0x9e3779b1u + b) * 0x85ebca6bu + c) * 0xc2b2ae35u >> 21;
}

static int level_of(char letter)
{
    if (letter <= '9')
        return letter - '0';
    return letter <= 'Z' ? letter - 'A' + 10 : letter - 'a' + 36;
}

static void fill_levels(void)
{
    for (int i = 0; i < LANGUAGE_PROFILES; i++)
        for (int bucket = 0; bucket < LANGUAGE_BUCKETS; bucket++)
            levels_of_bucket[bucket][i] = (uint8_t)level_of(language_profiles[i].levels[bucket]);
}

static void count_trigram(void *context, uint32_t code)
{
    struct trigrams *trigrams = context;
    if (code == ' ' && trigrams->last[1] == ' ')
        return;
    if (trigrams->last[0] != 0) {
        const uint8_t *levels =
            levels_of_bucket[bucket_of(trigrams->last[0], trigrams->last[1], code)];
        for (int i = 0; i < LANES; i++)
            trigrams->levels[i] += levels[i];
        trigrams->count++;
    }
    trigrams->last[0] = trigrams->last[1];
    trigrams->last[1] = code;
}

/* The probability of the best of the script's profiles, if all are as likely before. Trigrams
 * overlap and depend on each other: a text counts as 40 of them at most. */
static double best_profile(const struct trigrams *trigrams, const struct script *script, int *best)
{
    static const double independent = 40, level_bits = 0.25, log_2 = 0.6931471805599453;
    const double weight =
        independent / (trigrams->count > independent ? trigrams->count : independent);
    const uint32_t *levels = trigrams->levels;
    double sum = 0;
    *best = script->first_profile;
    for (int i = script->first_profile; i < script->end_profile; i++)
        if (levels[i] < levels[*best])
            *best = i;
    for (int i = script->first_profile; i < script->end_profile; i++)
        sum += portable_exp(-(double)(levels[i] - levels[*best]) * weight * level_bits * log_2);
    return 1 / sum;
}

bool language_identify(const char *text, size_t length, char code[DOCUMENT_LANGUAGE_BYTES],
                       double *confidence)
{
    struct letters letters = { 0 };
    code[0] = '\0';
    *confidence = 0;
    read_windows(text, length, count_letter, &letters);
    const int most = main_script(&letters);
    if (most == NO_SCRIPT)
        return false;

    const struct script *script = &scripts[most];
    const char *found = script->code;
    *confidence = (double)letters.of_script[most] / (double)letters.all;
    if (!*found) {
        int best;
        struct trigrams trigrams = { .last = { 0, ' ' } };
        pthread_once(&levels_are_filled, fill_levels);
        read_windows(text, length, count_trigram, &trigrams);
        *confidence *= best_profile(&trigrams, script, &best);
        found = language_profiles[best].code;
    }
    snprintf(code, DOCUMENT_LANGUAGE_BYTES, "%s", found);
    return true;
}
