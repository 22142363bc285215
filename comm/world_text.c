#include "comm/world_text.h"

#include <stdint.h>

void world_share_text(const struct world *world, struct strbuf *text)
{
    uint64_t length = text->length;
    world_broadcast(world, &length, sizeof length, 0);
    if (world->rank != 0) {
        strbuf_reset(text);
        strbuf_reserve(text, (size_t)length);
    }
    if (length == 0)
        return;
    world_broadcast(world, text->bytes, (size_t)length, 0);
    text->length = (size_t)length;
    text->bytes[length] = '\0';
}
