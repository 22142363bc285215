#include "shards/reading/batch_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "tests/unit/corpus_sample.h"

enum { SEQ_LEN = 32, LEAVES = 6, LEAF_SEQUENCES = 3 };

static const int64_t shard_tokens[] = { 3000, 5000, 0 };
static char folder[] = "/tmp/eon-batch-stream-XXXXXX";

static struct corpus_mixture *open_corpus(void)
{
    struct corpus_mixture *mixture;
    assert_int_equal(corpus_mixture_open(folder, SPLIT_TRAIN, SEQ_LEN, &mixture), STATUS_OK);
    return mixture;
}

static struct batch_stream_plan plan_for(int64_t first_leaf, int64_t end_leaf, int ahead)
{
    return (struct batch_stream_plan){
        .seed = 9,
        .leaves = LEAVES,
        .leaf_sequences = LEAF_SEQUENCES,
        .seq_len = SEQ_LEN,
        .first_leaf = first_leaf,
        .end_leaf = end_leaf,
        .first_step = 2,
        .ahead = ahead,
        .document_starts = ahead > 1,
    };
}

/* Compares a leaf with the schedule and the corpus, asked directly. */
static void assert_leaf(struct corpus_mixture *mixture, const struct batch_stream_plan *plan,
                        int64_t step, int64_t leaf, const struct leaf_tokens *read)
{
    for (int64_t s = 0; s < LEAF_SEQUENCES; s++) {
        int32_t sample[SEQ_LEN + 1], starts[SEQ_LEN];
        int64_t slot = (step * LEAVES + leaf) * LEAF_SEQUENCES + s;
        const struct mixture_schedule schedule = corpus_mixture_schedule(mixture, plan->seed);
        const struct mixture_place place = mixture_schedule_place(&schedule, slot);
        assert_int_equal(
            corpus_read_sample(mixture->parts[place.part].corpus, place.sample, sample, starts),
            STATUS_OK);
        assert_memory_equal(read->tokens + s * SEQ_LEN, sample, SEQ_LEN * sizeof *sample);
        assert_memory_equal(read->targets + s * SEQ_LEN, sample + 1, SEQ_LEN * sizeof *sample);
        if (plan->document_starts)
            assert_memory_equal(read->document_starts + s * SEQ_LEN, starts, sizeof starts);
        else
            assert_null(read->document_starts);
    }
}

static void leaves_come_as_scheduled(int64_t first_leaf, int64_t end_leaf, int ahead)
{
    struct corpus_mixture *streamed = open_corpus(), *direct = open_corpus();
    const struct batch_stream_plan plan = plan_for(first_leaf, end_leaf, ahead);
    struct batch_stream *stream = batch_stream_open(streamed, &plan);
    for (int64_t step = 2; step < 30; step++) /* beyond the first epoch */
        for (int64_t leaf = first_leaf; leaf < end_leaf; leaf++) {
            const struct leaf_tokens *read;
            assert_int_equal(batch_stream_take(stream, step, leaf, &read), STATUS_OK);
            assert_leaf(direct, &plan, step, leaf, read);
        }
    assert_true(batch_stream_wait_seconds(stream) >= 0);
    batch_stream_close(stream);
    corpus_mixture_close(streamed);
    corpus_mixture_close(direct);
}

static void any_range_of_leaves_comes_as_scheduled(void **state)
{
    (void)state;
    leaves_come_as_scheduled(0, LEAVES, 1);
    leaves_come_as_scheduled(0, LEAVES, 4);
    leaves_come_as_scheduled(2, 3, 2);
    leaves_come_as_scheduled(4, LEAVES, 3);
}

static void a_taken_leaf_stays_until_the_next_call(void **state)
{
    (void)state;
    struct corpus_mixture *corpus = open_corpus();
    const struct batch_stream_plan plan = plan_for(0, LEAVES, 2);
    struct batch_stream *stream = batch_stream_open(corpus, &plan);
    const struct leaf_tokens *read;
    int32_t copy[LEAF_SEQUENCES * SEQ_LEN];
    assert_int_equal(batch_stream_take(stream, 2, 0, &read), STATUS_OK);
    memcpy(copy, read->tokens, sizeof copy);
    usleep(50 * 1000); /* the reader fills all that it may */
    assert_memory_equal(read->tokens, copy, sizeof copy);
    batch_stream_close(stream);
    corpus_mixture_close(corpus);
}

