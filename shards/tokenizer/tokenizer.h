/* tokenizer: BPE, between bytes and token ids; of two kinds.
 *
 * Byte-level BPE (GPT-2, Llama 3): text is cut by a splitting rule, each piece is
 * taken as bytes, and pairs are merged by rank. decode(encode(x)) = x for every
 * byte sequence, invalid UTF-8 included. Ids are those of the reference
 * implementations: tiktoken for every byte sequence, tokenizers for every text.
 *
 * SentencePiece's BPE (Llama 2, Mistral), as tokenizer.json has it: blanks are
 * marked (blank_marking), characters are taken, or the bytes of one that has no
 * token, and pairs are merged by rank. Ids are those of tokenizers for every text;
 * a byte that is not UTF-8 gets its own token. decode(encode(x)) = x but for
 * marks that were in the text, and blanks that begin it where the file says so.
 *
 * The file format is Hugging Face's tokenizer.json. A tokenizer is immutable
 * once loaded and may be shared by threads; encoding scratch belongs to an
 * encoder, one per thread.
 */
#ifndef SHARDS_TOKENIZER_H
#define SHARDS_TOKENIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"
#include "base/status.h"
#include "base/strbuf.h"
#include "shards/tokenizer/blank_marking.h"
#include "shards/tokenizer/splitting_rule.h"

enum tokenizer_kind { TOKENIZER_BYTE_LEVEL, TOKENIZER_SENTENCEPIECE };

/* What a token is. TOKEN_BYTE is only of SentencePiece's kind: one byte of a character that has no
 * token. TOKEN_UNKNOWN is the special token that its file calls unk_token; no text has it. */
enum token_kind { TOKEN_TEXT, TOKEN_BYTE, TOKEN_SPECIAL, TOKEN_UNKNOWN };

struct tokenizer;
struct encoder;

/* `name` is a tokenizer.json, or GPT-2's two files as "ENCODER.json,VOCAB.bpe". Whatever a file
 * asks for that would change the ids and is not done here (a normalizer, another model or
 * splitting rule, dropout, ...) is bad input, by its name. */
enum status tokenizer_open(const char *name, struct tokenizer **out);
enum status tokenizer_read(const char *path, struct tokenizer **out); /* tokenizer.json */
/* GPT-2's two files: encoder.json (token -> id) and vocab.bpe (merges). */
enum status tokenizer_read_gpt2(const char *encoder_json, const char *vocab_bpe,
                                struct tokenizer **out);
enum status tokenizer_write(const struct tokenizer *tokenizer,
                            const char *path);                               /* tokenizer.json */
void tokenizer_print(const struct tokenizer *tokenizer, struct strbuf *out); /* the same bytes */
void tokenizer_free(struct tokenizer *tokenizer);                            /* NULL is allowed */

int64_t tokenizer_vocab_size(const struct tokenizer *tokenizer);
/* The special token that begins a document: <|endoftext|>, or where there is none
 * <|end_of_text|>, </s>. */
int32_t tokenizer_end_of_text(const struct tokenizer *tokenizer);
enum tokenizer_kind tokenizer_kind_of(const struct tokenizer *tokenizer);
/* Of byte-level BPE. */
enum splitting_rule tokenizer_splitting(const struct tokenizer *tokenizer);
/* Of SentencePiece's kind. */
const struct blank_marking *tokenizer_marking(const struct tokenizer *tokenizer);
/* sha256 of all that decides the ids (vocabulary, merges, specials, rule), not of the file's
 * layout. */
const char *tokenizer_digest(const struct tokenizer *tokenizer);
/* The bytes of one token, with blanks where it has marks; NULL beyond the vocabulary. */
const char *tokenizer_token_bytes(const struct tokenizer *tokenizer, int32_t id, size_t *length);

/* For one who writes a vocabulary: ids below the vocabulary's size, ranks below the count. */
enum token_kind tokenizer_token_kind(const struct tokenizer *tokenizer, int32_t id);
/* Appends the token as a tokenizer.json writes it: "Ġthe", "▁the", "<0x0A>", "</s>". */
void tokenizer_token_name(const struct tokenizer *tokenizer, int32_t id, struct strbuf *out);
int64_t tokenizer_merge_count(const struct tokenizer *tokenizer);
/* The two tokens that the merge of this rank joins; the lower goes first. */
void tokenizer_merge_pair(const struct tokenizer *tokenizer, int64_t rank, int32_t pair[2]);

struct token_buffer {
    int32_t *ids;
    int64_t count, capacity;
}; /* { 0 } is empty */
/* Makes room for `extra` more ids. */
void token_buffer_reserve(struct token_buffer *buffer, int64_t extra);
void token_buffer_add(struct token_buffer *buffer, int32_t id);
void token_buffer_release(struct token_buffer *buffer);

struct encoder *encoder_create(const struct tokenizer *tokenizer);
void encoder_free(struct encoder *encoder);
/* Appends the ids of `text`, which is one text: what it is cut into is encoded differently.
 * Special tokens in it are taken as plain text. Time is n log n in the longest piece at worst; a
 * piece beyond 1 GiB is cut there. */
void encoder_add(struct encoder *encoder, const char *text, size_t length,
                 struct token_buffer *out);
/* Appends the text of the ids, each of which must be in the vocabulary: their bytes, but for blanks
 * that the decoder strips off the first. What is no UTF-8 stays as it is. */
void tokenizer_decode(const struct tokenizer *tokenizer, const int32_t *ids, int64_t count,
                      struct strbuf *out);
/* The same for one token of a text, the first one or a later one. */
void tokenizer_decode_token(const struct tokenizer *tokenizer, int32_t id, bool first,
                            struct strbuf *out);
/* How many bytes that are; 0 beyond the vocabulary. */
size_t tokenizer_decoded_bytes(const struct tokenizer *tokenizer, int32_t id, bool first);

#endif
