/* strbuf: a growing byte string. `bytes` is always NUL-terminated, never NULL. */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stddef.h>

#include "base/status.h"

struct strbuf {
    char *bytes;
    size_t length, capacity; /* capacity 0: `bytes` is the shared empty string */
};

#define STRBUF_INIT                                                                                \
    {                                                                                              \
        (char *)"", 0, 0                                                                           \
    }

void strbuf_init(struct strbuf *buffer);
void strbuf_release(struct strbuf *buffer);
void strbuf_reset(struct strbuf *buffer);              /* length 0, memory kept */
void strbuf_cut(struct strbuf *buffer, size_t length); /* to `length` or less; memory kept */
void strbuf_reserve(struct strbuf *buffer, size_t extra_bytes);
void strbuf_add(struct strbuf *buffer, const void *bytes, size_t length);
void strbuf_add_string(struct strbuf *buffer, const char *text);
void strbuf_add_char(struct strbuf *buffer, char c);
void strbuf_addf(struct strbuf *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
void strbuf_vaddf(struct strbuf *buffer, const char *format, va_list arguments);

/* The shortest decimal that reads back as the same double: "0.1", "1e-05". */
void strbuf_add_number(struct strbuf *buffer, double value);

/* "folder/name", freshly allocated; the caller frees it with memory_free. */
char *path_join(const char *folder, const char *name);

#endif
