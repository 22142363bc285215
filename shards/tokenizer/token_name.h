/* token_name: how a tokenizer.json writes a token.
 *
 *   of byte-level BPE       bytes as letters: "Ġthe" (byte_letters)
 *   of SentencePiece's      marks for blanks: "▁the" (blank_marking); "<0x0A>" for a byte's token
 *   special tokens          as they are
 */
#ifndef SHARDS_TOKEN_NAME_H
#define SHARDS_TOKEN_NAME_H

#include "shards/tokenizer/tokenizer_parts.h"

/* Appends the bytes of the token that is named so; false where nothing can be. Not for the names of
 * special tokens, nor of SentencePiece's bytes. */
bool token_name_parse(enum tokenizer_kind kind, const char *name, size_t length,
                      struct strbuf *out);

/* The byte of "<0x00>" to "<0xFF>", or -1. */
int token_name_byte(const char *name, size_t length);
/* Another name that decoders take for a byte's, such as "<0x0a>". */
bool token_name_looks_like_byte(const char *name, size_t length);

#endif
