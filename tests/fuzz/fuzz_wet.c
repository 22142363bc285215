/* wet_reader, in every way that must give the same. */
#include "tests/fuzz/document_walk.h"
#include "tests/fuzz/fuzz_target.h"

void fuzz_begin(void)
{
}

void fuzz_input(const uint8_t *data, size_t size)
{
    static const struct document_rules rules = { .format = FORMAT_WET };
    document_walk_check(data, size, &rules);
}
