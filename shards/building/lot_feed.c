#include "shards/building/lot_feed.h"

#include <pthread.h>

#include "base/file.h"
#include "base/memory.h"
#include "shards/building/lot.h"

enum feed_state { FEED_WAITS, FEED_IDLE, FEED_BUSY, FEED_DONE };

/* An input that this rank reads, or a part of it. */
struct feed_input {
    int64_t number; /* of the input */
    enum feed_state state;
    int64_t lots_kept;              /* of those that were asked for last */
    struct document_reader *reader; /* or NULL: not yet needed */
    int64_t next_lot;
    int64_t bytes_done;
};

struct lot_feed {
    struct lot_feed_plan plan;
    struct feed_input *inputs; /* in the order of their work */
    int64_t count, first_open; /* all before are done */
    pthread_mutex_t mutex;     /* guards states and counts; an input's reader is its thread's */
    pthread_cond_t changed;
    bool stopped;
    int64_t text_bytes, lots_kept;
};

void lot_path(const char *folder, const struct build_input *input, int64_t lot, struct strbuf *out)
{
    strbuf_reset(out);
    strbuf_addf(out, "%s/%.32s/%08lld", folder, input->identity, (long long)lot);
}

struct lot_feed *lot_feed_create(const struct lot_feed_plan *plan)
{
    struct lot_feed *feed = memory_alloc_zeroed(1, sizeof *feed);
    feed->plan = *plan;
    feed->inputs = memory_alloc_zeroed((size_t)plan->input_count + 1, sizeof *feed->inputs);
    for (int64_t i = 0; i < plan->input_count; i++)
        if (plan->inputs[i].reader < 0 || plan->inputs[i].reader == plan->rank)
            feed->inputs[feed->count++].number = i;
    pthread_mutex_init(&feed->mutex, NULL);
    pthread_cond_init(&feed->changed, NULL);
    return feed;
}

void lot_feed_free(struct lot_feed *feed)
{
    if (!feed)
        return;
    for (int64_t i = 0; i < feed->count; i++)
        document_reader_close(feed->inputs[i].reader);
    memory_free(feed->inputs);
    pthread_mutex_destroy(&feed->mutex);
    pthread_cond_destroy(&feed->changed);
    memory_free(feed);
}

/* ---- one input, by the thread that has it ---- */

static enum status reader_of(struct lot_feed *feed, struct feed_input *input)
{
    if (input->reader)
        return STATUS_OK;
    return document_reader_open(feed->plan.inputs[input->number].path, feed->plan.rules,
                                &input->reader);
}

static enum status read_lot(struct lot_feed *feed, struct feed_input *input, int64_t lot,
                            struct document_batch *batch)
{
    const int64_t end = (lot + 1) * feed->plan.lot_bytes;
    batch->count = 0;
    batch->input = input->number;
    batch->lot = lot;
    batch->is_last = false;
    while (!batch->is_last && document_reader_position(input->reader) < end) {
        struct batch_item *item = document_batch_room(batch);
        TRY(document_reader_next(input->reader, &item->document, &item->verdict));
        if (item->verdict == READER_END)
            batch->is_last = true;
        else
            batch->count++;
    }
    return STATUS_OK;
}

/* Is the lot there? *ends: the input has no lot behind it. */
static enum status is_made(struct lot_feed *feed, const struct feed_input *input, int64_t lot,
                           bool *made, bool *ends)
{
    struct strbuf path = STRBUF_INIT;
    struct lot_header header = { 0 };
    lot_path(feed->plan.folder, &feed->plan.inputs[input->number], lot, &path);
    enum status status =
        lot_check(path.bytes, feed->plan.token_bytes, feed->plan.has_keys, made, &header);
    *ends = *made && header.is_last;
    strbuf_release(&path);
    return status;
}

