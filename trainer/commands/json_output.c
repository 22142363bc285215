#include "trainer/commands/json_output.h"

#include <stdio.h>

#include "base/strbuf.h"

void json_output_print(const struct json *value, enum json_style style)
{
    struct strbuf text = STRBUF_INIT;
    json_print(value, style, &text);
    puts(text.bytes);
    strbuf_release(&text);
}
