#include "comm/rank_pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MOST_RANKS = 64 };

/* Ranks in turn on `node_count` nodes, or one node after the other. */
static void place_ranks(int *nodes, int size, int node_count, bool in_turn)
{
    for (int rank = 0; rank < size; rank++)
        nodes[rank] = in_turn ? rank % node_count : rank * node_count / size;
}

static void check_pairs(const int *nodes, int size)
{
    int partners[MOST_RANKS], alone = 0;
    rank_partners(nodes, size, partners);
    for (int rank = 0; rank < size; rank++) {
        alone += partners[rank] == NO_PARTNER;
        if (partners[rank] != NO_PARTNER) {
            assert_int_not_equal(partners[rank], rank);
            assert_int_equal(partners[partners[rank]], rank);
        }
    }
    assert_int_equal(alone, size % 2);
}

static void every_rank_has_one_partner_and_the_odd_one_none(void **state)
{
    (void)state;
    int nodes[MOST_RANKS];
    for (int size = 1; size <= MOST_RANKS; size++)
        for (int node_count = 1; node_count <= 4; node_count++) {
            place_ranks(nodes, size, node_count, false);
            check_pairs(nodes, size);
            place_ranks(nodes, size, node_count, true);
            check_pairs(nodes, size);
        }
}

static void partners_are_on_different_nodes_where_there_are_several(void **state)
{
    (void)state;
    int nodes[MOST_RANKS], partners[MOST_RANKS];
    for (int node_count = 2; node_count <= 4; node_count++)
        for (int each = 1; each * node_count <= MOST_RANKS; each++)
            for (int in_turn = 0; in_turn <= 1; in_turn++) {
                const int size = each * node_count;
                place_ranks(nodes, size, node_count, in_turn != 0);
                rank_partners(nodes, size, partners);
                for (int rank = 0; rank < size; rank++)
                    if (partners[rank] != NO_PARTNER)
                        assert_int_not_equal(nodes[rank], nodes[partners[rank]]);
            }
}

static void a_node_of_three_and_one_of_two_pair_as_drawn(void **state)
{
    (void)state;
    static const int nodes[] = { 0, 0, 0, 3, 3 }, expected[] = { 3, 4, NO_PARTNER, 0, 1 };
    int partners[5];
    rank_partners(nodes, 5, partners);
    assert_memory_equal(partners, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rank_has_one_partner_and_the_odd_one_none),
        cmocka_unit_test(partners_are_on_different_nodes_where_there_are_several),
        cmocka_unit_test(a_node_of_three_and_one_of_two_pair_as_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