/* Reads the input's next lot that this rank is to make; *ended: none comes behind it. */
static enum status advance(struct lot_feed *feed, struct feed_input *input,
                           struct document_batch *batch, bool *found, bool *ended)
{
    const struct build_input *shared = &feed->plan.inputs[input->number];
    *found = *ended = false;
    while (!*found && !*ended) {
        const int64_t lot = input->next_lot++, begin = lot * feed->plan.lot_bytes;
        const bool mine = build_input_falls_to(shared, lot, feed->plan.rank, feed->plan.ranks);
        bool made = false;
        if (mine)
            TRY(is_made(feed, input, lot, &made, ended));
        input->lots_kept += made;
        if (*ended || (made && shared->reader >= 0))
            continue; /* the place is looked for only when a lot is to be made */
        TRY(reader_of(feed, input));
        TRY(document_reader_skip_to(input->reader, begin));
        *ended = document_reader_position(input->reader) < begin;
        if (*ended || made || !mine)
            continue;
        TRY(read_lot(feed, input, lot, batch));
        *found = true;
        *ended = batch->is_last;
    }
    return STATUS_OK;
}

/* ---- the threads ---- */

/* The first input that no thread reads. Those that are not yet opened lie behind all others. */
static struct feed_input *first_free(struct lot_feed *feed, bool *any_busy)
{
    *any_busy = false;
    while (feed->first_open < feed->count && feed->inputs[feed->first_open].state == FEED_DONE)
        feed->first_open++;
    for (int64_t i = feed->first_open; i < feed->count; i++) {
        struct feed_input *input = &feed->inputs[i];
        if (input->state == FEED_IDLE || input->state == FEED_WAITS)
            return input;
        *any_busy |= input->state == FEED_BUSY;
    }
    return NULL;
}

/* An input that no thread reads, once there is one; NULL: none is left. Holds the mutex. */
static struct feed_input *take_input(struct lot_feed *feed)
{
    bool any_busy = true;
    while (!feed->stopped && any_busy) {
        struct feed_input *input = first_free(feed, &any_busy);
        if (input) {
            input->state = FEED_BUSY;
            return input;
        }
        if (any_busy)
            pthread_cond_wait(&feed->changed, &feed->mutex);
    }
    return NULL;
}

static void give_back(struct lot_feed *feed, struct feed_input *input,
                      const struct document_batch *batch, bool found, bool ended)
{
    const int64_t bytes = feed->plan.inputs[input->number].bytes;
    if (ended) {
        input->state = FEED_DONE;
        document_reader_close(input->reader);
        input->reader = NULL;
        input->bytes_done = bytes;
    } else {
        input->state = FEED_IDLE;
        if (input->reader)
            input->bytes_done = document_reader_input_bytes(input->reader);
    }
    for (int64_t i = 0; found && i < batch->count; i++)
        feed->text_bytes += (int64_t)batch->items[i].document.text.length;
    feed->lots_kept += input->lots_kept;
    input->lots_kept = 0;
    pthread_cond_broadcast(&feed->changed);
}

enum status lot_feed_next(struct lot_feed *feed, struct document_batch *batch, bool *found)
{
    enum status status = STATUS_OK;
    *found = false;
    pthread_mutex_lock(&feed->mutex);
    while (!*found && status == STATUS_OK) {
        struct feed_input *input = take_input(feed);
        if (!input)
            break;
        pthread_mutex_unlock(&feed->mutex);
        bool ended;
        status = advance(feed, input, batch, found, &ended);
        pthread_mutex_lock(&feed->mutex);
        give_back(feed, input, batch, *found, ended);
    }
    if (status != STATUS_OK)
        feed->stopped = true;
    pthread_mutex_unlock(&feed->mutex);
    return status;
}

void lot_feed_stop(struct lot_feed *feed)
{
    pthread_mutex_lock(&feed->mutex);
    feed->stopped = true;
    pthread_cond_broadcast(&feed->changed);
    pthread_mutex_unlock(&feed->mutex);
}

struct lot_feed_progress lot_feed_look(struct lot_feed *feed)
{
    struct lot_feed_progress progress = { 0 };
    pthread_mutex_lock(&feed->mutex);
    for (int64_t i = 0; i < feed->count; i++) {
        progress.bytes_done += feed->inputs[i].bytes_done;
        progress.bytes_total += feed->plan.inputs[feed->inputs[i].number].bytes;
    }
    progress.text_bytes = feed->text_bytes;
    progress.lots_kept = feed->lots_kept;
    pthread_mutex_unlock(&feed->mutex);
    return progress;
}
