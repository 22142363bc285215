#include "tests/unit/gzip_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/memory.h"

void sample_write_file(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

void gzip_sample_add_member(struct strbuf *file, const char *text, size_t length)
{
    z_stream deflater = { 0 };
    assert_int_equal(deflateInit2(&deflater, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&deflater, length) + 64;
    unsigned char *out = memory_alloc(room);
    deflater.next_in = (unsigned char *)(uintptr_t)text;
    deflater.avail_in = (uInt)length;
    deflater.next_out = out;
    deflater.avail_out = (uInt)room;
    assert_int_equal(deflate(&deflater, Z_FINISH), Z_STREAM_END);
    strbuf_add(file, out, room - deflater.avail_out);
    deflateEnd(&deflater);
    memory_free(out);
}