static void any_leaf_comes_out_of_turn_and_the_walk_goes_on(void **state)
{
    (void)state;
    struct corpus_mixture *streamed = open_corpus(), *direct = open_corpus();
    const struct batch_stream_plan plan = plan_for(1, 3, 2);
    struct batch_stream *stream = batch_stream_open(streamed, &plan);
    for (int64_t step = 2; step < 12; step++) {
        const struct leaf_tokens *other, *own;
        const int64_t leaf = step % LEAVES;
        assert_int_equal(batch_stream_fetch(stream, step, leaf, &other), STATUS_OK);
        assert_leaf(direct, &plan, step, leaf, other);
        assert_int_equal(batch_stream_take(stream, step, 1, &own), STATUS_OK);
        assert_leaf(direct, &plan, step, 1, own);
        assert_int_equal(batch_stream_fetch(stream, 100 - step, leaf, &other), STATUS_OK);
        assert_leaf(direct, &plan, step, 1, own);
        assert_int_equal(batch_stream_take(stream, step, 2, &own), STATUS_OK);
        assert_leaf(direct, &plan, 100 - step, leaf, other);
        assert_leaf(direct, &plan, step, 2, own);
    }
    batch_stream_close(stream);
    corpus_mixture_close(streamed);
    corpus_mixture_close(direct);
}

static void it_closes_at_any_moment(void **state)
{
    (void)state;
    for (int taken = 0; taken < 40; taken++) {
        struct corpus_mixture *corpus = open_corpus();
        const struct batch_stream_plan plan = plan_for(1, 4, 1 + taken % 5);
        struct batch_stream *stream = batch_stream_open(corpus, &plan);
        for (int i = 0; i < taken; i++) {
            const struct leaf_tokens *read;
            assert_int_equal(batch_stream_take(stream, 2 + i / 3, 1 + i % 3, &read), STATUS_OK);
        }
        batch_stream_close(stream);
        corpus_mixture_close(corpus);
    }
}

static void a_rank_without_leaves_has_a_stream_too(void **state)
{
    (void)state;
    struct corpus_mixture *corpus = open_corpus();
    const struct batch_stream_plan plan = plan_for(3, 3, 2);
    batch_stream_close(batch_stream_open(corpus, &plan));
    corpus_mixture_close(corpus);
}

static void document_starts_take_half_as_much_again(void **state)
{
    (void)state;
    struct batch_stream_plan plan = plan_for(0, LEAVES, 2);
    const size_t with = batch_stream_bytes(&plan);
    plan.document_starts = false;
    assert_int_equal(2 * with, 3 * batch_stream_bytes(&plan));
}

static void a_readers_error_rises_when_its_leaf_is_due(void **state)
{
    (void)state;
    char *path = path_join(folder, "train-00001.h5");
    struct corpus_mixture *corpus = open_corpus();
    FILE *file = fopen(path, "r+b");
    assert_int_equal(fseek(file, 3000, SEEK_SET), 0); /* amid its only chunk of tokens */
    int byte = fgetc(file);
    assert_int_equal(fseek(file, 3000, SEEK_SET), 0);
    fputc(byte ^ 1, file);
    fflush(file);

    const struct batch_stream_plan plan = plan_for(0, LEAVES, 2);
    struct batch_stream *stream = batch_stream_open(corpus, &plan);
    enum status status = STATUS_OK;
    for (int i = 0; i < 10 * LEAVES && status == STATUS_OK; i++) {
        const struct leaf_tokens *read;
        status = batch_stream_take(stream, 2 + i / LEAVES, i % LEAVES, &read);
    }
    assert_int_equal(status, STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "train-00001.h5': chunk 0 of 'tokens'"));
    batch_stream_close(stream);
    corpus_mixture_close(corpus);

    assert_int_equal(fseek(file, 3000, SEEK_SET), 0);
    fputc(byte, file);
    fclose(file);
    memory_free(path);
}

static int write_corpus(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    struct corpus_manifest manifest = corpus_sample_write(folder, shard_tokens);
    corpus_manifest_release(&manifest);
    return 0;
}

static int remove_corpus(void **state)
{
    (void)state;
    if (folder_remove(folder) != STATUS_OK)
        return -1;
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_range_of_leaves_comes_as_scheduled),
        cmocka_unit_test(a_taken_leaf_stays_until_the_next_call),
        cmocka_unit_test(any_leaf_comes_out_of_turn_and_the_walk_goes_on),
        cmocka_unit_test(it_closes_at_any_moment),
        cmocka_unit_test(a_rank_without_leaves_has_a_stream_too),
        cmocka_unit_test(document_starts_take_half_as_much_again),
        cmocka_unit_test(a_readers_error_rises_when_its_leaf_is_due),
    };
    return cmocka_run_group_tests(tests, write_corpus, remove_corpus);
}
