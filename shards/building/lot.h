/* lot: the documents that begin in one stretch of an input, judged and encoded.
 *
 * The unit of a build's work: made by one thread, written as one file, read by
 * whoever looks for duplicates or fills shards.
 *
 *   counts     by rule: what the input held, and what was left out
 *   documents  | record | record | ...           those that passed, in order
 *   hashes     | 16 bytes | 16 bytes | ...       of the text, to find equal ones
 *   keys       | band 0: a key each | band 1 ..  to find near ones; 0: no key
 *   names      | url | url | ...                 one after the other
 *   tokens     | <|endoftext|> tokens | ...      one after the other
 */
#ifndef SHARDS_LOT_H
#define SHARDS_LOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "shards/format/corpus_report.h"
#include "shards/format/corpus_split.h"
#include "shards/quality/minhash.h"
#include "shards/tokenizer/tokenizer.h"

enum { LOT_HASH_BYTES = 16, LOT_MAX_RULES = 96 };

struct lot_record {
    int64_t number; /* of the document in its input */
    uint32_t tokens, text_bytes;
    uint32_t name_bytes;
    uint32_t split;
};

/* What a lot's file begins with. */
struct lot_header {
    uint64_t magic;
    int64_t is_last; /* of its input */
    int64_t has_keys;
    int64_t documents, name_bytes, tokens, token_bytes; /* token_bytes: of one token */
    struct rule_count read;                             /* all that the input holds */
    struct rule_count rejected[LOT_MAX_RULES];
};

struct lot {
    struct lot_header header;
    struct lot_record *records;
    unsigned char (*hashes)[LOT_HASH_BYTES];
    uint64_t *keys; /* [MINHASH_BANDS, documents] */
    char *names;
    unsigned char *tokens; /* little-endian, header.token_bytes each */
    unsigned char *memory; /* of a lot that was read: where all these lie */
    size_t memory_bytes;
};

enum lot_part {
    LOT_RECORDS = 1,
    LOT_HASHES = 2,
    LOT_KEYS = 4, /* of the band that is asked for */
    LOT_NAMES = 8,
    LOT_TOKENS = 16
};

/* Writes the file aside and renames it: it is whole or not there. */
enum status lot_write(const struct lot *lot, const char *path);

/* Reads the header and the `parts` (enum lot_part); of keys, those of `band` alone, at keys[0].
 * `lot` is zeroed, or one that was read before, whose memory is used again. The file must be one
 * that lot_check found good. */
enum status lot_read(const char *path, int parts, int band, struct lot *lot);
void lot_release(struct lot *lot); /* of one that was read */

/* Is this a whole lot of a build of this shape? A file that is missing, cut or damaged is not, and
 * no error. Fills `header` where it is. */
enum status lot_check(const char *path, size_t token_bytes, bool has_keys, bool *good,
                      struct lot_header *header);

#endif
