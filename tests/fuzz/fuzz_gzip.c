/* text_source: raw files, and good gzip files of which one bit is flipped. What it makes of them is
 * compared with what zlib does. */
#include <zlib.h>

#include "shards/inputs/text_source.h"
#include "tests/fuzz/fuzz_target.h"

#define MOST_TEXT ((size_t)4 << 20) /* of a bomb */

void fuzz_begin(void)
{
}

static enum status read_text(const char *path, size_t input_bytes, size_t room, struct strbuf *text)
{
    struct text_source *source;
    static char block[65536];
    size_t length = 1;
    strbuf_reset(text);
    enum status status = text_source_open(path, input_bytes, &source);
    while (status == STATUS_OK && length > 0 && text->length < MOST_TEXT) {
        status = text_source_read(source, block, room, &length);
        if (status == STATUS_OK)
            strbuf_add(text, block, length);
    }
    if (text->length > MOST_TEXT)
        strbuf_cut(text, MOST_TEXT);
    text_source_close(source);
    return status;
}

/* The whole file by zlib's inflate, as text_source.h says. */
static bool inflate_by_zlib(const unsigned char *file, size_t size, struct strbuf *text)
{
    static unsigned char block[65536];
    z_stream inflater = { .next_in = (unsigned char *)(uintptr_t)file, .avail_in = (uInt)size };
    CHECK(inflateInit2(&inflater, 15 + 16) == Z_OK, "zlib");
    int result = Z_STREAM_END;
    strbuf_reset(text);
    while (text->length < MOST_TEXT && !(result == Z_STREAM_END && inflater.avail_in == 0)) {
        if (result == Z_STREAM_END)
            inflateReset(&inflater);
        inflater.next_out = block;
        inflater.avail_out = sizeof block;
        result = inflate(&inflater, Z_NO_FLUSH);
        size_t length = sizeof block - inflater.avail_out;
        strbuf_add(text, block, length);
        if ((result != Z_OK && result != Z_STREAM_END) ||
            (result == Z_OK && inflater.avail_in == 0 && inflater.avail_out > 0))
            break;
    }
    bool capped = text->length >= MOST_TEXT;
    strbuf_cut(text, MOST_TEXT);
    inflateEnd(&inflater);
    return capped || (result == Z_STREAM_END && inflater.avail_in == 0);
}

static void compare_with_zlib(const uint8_t *file, size_t size, enum status status,
                              const struct strbuf *text)
{
    struct strbuf expected = STRBUF_INIT;
    if (size >= 2 && file[0] == 0x1f && file[1] == 0x8b) {
        bool good = inflate_by_zlib(file, size, &expected);
        CHECK(good == (status == STATUS_OK), "zlib says %d, text_source %d: %s", good, status,
              status_message());
        if (good)
            fuzz_check_equal(text, &expected, "text by zlib");
    }
    strbuf_release(&expected);
}

/* Any sizes of the buffers give the same text, or fail alike. */
static enum status read_in_all_ways(const uint8_t *file, size_t size, struct strbuf *text)
{
    const char *path = fuzz_file("text", file, size);
    static const size_t sizes[][2] = { { 2, 65536 }, { 61, 300 }, { 65536, 1000 } };
    struct strbuf other = STRBUF_INIT;
    enum status status = read_text(path, 65536, 65536, text);
    for (int i = 0; i < 3; i++) {
        CHECK(read_text(path, sizes[i][0], sizes[i][1], &other) == status, "not as before: %s",
              status_message());
        if (status == STATUS_OK)
            fuzz_check_equal(text, &other, "text");
    }
    compare_with_zlib(file, size, status, text);
    strbuf_release(&other);
    return status;
}

static void add_deflated(struct strbuf *file, const uint8_t *text, size_t length, int level)
{
    z_stream deflater = { 0 };
    CHECK(deflateInit2(&deflater, level, Z_DEFLATED, 15 + 16, 1, Z_DEFAULT_STRATEGY) == Z_OK,
          "zlib");
    size_t room = deflateBound(&deflater, length) + 64;
    strbuf_reserve(file, room);
    deflater.next_in = (uint8_t *)(uintptr_t)text;
    deflater.avail_in = (uInt)length;
    deflater.next_out = (unsigned char *)file->bytes + file->length;
    deflater.avail_out = (uInt)room;
    CHECK(deflate(&deflater, Z_FINISH) == Z_STREAM_END, "zlib");
    file->length += room - deflater.avail_out;
    deflateEnd(&deflater);
}

static void flip_a_bit(struct fuzz_bytes *bytes)
{
    struct strbuf file = STRBUF_INIT, text = STRBUF_INIT;
    int level = fuzz_take(bytes) % 10;
    uint32_t bit = fuzz_take(bytes) | (uint32_t)fuzz_take(bytes) << 8;
    size_t cut = fuzz_place(bytes->data, bytes->size, 1);
    add_deflated(&file, bytes->data, cut, level);
    add_deflated(&file, bytes->data + cut, bytes->size - cut, level);

    const struct strbuf whole = { (char *)(uintptr_t)bytes->data, bytes->size, 0 };
    CHECK(read_in_all_ways((const uint8_t *)file.bytes, file.length, &text) == STATUS_OK,
          "a good file is refused: %s", status_message());
    fuzz_check_equal(&text, &whole, "inflated text");

    file.bytes[bit / 8 % file.length] ^= (char)(1 << bit % 8);
    if (read_in_all_ways((const uint8_t *)file.bytes, file.length, &text) == STATUS_OK &&
        (file.bytes[0] == '\x1f' && file.bytes[1] == '\x8b')) /* else it is plain text */
        fuzz_check_equal(&text, &whole, "text with a flipped bit");
    strbuf_release(&file);
    strbuf_release(&text);
}

void fuzz_input(const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = { data, size };
    struct strbuf text = STRBUF_INIT;
    if (fuzz_take(&bytes) % 2)
        flip_a_bit(&bytes);
    else
        read_in_all_ways(bytes.data, bytes.size, &text);
    strbuf_release(&text);
}
