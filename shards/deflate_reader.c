#include "shards/deflate_reader.h"

#include <string.h>

#include "base/status.h"

enum state { BLOCK, STORED_LENGTH, STORED, COUNTS, LENGTHS_CODE, LENGTHS, CODES, END };

enum { FAST_INPUT = 32 }; /* bytes that one turn of the fast loop may look at */
static const size_t out_limit = DEFLATE_HISTORY + DEFLATE_BLOCK;

/* The input of one call. */
struct feed {
    const unsigned char *at, *end;
};

void deflate_reader_start(struct deflate_reader *reader)
{
    reader->history = reader->end;
    reader->bits = 0;
    reader->bit_count = 0;
    reader->state = BLOCK;
    reader->last_block = false;
}

/* ---- bits ---- */

static uint64_t low_bits(uint64_t bits, unsigned count)
{
    return bits & ((UINT64_C(1) << count) - 1);
}

static void fill_bits(struct deflate_reader *reader, struct feed *feed)
{
    while (reader->bit_count < 56 && feed->at < feed->end) {
        reader->bits |= (uint64_t)*feed->at++ << reader->bit_count;
        reader->bit_count += 8;
    }
}

static void drop_bits(struct deflate_reader *reader, unsigned count)
{
    reader->bits >>= count;
    reader->bit_count -= count;
}

/* False: they are not there yet, and nothing was taken. */
static bool take_bits(struct deflate_reader *reader, struct feed *feed, unsigned count,
                      uint32_t *value)
{
    if (reader->bit_count < count)
        fill_bits(reader, feed);
    if (reader->bit_count < count)
        return false;
    *value = (uint32_t)low_bits(reader->bits, count);
    drop_bits(reader, count);
    return true;
}

/* Whole bytes go back, so that the caller may drop what was used. */
static void give_back(struct deflate_reader *reader, struct feed *feed)
{
    feed->at -= reader->bit_count / 8;
    reader->bit_count %= 8;
    reader->bits = low_bits(reader->bits, reader->bit_count);
}

/* ---- headers of blocks ---- */

static enum deflate_result breaks(struct deflate_reader *reader, const char *why)
{
    reader->wrong = why;
    return DEFLATE_BREAKS;
}

static enum deflate_result build_codes(struct deflate_reader *reader, int literals, int distances)
{
    if (!deflate_table_build(DEFLATE_LITERALS, reader->lengths, literals, reader->literals))
        return breaks(reader, "invalid literal/lengths set");
    if (!deflate_table_build(DEFLATE_DISTANCES, reader->lengths + literals, distances,
                             reader->distances))
        return breaks(reader, "invalid distances set");
    reader->state = CODES;
    return DEFLATE_GOES_ON;
}

/* Section 3.2.6. */
static enum deflate_result build_fixed_codes(struct deflate_reader *reader)
{
    memset(reader->lengths, 8, 144);
    memset(reader->lengths + 144, 9, 112);
    memset(reader->lengths + 256, 7, 24);
    memset(reader->lengths + 280, 8, 8);
    memset(reader->lengths + 288, 5, 32);
    return build_codes(reader, 288, 32);
}

static enum deflate_result read_block_header(struct deflate_reader *reader, struct feed *feed)
{
    uint32_t header;
    if (!take_bits(reader, feed, 3, &header))
        return DEFLATE_STARVES;
    reader->last_block = header & 1;
    switch (header >> 1) {
    case 0:
        drop_bits(reader, reader->bit_count % 8);
        reader->state = STORED_LENGTH;
        return DEFLATE_GOES_ON;
    case 1:
        return build_fixed_codes(reader);
    case 2:
        reader->state = COUNTS;
        return DEFLATE_GOES_ON;
    default:
        return breaks(reader, "invalid block type");
    }
}

static enum deflate_result read_stored_length(struct deflate_reader *reader, struct feed *feed)
{
    uint32_t both;
    if (!take_bits(reader, feed, 32, &both))
        return DEFLATE_STARVES;
    if ((both & 0xffff) != (~both >> 16))
        return breaks(reader, "invalid stored block lengths");
    reader->stored_left = both & 0xffff;
    reader->state = STORED;
    give_back(reader, feed);
    return DEFLATE_GOES_ON;
}

