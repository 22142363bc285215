/* huffman_deflate: what it writes, two decoders read back. */
#include <libdeflate.h>
#include <zlib.h>

#include "shards/format/huffman_deflate.h"
#include "tests/fuzz/fuzz_target.h"

static struct libdeflate_decompressor *decoder;

void fuzz_begin(void)
{
    decoder = libdeflate_alloc_decompressor();
}

/* Each byte of the input stands for a run, so that counts of all sizes come about. */
static void spread(const struct fuzz_bytes *bytes, unsigned stretch, struct strbuf *text)
{
    for (size_t i = 0; i < bytes->size && text->length < 1 << 17; i++)
        for (unsigned k = 0; k <= bytes->data[i] * stretch / 16u; k++)
            strbuf_add_char(text, (char)(bytes->data[i] ^ k));
}

void fuzz_input(const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = { data, size };
    struct strbuf text = STRBUF_INIT;
    const size_t planes = (size_t)1 << fuzz_take(&bytes) % 4;
    spread(&bytes, fuzz_take(&bytes), &text);
    while (text.length % planes != 0 || text.length == 0)
        strbuf_add_char(&text, 'x');

    const size_t room = huffman_deflate_bound(text.length, planes);
    unsigned char *stored = memory_alloc(room), *back = memory_alloc(text.length);
    const size_t length = huffman_deflate((unsigned char *)text.bytes, text.length, planes, stored);
    CHECK(length <= room, "%zu bytes of %zu", length, room);
    uLongf inflated = text.length;
    CHECK(uncompress(back, &inflated, stored, length) == Z_OK && inflated == text.length &&
              memcmp(back, text.bytes, text.length) == 0,
          "zlib reads something else");
    memset(back, 0, text.length);
    CHECK(libdeflate_zlib_decompress(decoder, stored, length, back, text.length, NULL) ==
                  LIBDEFLATE_SUCCESS &&
              memcmp(back, text.bytes, text.length) == 0,
          "libdeflate reads something else");
    memory_free(stored);
    memory_free(back);
    strbuf_release(&text);
}
