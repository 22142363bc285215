/* world_text: a text of rank 0 on all ranks. */
#ifndef COMM_WORLD_TEXT_H
#define COMM_WORLD_TEXT_H

#include "base/strbuf.h"
#include "comm/world.h"

/* Collective. Every rank's `text` becomes rank 0's. */
void world_share_text(const struct world *world, struct strbuf *text);

#endif
