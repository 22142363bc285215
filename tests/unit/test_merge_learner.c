#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "base/philox.h"
#include "shards/tokenizer/merge_learner.h"
#include "shards/tokenizer/pair_census.h"

enum { WORDS = 60, LONGEST = 14, VOCAB = 900 };

static int check_memory(void **state)
{
    (void)state;
    return memory_live_blocks() == 0 ? 0 : -1;
}

/* Words of five letters, so that pairs overlap and tie. */
struct sample {
    char bytes[WORDS][LONGEST];
    size_t lengths[WORDS];
    int64_t counts[WORDS];
};

/* Counts up to 2^most_bits, most of them small: several censuses are needed. */
static void make_sample(struct sample *sample, uint64_t seed, int most_bits)
{
    struct philox_key key = philox_key(seed, RANDOM_TEST);
    for (uint64_t word = 0; word < WORDS; word++) {
        sample->lengths[word] = 1 + philox_u64(key, word, 1) % LONGEST;
        uint64_t bits = philox_u64(key, word, 2) % (uint64_t)(most_bits + 1);
        sample->counts[word] = 1 + (int64_t)(philox_u64(key, word, 3) % (UINT64_C(1) << bits));
        for (uint64_t i = 0; i < sample->lengths[word]; i++)
            sample->bytes[word][i] = "aaabbcde"[philox_u64(key, word, 4 + i) % 8];
    }
}

static void store_words(const struct sample *sample, bool wide, struct word_store *store)
{
    int32_t byte_token[256];
    size_t tokens = 0;
    for (int32_t byte = 0; byte < 256; byte++)
        byte_token[byte] = 255 - byte;
    for (size_t word = 0; word < WORDS; word++)
        tokens += sample->lengths[word];
    word_store_init(store, word_store_cells(WORDS, tokens, wide), wide);
    for (size_t word = 0; word < WORDS; word++)
        word_store_add(store, sample->bytes[word], sample->lengths[word], sample->counts[word],
                       byte_token);
}

/* ---- the definition: all is counted anew before each merge ---- */

struct plain_words {
    int32_t tokens[WORDS][LONGEST];
    size_t lengths[WORDS];
    int64_t counts[WORDS];
    int64_t pairs[VOCAB][VOCAB];
    bool taken[VOCAB][VOCAB];
};

static void lay_out(const struct sample *sample, struct plain_words *plain)
{
    memset(plain->taken, 0, sizeof plain->taken);
    for (size_t word = 0; word < WORDS; word++) {
        plain->lengths[word] = sample->lengths[word];
        plain->counts[word] = sample->counts[word];
        for (size_t i = 0; i < sample->lengths[word]; i++)
            plain->tokens[word][i] = 255 - (unsigned char)sample->bytes[word][i];
    }
}

static void count_pairs(struct plain_words *plain)
{
    memset(plain->pairs, 0, sizeof plain->pairs);
    for (size_t word = 0; word < WORDS; word++)
        for (size_t i = 0; i + 1 < plain->lengths[word]; i++)
            plain->pairs[plain->tokens[word][i]][plain->tokens[word][i + 1]] += plain->counts[word];
}

static bool take_plain(struct plain_words *plain, int32_t *left, int32_t *right)
{
    int64_t most = 1;
    count_pairs(plain);
    for (int32_t a = 0; a < VOCAB; a++)
        for (int32_t b = 0; b < VOCAB; b++)
            if (plain->pairs[a][b] > most && !plain->taken[a][b]) {
                most = plain->pairs[a][b];
                *left = a;
                *right = b;
            }
    if (most > 1)
        plain->taken[*left][*right] = true;
    return most > 1;
}

static void merge_plain(struct plain_words *plain, int32_t left, int32_t right, int32_t result)
{
    for (size_t word = 0; word < WORDS; word++) {
        int32_t *token = plain->tokens[word];
        size_t written = 0;
        for (size_t i = 0; i < plain->lengths[word]; i++) {
            bool here = i + 1 < plain->lengths[word] && token[i] == left && token[i + 1] == right;
            token[written++] = here ? result : token[i];
            i += here;
        }
        plain->lengths[word] = written;
    }
}

static int64_t plain_tokens(const struct plain_words *plain)
{
    int64_t tokens = 0;
    for (size_t word = 0; word < WORDS; word++)
        tokens += (int64_t)plain->lengths[word] * plain->counts[word];
    return tokens;
}

