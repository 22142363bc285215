/* deflate_reader: a stream is whole, broken or too short for it where it is for zlib, with the same
 * text. The first byte says how much is handed over at a time. */
#include <zlib.h>

#include "shards/deflate_reader.h"
#include "tests/fuzz/fuzz_target.h"

#define MOST_TEXT ((size_t)1 << 20)

static struct deflate_reader reader;

void fuzz_begin(void)
{
}

/* *left: bytes after the stream. */
static enum deflate_result inflate_here(const uint8_t *data, size_t size, size_t step, size_t *left,
                                        struct strbuf *text)
{
    enum deflate_result result = DEFLATE_STARVES;
    size_t begin = 0, end = 0, used;
    deflate_reader_start(&reader);
    while (result == DEFLATE_GOES_ON || result == DEFLATE_STARVES) {
        if (text->length >= MOST_TEXT || (result == DEFLATE_STARVES && end == size))
            break;
        if (result == DEFLATE_STARVES)
            end = size - end < step ? size : end + step;
        result = deflate_reader_run(&reader, data + begin, end - begin, &used);
        CHECK(used <= end - begin, "more is used than there is");
        begin += used;
        strbuf_add(text, reader.out + reader.begin, reader.end - reader.begin);
        reader.begin = reader.end;
    }
    *left = size - begin;
    return result;
}

static enum deflate_result inflate_by_zlib(const uint8_t *data, size_t size, size_t *left,
                                           struct strbuf *text)
{
    static unsigned char block[65536];
    z_stream inflater = { .next_in = (unsigned char *)(uintptr_t)data, .avail_in = (uInt)size };
    CHECK(inflateInit2(&inflater, -15) == Z_OK, "zlib");
    int result = Z_OK;
    do {
        inflater.next_out = block;
        inflater.avail_out = sizeof block;
        result = inflate(&inflater, Z_NO_FLUSH);
        strbuf_add(text, block, sizeof block - inflater.avail_out);
    } while (result == Z_OK && inflater.avail_out == 0 && text->length < MOST_TEXT);
    *left = inflater.avail_in;
    inflateEnd(&inflater);
    return result == Z_STREAM_END                    ? DEFLATE_ENDS
           : result == Z_OK || result == Z_BUF_ERROR ? DEFLATE_STARVES
                                                     : DEFLATE_BREAKS;
}

void fuzz_input(const uint8_t *data, size_t size)
{
    struct strbuf text = STRBUF_INIT, expected = STRBUF_INIT;
    struct fuzz_bytes bytes = { data, size };
    size_t step = 1 + (size_t)fuzz_take(&bytes) * 7, left, expected_left;
    enum deflate_result result = inflate_here(bytes.data, bytes.size, step, &left, &text);
    enum deflate_result wanted = inflate_by_zlib(bytes.data, bytes.size, &expected_left, &expected);
    if (text.length < MOST_TEXT && expected.length < MOST_TEXT) {
        /* Of what is cut off or broken, the last bits are looked at by one and not by the other. */
        CHECK((result == DEFLATE_ENDS) == (wanted == DEFLATE_ENDS), "%d and by zlib %d", result,
              wanted);
        if (result == DEFLATE_ENDS) {
            fuzz_check_equal(&text, &expected, "text by zlib");
            CHECK(left == expected_left, "%zu bytes after the end, by zlib %zu", left,
                  expected_left);
        }
    }
    strbuf_release(&text);
    strbuf_release(&expected);
}
