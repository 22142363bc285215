/* deflate_reader: what deflate (RFC 1951) made small, made large again.
 *
 * Half as fast again as zlib 1.2.13, because it reads 64 bits at a time, looks up
 * several literals before it asks for more, and copies by words: ranks that share
 * an input inflate all of it. It takes what zlib takes and no more (fuzz_gzip
 * compares them), and says what is wrong in zlib's words. What lies around deflate
 * in a gzip member is text_source's.
 *
 *   out   | 32 KiB that distances may lead back to | decoded, not handed out |   room   |
 *                                                  ^ begin                   ^ end
 */
#ifndef SHARDS_DEFLATE_READER_H
#define SHARDS_DEFLATE_READER_H

#include <stddef.h>
#include <stdint.h>

#include "shards/deflate_table.h"

enum {
    DEFLATE_HISTORY = 32 << 10,
    DEFLATE_BLOCK = 128 << 10, /* decoded at a time */
    DEFLATE_SLACK = 320,       /* that the last symbols of a block may reach beyond it */
    DEFLATE_MIN_INPUT = 16     /* with so many bytes at hand there is always something to decode */
};

enum deflate_result {
    DEFLATE_GOES_ON, /* the block is full: there is text to take */
    DEFLATE_STARVES, /* it needs more input; there may be text to take */
    DEFLATE_ENDS,    /* the last block is decoded, to the end of its last byte */
    DEFLATE_BREAKS   /* `wrong` says why */
};

struct deflate_reader {
    size_t begin, end, history; /* history: what came before this is another member's */
    uint64_t bits;              /* read ahead, the next lowest */
    unsigned bit_count;         /* below 8 between calls */
    int state;
    bool last_block;
    uint32_t stored_left;
    int literal_codes, distance_codes, length_codes, have; /* of a block's codes */
    uint8_t lengths[DEFLATE_SYMBOLS + 32 + 8];
    const char *wrong;
    uint32_t literals[DEFLATE_LITERAL_ENTRIES], distances[DEFLATE_DISTANCE_ENTRIES];
    unsigned char out[DEFLATE_HISTORY + DEFLATE_BLOCK + DEFLATE_SLACK];
};

/* Before each member. */
void deflate_reader_start(struct deflate_reader *reader);

/* Decodes from input[0..length), once all text was taken. *used: bytes that are done with. */
enum deflate_result deflate_reader_run(struct deflate_reader *reader, const unsigned char *input,
                                       size_t length, size_t *used);

#endif