/* Every fifth pair is taken and left as it is, as where its token is there already. */
static void compare(const struct sample *sample, bool wide, struct plain_words *plain)
{
    struct word_store words;
    store_words(sample, wide, &words);
    struct merge_learner *learner = merge_learner_create(&words, VOCAB);
    lay_out(sample, plain);
    int32_t left, right, expected_left = 0, expected_right = 0, result = 256;
    for (int turn = 1; result < VOCAB; turn++) {
        bool taken = merge_learner_take(learner, &left, &right);
        assert_int_equal(taken, take_plain(plain, &expected_left, &expected_right));
        if (!taken)
            break;
        assert_int_equal(left, expected_left);
        assert_int_equal(right, expected_right);
        if (turn % 5 == 0)
            continue;
        merge_learner_merge(learner, result);
        merge_plain(plain, left, right, result++);
        assert_int_equal(merge_learner_tokens(learner), plain_tokens(plain));
    }
    assert_true(result > 270);
    merge_learner_free(learner);
}

static void merges_are_those_of_a_plain_count(void **state)
{
    (void)state;
    struct plain_words *plain = memory_alloc(sizeof *plain);
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct sample sample;
        make_sample(&sample, seed, (int)(seed % 4) * 13);
        compare(&sample, seed % 2 == 1, plain);
    }
    memory_free(plain);
}

static void no_words_have_no_pairs(void **state)
{
    (void)state;
    struct word_store words;
    int32_t left, right;
    word_store_init(&words, 0, false);
    struct merge_learner *learner = merge_learner_create(&words, 300);
    assert_false(merge_learner_take(learner, &left, &right));
    assert_int_equal(merge_learner_tokens(learner), 0);
    merge_learner_free(learner);
}

/* ---- the census ---- */

static void a_census_has_every_pair_from_its_bound_on(void **state)
{
    (void)state;
    struct plain_words *plain = memory_alloc(sizeof *plain);
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct sample sample;
        struct word_store words;
        struct pair_map taken;
        struct pair_index index;
        make_sample(&sample, seed, 30);
        store_words(&sample, false, &words);
        lay_out(&sample, plain);
        count_pairs(plain);
        pair_map_init(&taken);
        pair_map_add(&taken, 255 - 'a', 255 - 'b', 0);
        pair_index_init(&index);
        int64_t wanted = seed % 2 ? 1000 : 3;
        int64_t least = pair_census_take(&words, &taken, INT64_MAX, wanted, &index);
        assert_true(least >= 2);
        for (int32_t a = 0; a < 256; a++)
            for (int32_t b = 0; b < 256; b++) {
                const struct indexed_pair *pair = pair_index_find(&index, a, b);
                bool expected = plain->pairs[a][b] >= least && pair_map_find(&taken, a, b) < 0;
                assert_int_equal(pair != NULL, expected);
                if (pair)
                    assert_int_equal(pair->count, plain->pairs[a][b]);
            }
        pair_index_release(&index);
        pair_map_release(&taken);
        word_store_release(&words);
    }
    memory_free(plain);
}

/* ---- the store ---- */

static void a_store_leaves_out_words_of_one_token(void **state)
{
    (void)state;
    static const int64_t large = (INT64_C(1) << 47) + 12345;
    for (int wide = 0; wide < 2; wide++) {
        struct word_store store;
        int32_t byte_token[256];
        for (int32_t byte = 0; byte < 256; byte++)
            byte_token[byte] = byte;
        word_store_init(&store, word_store_cells(3, 6, wide), wide);
        word_store_add(&store, "a", 1, 7, byte_token);
        word_store_add(&store, "bcd", 3, large, byte_token);
        word_store_add(&store, "ef", 2, 5, byte_token);
        assert_int_equal(store.used, store.capacity);

        size_t ef = store.used - WORD_STORE_HEAD(wide) - 2; /* is merged */
        word_cell_set(store.cells, ef, 1, wide);
        word_cell_set(store.cells, store.used - 1, WORD_STORE_VOID(wide), wide);
        assert_int_equal(word_store_compact(&store), 12);
        assert_int_equal(store.used, WORD_STORE_HEAD(wide) + 3);
        size_t word = 0;
        assert_true(word_find(store.cells, store.used, &word, wide));
        assert_int_equal(word_cell(store.cells, word, wide), 3);
        assert_int_equal(word_count(store.cells, word, wide), large);
        assert_int_equal(word_cell(store.cells, WORD_STORE_HEAD(wide) + 2, wide), 'd');
        word_store_release(&store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_are_those_of_a_plain_count),
        cmocka_unit_test(no_words_have_no_pairs),
        cmocka_unit_test(a_census_has_every_pair_from_its_bound_on),
        cmocka_unit_test(a_store_leaves_out_words_of_one_token),
    };
    return cmocka_run_group_tests(tests, NULL, check_memory);
}
