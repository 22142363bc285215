/* ranks: 1 2 3 5 8 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "comm/partner.h"
#include "comm/topology.h"
#include "tests/mpi/node_layouts.h"

enum { RANKS_MOST = 8, BLOCK_MOST = 3 << 20 };

/* What rank r gives is a function of r: some give nothing, some blocks are a byte long. */
static int block_count(int rank)
{
    return (int)(test_bits(1, (uint64_t)rank) % 5);
}

static int64_t block_length(int rank, int block)
{
    const uint64_t bits = test_bits((uint64_t)rank + 2, (uint64_t)block);
    return bits % 3 == 0 ? 1 : 1 + (int64_t)(bits % BLOCK_MOST);
}

static unsigned char byte_of(int rank, int block, int64_t at)
{
    return (unsigned char)((uint64_t)(at * 2654435761u + rank * 40503 + block * 77) >> 7);
}

struct hands {
    int rank, given, in_hand;
    int taken[RANKS_MOST]; /* blocks of each rank */
    int rooms;
};

static void *next(void *context, struct partner_label *label)
{
    struct hands *hands = context;
    assert_int_equal(hands->in_hand, 0); /* one at a time */
    if (hands->given == block_count(hands->rank))
        return NULL;
    label->length = block_length(hands->rank, hands->given);
    label->offset = hands->given;
    snprintf(label->name, sizeof label->name, "%d", hands->rank);
    unsigned char *bytes = memory_alloc((size_t)label->length);
    for (int64_t i = 0; i < label->length; i++)
        bytes[i] = byte_of(hands->rank, hands->given, i);
    hands->in_hand++;
    return bytes;
}

static void given(void *context, void *bytes)
{
    struct hands *hands = context;
    hands->in_hand--;
    hands->given++;
    memory_free(bytes);
}

static void *room(void *context, const struct partner_label *label)
{
    struct hands *hands = context;
    assert_int_equal(hands->rooms++, 0);
    return memory_alloc((size_t)label->length);
}

static void taken(void *context, const struct partner_label *label, void *bytes)
{
    struct hands *hands = context;
    const int from = label->name[0] - '0';
    const int block = hands->taken[from]++;
    assert_int_equal(label->offset, block);
    assert_int_equal(label->length, block_length(from, block));
    for (int64_t i = 0; i < label->length; i++)
        if (((unsigned char *)bytes)[i] != byte_of(from, block, i))
            fail_msg("byte %ld of block %d from rank %d is wrong", (long)i, block, from);
    hands->rooms--;
    memory_free(bytes);
}

/* Collective. */
static void exchange(const struct world *world)
{
    const struct topology *t = world->topology;
    struct hands hands = { .rank = world->rank };
    int all[RANKS_MOST][RANKS_MOST];
    partner_exchange(world, &(struct partner_hands){ &hands, next, given, room, taken });
    world_gather_all(world, hands.taken, sizeof hands.taken, all);
    for (int from = 0; from < world->size; from++) {
        const int after = (t->node_of[from] + 1) % t->nodes;
        int takers = 0;
        for (int rank = 0; rank < world->size; rank++) {
            takers += all[rank][from] > 0;
            if (all[rank][from] > 0) {
                assert_int_equal(t->node_of[rank], after);
                assert_int_equal(all[rank][from], block_count(from));
            }
        }
        assert_int_equal(takers, t->nodes > 1 && block_count(from) > 0);
    }
}

static void every_block_comes_to_one_rank_of_the_next_node(void **state)
{
    (void)state;
    for (int layout = 0; layout < LAYOUTS; layout++) {
        struct world world = node_layout_open((enum node_layout)layout);
        exchange(&world);
        exchange(&world);
        node_layout_close(&world);
    }
}

static void nodes_are_counted_and_the_first_is_that_of_rank_0(void **state)
{
    static const int wanted[LAYOUTS][9] = {
        [LAYOUT_AS_IT_IS] = { 0, 1, 1, 1, 1, 1, 1, 1, 1 },
        [LAYOUT_PAIRS] = { 0, 1, 1, 2, 2, 3, 3, 4, 4 },
        [LAYOUT_THREES] = { 0, 1, 1, 1, 2, 2, 2, 3, 3 },
        [LAYOUT_ROUND_ROBIN] = { 0, 1, 2, 2, 2, 2, 2, 2, 2 },
        [LAYOUT_APART] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 },
    };
    (void)state;
    for (int layout = 0; layout < LAYOUTS; layout++) {
        struct world world = node_layout_open((enum node_layout)layout);
        assert_int_equal(partner_node_count(&world), wanted[layout][world.size]);
        assert_int_equal(partner_is_on_first_node(&world),
                         world.topology->node_of[world.rank] == world.topology->node_of[0]);
        node_layout_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_comes_to_one_rank_of_the_next_node),
        cmocka_unit_test(nodes_are_counted_and_the_first_is_that_of_rank_0),
    };
    mpi_test_begin();
    return mpi_test_end(cmocka_run_group_tests(tests, NULL, NULL));
}
