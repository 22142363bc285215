#include "shards/tokenizer/piece_feed.h"

#include "base/memory.h"
#include "base/thread_pool.h"

#define BLOCK_BYTES ((size_t)128 << 10)
#define BATCH_BYTES ((size_t)4 << 20) /* and for each thread MORE_BYTES */
#define MORE_BYTES  ((size_t)1 << 20)

struct text_batch {
    struct strbuf text;
    size_t *ends; /* of its blocks */
    int64_t block_count, block_capacity;
};

struct piece_feed {
    struct piece_counter *counter;
    struct thread_pool *pool;
    size_t longest_piece, batch_bytes;
    text_supply *supply;
    void *context;

    struct text_batch batches[2];
    struct text_batch *reading, *counting;
    struct strbuf waiting; /* a text that is read, but in no batch yet */
    bool has_waiting, at_end;
    enum status status; /* of reading, with its message, which belongs to a thread */
    char *message;
    int64_t texts, bytes;
};

struct piece_feed *piece_feed_create(struct piece_counter *counter, int threads,
                                     size_t longest_piece, text_supply *supply, void *context)
{
    struct piece_feed *feed = memory_alloc_zeroed(1, sizeof *feed);
    feed->counter = counter;
    feed->pool = thread_pool_create(threads);
    feed->longest_piece = longest_piece;
    feed->batch_bytes = BATCH_BYTES + (size_t)threads * MORE_BYTES;
    feed->supply = supply;
    feed->context = context;
    for (int i = 0; i < 2; i++)
        strbuf_init(&feed->batches[i].text);
    strbuf_init(&feed->waiting);
    feed->reading = &feed->batches[0];
    feed->counting = &feed->batches[1];
    return feed;
}

void piece_feed_free(struct piece_feed *feed)
{
    if (!feed)
        return;
    thread_pool_free(feed->pool);
    for (int i = 0; i < 2; i++) {
        strbuf_release(&feed->batches[i].text);
        memory_free(feed->batches[i].ends);
    }
    strbuf_release(&feed->waiting);
    memory_free(feed->message);
    memory_free(feed);
}

static void add_block(struct text_batch *batch, size_t end)
{
    if (batch->block_count == batch->block_capacity) {
        batch->block_capacity += batch->block_capacity / 2 + 256;
        batch->ends =
            memory_realloc(batch->ends, (size_t)batch->block_capacity * sizeof *batch->ends);
    }
    batch->ends[batch->block_count++] = end;
}

/* Takes the waiting text, by an exchange where nothing has to be copied behind something. */
static void take_waiting(struct piece_feed *feed, struct text_batch *batch)
{
    size_t begin = batch->text.length;
    if (begin == 0) {
        struct strbuf empty = batch->text;
        batch->text = feed->waiting;
        feed->waiting = empty;
    } else {
        strbuf_add(&batch->text, feed->waiting.bytes, feed->waiting.length);
    }
    feed->has_waiting = false;

    const char *text = batch->text.bytes + begin;
    size_t length = batch->text.length - begin;
    for (size_t at = 0; at < length;) {
        at = length - at > BLOCK_BYTES ? piece_counter_cut(text, at + BLOCK_BYTES, length) : length;
        add_block(batch, begin + at);
    }
}

static enum status read_batch(struct piece_feed *feed)
{
    struct text_batch *batch = feed->reading;
    while (batch->text.length < feed->batch_bytes) {
        if (!feed->has_waiting) {
            TRY(feed->supply(feed->context, &feed->waiting, &feed->has_waiting));
            feed->at_end = !feed->has_waiting;
            if (feed->at_end)
                break;
            feed->texts++;
            feed->bytes += (int64_t)feed->waiting.length;
        }
        if (batch->text.length > 0 && feed->waiting.length > feed->batch_bytes)
            break;
        take_waiting(feed, batch);
    }
    return STATUS_OK;
}

/* Block 0 reads; the others are those of the batch that is counted. */
static void do_block(void *context, int64_t block, int thread)
{
    struct piece_feed *feed = context;
    if (block == 0) {
        if (!feed->at_end)
            feed->status = read_batch(feed);
        if (feed->status != STATUS_OK)
            feed->message = memory_copy_string(status_message());
        return;
    }
    const struct text_batch *batch = feed->counting;
    size_t begin = block > 1 ? batch->ends[block - 2] : 0, end = batch->ends[block - 1];
    piece_counter_add(feed->counter, thread, batch->text.bytes + begin, end - begin,
                      feed->longest_piece);
}

enum status piece_feed_step(struct piece_feed *feed, bool *more)
{
    *more = false;
    thread_pool_run(feed->pool, 1 + feed->counting->block_count, do_block, feed);
    if (feed->status != STATUS_OK)
        return status_set(feed->status, feed->message);

    struct text_batch *counted = feed->counting;
    feed->counting = feed->reading;
    feed->reading = counted;
    strbuf_reset(&counted->text);
    counted->block_count = 0;
    *more = !feed->at_end || feed->counting->block_count > 0;
    return STATUS_OK;
}

int64_t piece_feed_texts(const struct piece_feed *feed)
{
    return feed->texts;
}

int64_t piece_feed_bytes(const struct piece_feed *feed)
{
    return feed->bytes;
}
