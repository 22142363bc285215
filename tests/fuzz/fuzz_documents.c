/* document_reader: all formats; the first byte chooses the rules. */
#include "tests/fuzz/document_walk.h"
#include "tests/fuzz/fuzz_target.h"

void fuzz_begin(void)
{
}

void fuzz_input(const uint8_t *data, size_t size)
{
    static const struct document_rules rules[] = {
        { .format = FORMAT_AUTO },
        { .format = FORMAT_JSONL },
        { .format = FORMAT_JSONL, .text_field = "t", .id_field = "t", .url_field = "u" },
        { .format = FORMAT_WET },
        { .format = FORMAT_TEXT },
        { .format = FORMAT_TEXT, .text = { .document_bytes = 7 } },
        { .format = FORMAT_TEXT, .text = { .document_start = "^=|\\bx" } },
        { .format = FORMAT_TEXT, .text = { .separator = "--", .document_bytes = 20 } },
        { .format = FORMAT_TEXT, .text = { .separator = "--", .document_start = "^-" } },
    };
    struct fuzz_bytes bytes = { data, size };
    uint8_t choice = fuzz_take(&bytes);
    document_walk_check(bytes.data, bytes.size, &rules[choice % (sizeof rules / sizeof *rules)]);
}
