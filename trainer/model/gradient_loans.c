#include "trainer/model/gradient_loans.h"

#include "base/memory.h"
#include "trainer/model/layer_plan.h"

static size_t page_before(size_t offset)
{
    return offset / ARENA_PAGE * ARENA_PAGE;
}

static size_t page_after(size_t offset)
{
    return page_before(offset + ARENA_PAGE - 1);
}

/* What is left to lend of a source lies in [begin, top). */
static size_t left(size_t begin, size_t top)
{
    return top > page_after(begin) ? top - page_after(begin) : 0;
}

struct planning {
    struct gradient_loans *loans;
    size_t scratch_top, kept_top, to_top;
};

/* Pages under [to_begin, to_top), as far as there are some that nothing reads any more. */
static void lend_down_to(struct planning *now, const struct loan_sources *sources, int64_t layers,
                         size_t to_begin)
{
    const size_t unread = sources->output_bytes + (size_t)layers * sources->layer_bytes;
    while (now->to_top > to_begin) {
        const size_t scratch = left(sources->scratch_begin, now->scratch_top);
        const size_t kept = left(sources->kept_end - unread, now->kept_top);
        const size_t wanted = now->to_top - to_begin, there = scratch ? scratch : kept;
        const size_t bytes = wanted < there ? wanted : there;
        if (!bytes)
            break;
        size_t *top = scratch ? &now->scratch_top : &now->kept_top;
        *top -= bytes;
        now->to_top -= bytes;
        now->loans->list[now->loans->count++] =
            (struct gradient_loan){ *top, now->to_top, bytes, layers, false };
        now->loans->bytes += bytes;
    }
    if (now->to_top > to_begin)
        now->to_top = to_begin; /* what was missing is new memory */
}

void gradient_loans_plan(struct gradient_loans *loans, const struct model_config *config,
                         const struct loan_sources *sources)
{
    struct tensor_table table;
    tensor_table_init(&table, config);
    struct model_views *views = model_views_create(config, &table);
    *loans = (struct gradient_loans){ 0 };
    loans->list = memory_alloc_zeroed((size_t)config->layers * 2, sizeof *loans->list);
    struct planning now = { loans, page_before(sources->scratch_end),
                            page_before(sources->kept_end),
                            page_before((size_t)views->final_norm.gain * sizeof(real)) };
    for (int64_t l = config->layers - 1; l >= 0; l--) {
        const size_t begin = (size_t)views->layers[l].attention_norm.gain * sizeof(real);
        lend_down_to(&now, sources, config->layers - 1 - l,
                     l ? page_before(begin) : page_after(begin));
    }
    model_views_free(views);
    tensor_table_release(&table);
}

void gradient_loans_release(struct gradient_loans *loans)
{
    memory_free(loans->list);
    *loans = (struct gradient_loans){ 0 };
}

void gradient_loans_make(struct gradient_loans *loans, int64_t layers, unsigned char *activations,
                         void *gradient)
{
    unsigned char *first = gradient;
    for (int64_t i = 0; i < loans->count; i++) {
        struct gradient_loan *loan = &loans->list[i];
        if (loan->layers != layers)
            continue;
        loan->is_made = arena_move_pages(activations + loan->from, first + loan->to, loan->bytes);
    }
}

void gradient_loans_end(struct gradient_loans *loans, unsigned char *activations, void *gradient)
{
    unsigned char *first = gradient;
    for (int64_t i = 0; i < loans->count; i++) {
        struct gradient_loan *loan = &loans->list[i];
        if (loan->is_made)
            arena_move_pages(first + loan->to, activations + loan->from, loan->bytes);
        loan->is_made = false;
    }
}
