/* fuzz_target: what every fuzz target has. libFuzzer calls a target with inputs that it makes up
 * from those in corpus/TARGET; the target feeds them to a parser and CHECKs what must hold of the
 * result, so that more than crashes is found. Memory that is not given back is found too.
 */
#ifndef TESTS_FUZZ_TARGET_H
#define TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/strbuf.h"

/* The target's own. Begin is called once, before the first input. */
void fuzz_begin(void);
void fuzz_input(const uint8_t *data, size_t size);

/* The path of a scratch file of that name (a literal), with those bytes. */
const char *fuzz_file(const char *name, const void *bytes, size_t length);

/* A place in 0 .. size, the same for the same bytes and `salt`. */
size_t fuzz_place(const uint8_t *data, size_t size, uint32_t salt);

/* Appends a gzip member of stored blocks: cheap to make. */
void fuzz_add_member(struct strbuf *file, const void *text, size_t length);

/* What an input has consumed of its bytes: takes one, or 0 at the end. */
struct fuzz_bytes {
    const uint8_t *data;
    size_t size;
};
uint8_t fuzz_take(struct fuzz_bytes *bytes);

static inline void fuzz_check_equal(const struct strbuf *left, const struct strbuf *right,
                                    const char *what)
{
    CHECK(left->length == right->length && memcmp(left->bytes, right->bytes, left->length) == 0,
          "%s: '%s' and '%s' differ", what, left->bytes, right->bytes);
}

#endif