static enum deflate_result read_counts(struct deflate_reader *reader, struct feed *feed)
{
    uint32_t counts;
    if (!take_bits(reader, feed, 14, &counts))
        return DEFLATE_STARVES;
    reader->literal_codes = 257 + (int)(counts & 31);
    reader->distance_codes = 1 + (int)(counts >> 5 & 31);
    reader->length_codes = 4 + (int)(counts >> 10);
    reader->have = 0;
    memset(reader->lengths, 0, sizeof reader->lengths);
    if (reader->literal_codes > 286 || reader->distance_codes > 30)
        return breaks(reader, "too many length or distance symbols");
    reader->state = LENGTHS_CODE;
    return DEFLATE_GOES_ON;
}

/* The code in which the lengths of the codes are written; its table lies where that of the
 * distances will. */
static enum deflate_result read_lengths_code(struct deflate_reader *reader, struct feed *feed)
{
    static const uint8_t order[] = { 16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                     11, 4,  12, 3, 13, 2, 14, 1, 15 };
    while (reader->have < reader->length_codes) {
        uint32_t bits;
        if (!take_bits(reader, feed, 3, &bits))
            return DEFLATE_STARVES;
        reader->lengths[order[reader->have++]] = (uint8_t)bits;
    }
    if (!deflate_table_build(DEFLATE_CODE_LENGTHS, reader->lengths, 19, reader->distances))
        return breaks(reader, "invalid code lengths set");
    memset(reader->lengths, 0, sizeof reader->lengths);
    reader->have = 0;
    reader->state = LENGTHS;
    return DEFLATE_GOES_ON;
}

/* One symbol of section 3.2.7: a length, or how often one is repeated. False: more input first. */
static bool take_length(struct deflate_reader *reader, struct feed *feed, int *length, int *times)
{
    fill_bits(reader, feed);
    uint32_t entry = reader->distances[low_bits(reader->bits, DEFLATE_LENGTHS_BITS)];
    unsigned bits = deflate_entry_bits(entry);
    int symbol = (int)deflate_entry_value(entry);
    unsigned extra = symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
    if (reader->bit_count < bits + extra)
        return false;
    int more = (int)low_bits(reader->bits >> bits, extra);
    drop_bits(reader, bits + extra);
    *times = symbol < 16 ? 1 : symbol == 18 ? 11 + more : 3 + more;
    *length = symbol < 16        ? symbol
              : symbol > 16      ? 0
              : reader->have > 0 ? reader->lengths[reader->have - 1]
                                 : -1;
    return true;
}

static enum deflate_result read_lengths(struct deflate_reader *reader, struct feed *feed)
{
    const int all = reader->literal_codes + reader->distance_codes;
    while (reader->have < all) {
        int length, times;
        if (!take_length(reader, feed, &length, &times))
            return DEFLATE_STARVES;
        if (length < 0 || times > all - reader->have)
            return breaks(reader, "invalid bit length repeat");
        memset(reader->lengths + reader->have, length, (size_t)times);
        reader->have += times;
    }
    if (reader->lengths[256] == 0)
        return breaks(reader, "invalid code -- missing end-of-block");
    return build_codes(reader, reader->literal_codes, reader->distance_codes);
}

/* ---- text ---- */

static enum deflate_result copy_stored(struct deflate_reader *reader, struct feed *feed)
{
    size_t length = reader->stored_left, there = (size_t)(feed->end - feed->at);
    if (length > there)
        length = there;
    if (length > out_limit - reader->end)
        length = out_limit - reader->end;
    memcpy(reader->out + reader->end, feed->at, length);
    reader->end += length;
    feed->at += length;
    reader->stored_left -= (uint32_t)length;
    if (reader->stored_left == 0)
        reader->state = BLOCK;
    else if (feed->at == feed->end)
        return DEFLATE_STARVES;
    return DEFLATE_GOES_ON;
}

