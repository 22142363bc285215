#include "shards/tokenizer/token_name.h"

#include <string.h>

#include "shards/tokenizer/byte_letters.h"

#define BYTE_NAME_LENGTH 6

bool token_name_parse(enum tokenizer_kind kind, const char *name, size_t length, struct strbuf *out)
{
    if (kind == TOKENIZER_BYTE_LEVEL)
        return byte_letters_parse(out, name, length);
    blank_marks_read(name, length, out);
    return true;
}

bool token_name_looks_like_byte(const char *name, size_t length)
{
    return length == BYTE_NAME_LENGTH && memcmp(name, "<0x", 3) == 0 && name[5] == '>';
}

int token_name_byte(const char *name, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    if (!token_name_looks_like_byte(name, length) || !name[3] || !name[4])
        return -1;
    const char *high = strchr(digits, name[3]), *low = strchr(digits, name[4]);
    return high && low ? (int)((high - digits) << 4 | (low - digits)) : -1;
}

void tokenizer_token_name(const struct tokenizer *tokenizer, int32_t id, struct strbuf *out)
{
    size_t length;
    const char *bytes = byte_map_bytes(&tokenizer->tokens, id, &length);
    switch (tokenizer_token_kind(tokenizer, id)) {
    case TOKEN_BYTE:
        strbuf_addf(out, "<0x%02X>", (unsigned char)*bytes);
        break;
    case TOKEN_TEXT:
        if (tokenizer->kind == TOKENIZER_BYTE_LEVEL)
            byte_letters_print(out, bytes, length);
        else
            blank_marks_write(bytes, length, out);
        break;
    default:
        strbuf_add(out, bytes, length);
    }
}
