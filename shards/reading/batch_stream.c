#include "shards/reading/batch_stream.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

/* Leaves are counted in the order of their use: leaf number n is in ring[n % ring_size].
 *
 *   taken              filled
 *     | held |  ready   |        free            |     ring of ahead + 1
 *
 * The taker holds leaf `taken` - 1 until its next call. What is fetched out of turn has a buffer
 * of its own behind the ring. */
struct place {
    int64_t step, leaf;
};

struct batch_stream {
    struct batch_stream_plan plan;
    struct corpus_mixture *mixture;
    struct mixture_schedule schedule;
    struct mixture_walk walk; /* the reader thread's */
    struct leaf_tokens *ring;
    int64_t ring_size;

    pthread_t reader;
    bool reader_runs;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    int64_t taken, filled;
    bool is_asked; /* for `asked`, out of turn */
    struct place asked;
    bool closing;
    enum status reader_status; /* of the first leaf that could not be read: none follow */
    char reader_message[STATUS_MESSAGE_BYTES];

    double wait_seconds; /* the taker's */
};

static int64_t leaves_per_step(const struct batch_stream *stream)
{
    return stream->plan.end_leaf - stream->plan.first_leaf;
}

static struct place place_of(const struct batch_stream *stream, int64_t number)
{
    const struct batch_stream_plan *plan = &stream->plan;
    return (struct place){ plan->first_step + number / leaves_per_step(stream),
                           plan->first_leaf + number % leaves_per_step(stream) };
}

static struct leaf_tokens *out_of_turn(const struct batch_stream *stream)
{
    return &stream->ring[stream->ring_size];
}

/* Only the reader thread calls it. */
static enum status read_leaf(struct batch_stream *stream, struct place place,
                             const struct leaf_tokens *buffer)
{
    const struct batch_stream_plan *plan = &stream->plan;
    const int64_t first_slot = (place.step * plan->leaves + place.leaf) * plan->leaf_sequences;
    const size_t row_bytes = (size_t)plan->seq_len * sizeof(int32_t);

    for (int64_t s = 0; s < plan->leaf_sequences; s++) {
        const struct mixture_place found =
            mixture_walk_place(&stream->walk, &stream->schedule, first_slot + s);
        const int64_t row = s * plan->seq_len;
        /* One token more than a row: the next row takes its place. */
        TRY(corpus_read_sample(stream->mixture->parts[found.part].corpus, found.sample,
                               buffer->tokens + row,
                               plan->document_starts ? buffer->document_starts + row : NULL));
        memcpy(buffer->targets + row, buffer->tokens + row + 1, row_bytes);
    }
    return STATUS_OK;
}

static bool ring_is_full(const struct batch_stream *stream)
{
    /* The leaf before `taken` is still in the taker's hands. */
    int64_t held = stream->taken > 0 ? 1 : 0;
    return stream->filled - stream->taken + held >= stream->ring_size;
}

static void *run_reader(void *context)
{
    struct batch_stream *stream = context;
    pthread_mutex_lock(&stream->mutex);
    while (!stream->closing && stream->reader_status == STATUS_OK) {
        const bool is_asked = stream->is_asked;
        if (!is_asked && ring_is_full(stream)) {
            pthread_cond_wait(&stream->changed, &stream->mutex);
            continue;
        }
        const struct place place = is_asked ? stream->asked : place_of(stream, stream->filled);
        const struct leaf_tokens *buffer =
            is_asked ? out_of_turn(stream) : &stream->ring[stream->filled % stream->ring_size];
        pthread_mutex_unlock(&stream->mutex);
        enum status status = read_leaf(stream, place, buffer);
        pthread_mutex_lock(&stream->mutex);

        if (status == STATUS_OK && is_asked) {
            stream->is_asked = false;
        } else if (status == STATUS_OK) {
            stream->filled++;
        } else { /* messages belong to their thread: the taker gets a copy */
            memcpy(stream->reader_message, status_message(), strlen(status_message()) + 1);
            stream->reader_status = status;
        }
        pthread_cond_broadcast(&stream->changed);
    }
    pthread_mutex_unlock(&stream->mutex);
    return NULL;
}

static void check_plan(const struct batch_stream_plan *plan)
{
    CHECK(plan->leaves > 0 && plan->leaf_sequences > 0 && plan->seq_len > 0 && plan->ahead > 0 &&
              plan->first_step >= 0,
          "a batch stream needs positive sizes");
    CHECK(plan->first_leaf >= 0 && plan->first_leaf <= plan->end_leaf &&
              plan->end_leaf <= plan->leaves,
          "leaves [%lld, %lld) of %lld", (long long)plan->first_leaf, (long long)plan->end_leaf,
          (long long)plan->leaves);
}