/* May write up to 15 bytes beyond. Most matches are short: two words without asking are faster. */
static void copy_match(unsigned char *to, size_t distance, size_t length)
{
    const unsigned char *from = to - distance;
    unsigned char *const end = to + length;
    if (distance >= 8) {
        memcpy(to, from, 8);
        memcpy(to + 8, from + 8, 8);
        for (to += 16, from += 16; to < end; to += 8, from += 8)
            memcpy(to, from, 8);
    } else if (distance == 1) {
        memset(to, *from, length);
    } else {
        while (to < end)
            *to++ = *from++;
    }
}

static uint32_t look_up(const uint32_t *table, unsigned primary, uint64_t bits)
{
    uint32_t entry = table[low_bits(bits, primary)];
    if (deflate_entry_kind(entry) == DEFLATE_SECOND)
        entry = table[deflate_entry_value(entry) +
                      low_bits(bits >> primary, deflate_entry_extra(entry))] +
                primary;
    return entry;
}
/* Symbols one by one, with no more bits than there are. */
static enum deflate_result decode_slowly(struct deflate_reader *reader, struct feed *feed)
{
    fill_bits(reader, feed);
    uint32_t entry = look_up(reader->literals, DEFLATE_LITERAL_BITS, reader->bits);
    unsigned bits = deflate_entry_bits(entry), extra = deflate_entry_extra(entry);
    enum deflate_kind kind = deflate_entry_kind(entry);
    if (reader->bit_count < bits + (kind == DEFLATE_BASE ? extra : 0))
        return DEFLATE_STARVES;
    if (kind == DEFLATE_INVALID)
        return breaks(reader, "invalid literal/length code");
    if (kind == DEFLATE_LITERAL)
        reader->out[reader->end++] = (unsigned char)deflate_entry_value(entry);
    if (kind == DEFLATE_END)
        reader->state = BLOCK;
    if (kind != DEFLATE_BASE) {
        drop_bits(reader, bits);
        return DEFLATE_GOES_ON;
    }
    size_t length = deflate_entry_value(entry) + low_bits(reader->bits >> bits, extra);
    unsigned before = bits + extra;
    entry = look_up(reader->distances, DEFLATE_DISTANCE_BITS, reader->bits >> before);
    bits = deflate_entry_bits(entry);
    extra = deflate_entry_extra(entry);
    if (reader->bit_count < before + bits + extra)
        return DEFLATE_STARVES;
    if (deflate_entry_kind(entry) == DEFLATE_INVALID)
        return breaks(reader, "invalid distance code");
    size_t distance = deflate_entry_value(entry) + low_bits(reader->bits >> (before + bits), extra);
    if (distance > reader->end - reader->history)
        return breaks(reader, "invalid distance too far back");
    drop_bits(reader, before + bits + extra);
    copy_match(reader->out + reader->end, distance, length);
    reader->end += length;
    return DEFLATE_GOES_ON;
}

