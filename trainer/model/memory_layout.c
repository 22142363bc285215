#include "trainer/model/memory_layout.h"

#include "base/memory.h"
#include "base/status.h"

static size_t lowest_place(const struct layout *layout, unsigned alive, size_t bytes)
{
    size_t place = 0;
    for (int i = 0; i < layout->piece_count; i++) {
        const struct layout_piece *other = &layout->pieces[i];
        if ((other->alive & alive) && other->begin < place + bytes && place < other->end) {
            place = other->end;
            i = -1; /* from there once more against all */
        }
    }
    return place;
}

static size_t take_kept(struct layout *layout, size_t bytes)
{
    CHECK(layout->piece_count == 0, "a piece that lives for good lies before all others");
    layout->kept_bytes += bytes;
    return layout->kept_bytes - bytes;
}

static size_t take_shared(struct layout *layout, unsigned alive, size_t bytes)
{
    const size_t begin = lowest_place(layout, alive, bytes), end = begin + bytes;
    CHECK(layout->piece_count < LAYOUT_PIECES, "more than %d pieces share memory", LAYOUT_PIECES);
    layout->pieces[layout->piece_count++] = (struct layout_piece){ begin, end, alive };
    return layout->kept_bytes + begin;
}

void *layout_take(struct layout *layout, unsigned alive, size_t bytes)
{
    const size_t rounded = arena_rounded(bytes);
    const size_t place = alive ? take_shared(layout, alive, rounded) : take_kept(layout, rounded);
    return layout->base ? layout->base + place : NULL;
}

size_t layout_bytes(const struct layout *layout, unsigned alive)
{
    size_t shared = 0;
    for (int i = 0; i < layout->piece_count; i++) {
        const struct layout_piece *piece = &layout->pieces[i];
        if ((piece->alive & alive) && piece->end > shared)
            shared = piece->end;
    }
    return layout->kept_bytes + shared;
}