static void allocate_ring(struct batch_stream *stream)
{
    const struct batch_stream_plan *plan = &stream->plan;
    const size_t leaf_tokens = (size_t)plan->leaf_sequences * (size_t)plan->seq_len;
    stream->ring_size = (int64_t)plan->ahead + 1;
    stream->ring = memory_alloc_zeroed((size_t)stream->ring_size + 1, sizeof *stream->ring);
    for (int64_t i = 0; i <= stream->ring_size; i++) {
        stream->ring[i].tokens = memory_alloc_zeroed(leaf_tokens + 1, sizeof(int32_t));
        stream->ring[i].targets = memory_alloc_zeroed(leaf_tokens, sizeof(int32_t));
        if (plan->document_starts)
            stream->ring[i].document_starts = memory_alloc_zeroed(leaf_tokens, sizeof(int32_t));
    }
}

size_t batch_stream_bytes(const struct batch_stream_plan *plan)
{
    const size_t leaf_tokens = (size_t)plan->leaf_sequences * (size_t)plan->seq_len;
    if (plan->first_leaf == plan->end_leaf)
        return 0;
    return ((size_t)plan->ahead + 2) * (plan->document_starts ? 3 : 2) * leaf_tokens *
           sizeof(int32_t);
}

struct batch_stream *batch_stream_open(struct corpus_mixture *mixture,
                                       const struct batch_stream_plan *plan)
{
    check_plan(plan);
    struct batch_stream *stream = memory_alloc_zeroed(1, sizeof *stream);
    stream->plan = *plan;
    stream->mixture = mixture;
    stream->schedule = corpus_mixture_schedule(mixture, plan->seed);
    pthread_mutex_init(&stream->mutex, NULL);
    pthread_cond_init(&stream->changed, NULL);
    if (leaves_per_step(stream) > 0) {
        allocate_ring(stream);
        int error = pthread_create(&stream->reader, NULL, run_reader, stream);
        CHECK(error == 0, "cannot start the reader thread: %s", strerror(error));
        stream->reader_runs = true;
    }
    return stream;
}

static void check_turn(const struct batch_stream *stream, int64_t step, int64_t leaf)
{
    CHECK(stream->reader_runs, "leaf %lld asked of a stream without leaves", (long long)leaf);
    const struct place due = place_of(stream, stream->taken);
    CHECK(step == due.step && leaf == due.leaf,
          "leaf %lld of step %lld asked where leaf %lld of step %lld is due", (long long)leaf,
          (long long)step, (long long)due.leaf, (long long)due.step);
}

enum status batch_stream_take(struct batch_stream *stream, int64_t step, int64_t leaf,
                              const struct leaf_tokens **out)
{
    check_turn(stream, step, leaf);
    const double start = clock_seconds();
    pthread_mutex_lock(&stream->mutex);
    while (stream->filled == stream->taken && stream->reader_status == STATUS_OK)
        pthread_cond_wait(&stream->changed, &stream->mutex);

    enum status status = STATUS_OK;
    if (stream->filled > stream->taken) {
        *out = &stream->ring[stream->taken++ % stream->ring_size];
        pthread_cond_broadcast(&stream->changed);
    } else {
        status = status_set(stream->reader_status, stream->reader_message);
    }
    pthread_mutex_unlock(&stream->mutex);
    stream->wait_seconds += clock_seconds() - start;
    return status;
}

enum status batch_stream_fetch(struct batch_stream *stream, int64_t step, int64_t leaf,
                               const struct leaf_tokens **out)
{
    CHECK(stream->reader_runs && leaf >= 0 && leaf < stream->plan.leaves,
          "leaf %lld fetched from a stream that cannot read it", (long long)leaf);
    pthread_mutex_lock(&stream->mutex);
    stream->asked = (struct place){ step, leaf };
    stream->is_asked = true;
    pthread_cond_broadcast(&stream->changed);
    while (stream->is_asked && stream->reader_status == STATUS_OK)
        pthread_cond_wait(&stream->changed, &stream->mutex);

    enum status status = STATUS_OK;
    if (!stream->is_asked)
        *out = out_of_turn(stream);
    else
        status = status_set(stream->reader_status, stream->reader_message);
    pthread_mutex_unlock(&stream->mutex);
    return status;
}

double batch_stream_wait_seconds(const struct batch_stream *stream)
{
    return stream->wait_seconds;
}

void batch_stream_close(struct batch_stream *stream)
{
    if (stream == NULL)
        return;
    if (stream->reader_runs) {
        pthread_mutex_lock(&stream->mutex);
        stream->closing = true;
        pthread_cond_broadcast(&stream->changed);
        pthread_mutex_unlock(&stream->mutex);
        pthread_join(stream->reader, NULL);
    }
    for (int64_t i = 0; stream->ring && i <= stream->ring_size; i++) {
        memory_free(stream->ring[i].tokens);
        memory_free(stream->ring[i].targets);
        memory_free(stream->ring[i].document_starts);
    }
    memory_free(stream->ring);
    pthread_cond_destroy(&stream->changed);
    pthread_mutex_destroy(&stream->mutex);
    memory_free(stream);
}
