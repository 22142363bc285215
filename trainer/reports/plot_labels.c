#include "trainer/reports/plot_labels.h"

#include "base/memory.h"

enum { NEAR_PX = 6, ROWS = 3 /* of labels on each side of a point */ };

void plot_labels_init(struct plot_labels *labels, struct plot_box frame)
{
    *labels = (struct plot_labels){ .frame = frame };
}

void plot_labels_release(struct plot_labels *labels)
{
    memory_free(labels->taken);
    *labels = (struct plot_labels){ 0 };
}

static bool overlap(const struct plot_box *a, const struct plot_box *b)
{
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

static bool is_free(const struct plot_labels *labels, const struct plot_box *box)
{
    const struct plot_box *frame = &labels->frame;
    if (box->left < frame->left || box->right > frame->right || box->top < frame->top ||
        box->bottom > frame->bottom)
        return false;
    for (int64_t i = 0; i < labels->count; i++)
        if (overlap(box, &labels->taken[i]))
            return false;
    return true;
}

static void take(struct plot_labels *labels, const struct plot_box *box)
{
    if (labels->count == labels->capacity) {
        labels->capacity = labels->capacity ? 2 * labels->capacity : 64;
        labels->taken =
            memory_realloc(labels->taken, (size_t)labels->capacity * sizeof *labels->taken);
    }
    labels->taken[labels->count++] = *box;
}

bool plot_labels_place(struct plot_labels *labels, double x, double y, double width, double height,
                       enum plot_corner favourite, struct plot_box *place)
{
    for (int row = 0; row < ROWS; row++) {
        for (int i = 0; i < PLOT_CORNERS; i++) {
            const int corner = ((int)favourite + i) % PLOT_CORNERS;
            const bool is_right = corner == BELOW_RIGHT || corner == ABOVE_RIGHT;
            const bool is_below = corner == BELOW_RIGHT || corner == BELOW_LEFT;
            const double left = is_right ? x + NEAR_PX : x - NEAR_PX - width;
            const double top =
                is_below ? y + NEAR_PX + row * height : y - NEAR_PX - (row + 1) * height;
            *place = (struct plot_box){ left, top, left + width, top + height };
            if (!is_free(labels, place))
                continue;
            take(labels, place);
            return true;
        }
    }
    return false;
}