static uint64_t load_word(const unsigned char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* At least 56 bits at hand. Those above `count` are the next ones already, and are put there
 * again: see Fabian Giesen, "Reading bits in far too many ways (part 2)", variant 4. */
#define REFILL()                                                                                   \
    do {                                                                                           \
        bits |= load_word(at) << count;                                                            \
        at += (63 - count) >> 3;                                                                   \
        count |= 56;                                                                               \
    } while (0)

#define DROP(entry_bits) (bits >>= (entry_bits), count -= (entry_bits))

#define PUT_LITERAL()                                                                              \
    do {                                                                                           \
        *out++ = (unsigned char)deflate_entry_value(entry);                                        \
        DROP(deflate_entry_bits(entry));                                                           \
        entry = reader->literals[low_bits(bits, DEFLATE_LITERAL_BITS)];                            \
    } while (0)

/* The same, many symbols at a time, while there is input for a whole turn. A turn takes at most
 * three literals (45 bits), or two and a match (48 bits after a refill). What it cannot do it
 * leaves to decode_slowly, its bits untouched. */
static void decode_fast(struct deflate_reader *reader, struct feed *feed)
{
    const unsigned char *at = feed->at;
    unsigned char *out = reader->out + reader->end;
    const unsigned char *const limit = reader->out + out_limit;
    const unsigned char *const history = reader->out + reader->history;
    uint64_t bits = reader->bits;
    unsigned count = reader->bit_count;
    while (feed->end - at >= FAST_INPUT && out < limit) {
        REFILL();
        uint32_t entry = reader->literals[low_bits(bits, DEFLATE_LITERAL_BITS)];
        if (deflate_entry_kind(entry) == DEFLATE_LITERAL) {
            PUT_LITERAL();
            if (deflate_entry_kind(entry) == DEFLATE_LITERAL) {
                PUT_LITERAL();
                if (deflate_entry_kind(entry) == DEFLATE_LITERAL) {
                    PUT_LITERAL();
                    continue;
                }
            }
        }
        if (deflate_entry_kind(entry) == DEFLATE_SECOND) {
            entry = look_up(reader->literals, DEFLATE_LITERAL_BITS, bits);
            if (deflate_entry_kind(entry) == DEFLATE_LITERAL) {
                PUT_LITERAL();
                continue;
            }
        }
        if (deflate_entry_kind(entry) != DEFLATE_BASE)
            break;
        REFILL();
        unsigned used = deflate_entry_bits(entry), extra = deflate_entry_extra(entry);
        size_t length = deflate_entry_value(entry) + low_bits(bits >> used, extra);
        used += extra;
        entry = look_up(reader->distances, DEFLATE_DISTANCE_BITS, bits >> used);
        extra = deflate_entry_extra(entry);
        used += deflate_entry_bits(entry);
        size_t distance = deflate_entry_value(entry) + low_bits(bits >> used, extra);
        if (deflate_entry_kind(entry) != DEFLATE_BASE || distance > (size_t)(out - history))
            break;
        DROP(used + extra);
        copy_match(out, distance, length);
        out += length;
    }
    reader->bits = low_bits(bits, count);
    reader->bit_count = count;
    reader->end = (size_t)(out - reader->out);
    feed->at = at;
}

static enum deflate_result decode_text(struct deflate_reader *reader, struct feed *feed)
{
    enum deflate_result result = DEFLATE_GOES_ON;
    while (result == DEFLATE_GOES_ON && reader->state == CODES && reader->end < out_limit) {
        if (feed->end - feed->at >= FAST_INPUT)
            decode_fast(reader, feed);
        if (reader->end < out_limit)
            result = decode_slowly(reader, feed);
    }
    return result;
}

/* ---- all of it ---- */

static enum deflate_result go_on(struct deflate_reader *reader, struct feed *feed)
{
    switch ((enum state)reader->state) {
    case BLOCK:
        if (!reader->last_block)
            return read_block_header(reader, feed);
        drop_bits(reader, reader->bit_count % 8);
        reader->state = END;
        return DEFLATE_ENDS;
    case STORED_LENGTH:
        return read_stored_length(reader, feed);
    case STORED:
        return copy_stored(reader, feed);
    case COUNTS:
        return read_counts(reader, feed);
    case LENGTHS_CODE:
        return read_lengths_code(reader, feed);
    case LENGTHS:
        return read_lengths(reader, feed);
    case CODES:
        return decode_text(reader, feed);
    default:
        return DEFLATE_ENDS;
    }
}

/* What distances may lead back to goes to the front, once the block behind it is full. */
static void make_room(struct deflate_reader *reader)
{
    if (reader->end < out_limit)
        return;
    size_t dropped = reader->end - DEFLATE_HISTORY;
    memmove(reader->out, reader->out + dropped, DEFLATE_HISTORY);
    reader->history -= reader->history < dropped ? reader->history : dropped;
    reader->begin = reader->end = DEFLATE_HISTORY;
}

enum deflate_result deflate_reader_run(struct deflate_reader *reader, const unsigned char *input,
                                       size_t length, size_t *used)
{
    struct feed feed = { input, input + length };
    CHECK(reader->begin == reader->end, "%zu bytes of text were not taken",
          reader->end - reader->begin);
    make_room(reader);
    enum deflate_result result = DEFLATE_GOES_ON;
    while (result == DEFLATE_GOES_ON && reader->end < out_limit)
        result = go_on(reader, &feed);
    give_back(reader, &feed);
    *used = (size_t)(feed.at - input);
    return result;
}
