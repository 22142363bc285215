#include "comm/partner.h"

#include "base/memory.h"
#include "comm/mpi_check.h"
#include "comm/operation.h"
#include "comm/topology.h"
#include "comm/transfer.h"

struct giving {
    int to;
    struct partner_label label;
    void *bytes;
    MPI_Request requests[2];
    bool is_moving, is_done;
};

struct taking {
    int *givers; /* [giver_count], of which `at` is the one whose turn it is */
    int giver_count, at;
    struct partner_label label;
    void *bytes; /* NULL: the label is what comes */
    MPI_Request request;
    bool is_moving;
};

static void send(const struct world *world, const void *bytes, int64_t length, int to,
                 MPI_Request *request)
{
    MPI_CHECK(MPI_Isend(bytes, (int)length, MPI_BYTE, to, TRANSFER_TAG_PARTNER,
                        world->topology->comm, request));
}

/* A label without length says that there is no more. */
static void begin_giving(const struct world *world, const struct partner_hands *hands,
                         struct giving *giving)
{
    giving->label = (struct partner_label){ 0 };
    giving->bytes = hands->next(hands->context, &giving->label);
    if (!giving->bytes)
        giving->label.length = 0;
    CHECK(giving->label.length <= TRANSFER_MESSAGE_BYTES, "a block of %lld bytes for a partner",
          (long long)giving->label.length);
    send(world, &giving->label, sizeof giving->label, giving->to, &giving->requests[0]);
    giving->requests[1] = MPI_REQUEST_NULL;
    if (giving->bytes)
        send(world, giving->bytes, giving->label.length, giving->to, &giving->requests[1]);
    giving->is_moving = true;
}

/* Whether something has happened. */
static bool advance_giving(const struct world *world, const struct partner_hands *hands,
                           struct giving *giving)
{
    if (giving->is_done)
        return false;
    if (!giving->is_moving) {
        begin_giving(world, hands, giving);
        return true;
    }
    if (!transfer_test(giving->requests, 2))
        return false;
    giving->is_moving = false;
    giving->is_done = !giving->bytes;
    if (giving->bytes)
        hands->given(hands->context, giving->bytes);
    return true;
}

static void receive(const struct world *world, void *bytes, int64_t length, struct taking *taking)
{
    MPI_CHECK(MPI_Irecv(bytes, (int)length, MPI_BYTE, taking->givers[taking->at],
                        TRANSFER_TAG_PARTNER, world->topology->comm, &taking->request));
    taking->is_moving = true;
}

static void end_block(const struct partner_hands *hands, struct taking *taking)
{
    hands->taken(hands->context, &taking->label, taking->bytes);
    taking->bytes = NULL;
}

static bool advance_taking(const struct world *world, const struct partner_hands *hands,
                           struct taking *taking)
{
    if (taking->at == taking->giver_count)
        return false;
    if (!taking->is_moving) {
        receive(world, &taking->label, sizeof taking->label, taking);
        return true;
    }
    if (!transfer_test(&taking->request, 1))
        return false;
    taking->is_moving = false;
    if (taking->bytes) {
        end_block(hands, taking);
    } else if (taking->label.length == 0) {
        taking->at++;
    } else {
        CHECK(taking->label.length > 0 && taking->label.length <= TRANSFER_MESSAGE_BYTES,
              "a block of %lld bytes from a partner", (long long)taking->label.length);
        taking->bytes = hands->room(hands->context, &taking->label);
        receive(world, taking->bytes, taking->label.length, taking);
    }
    return true;
}

/* The ranks of the node before this one that give to this rank. */
static void find_givers(const struct world *world, struct taking *taking)
{
    const struct topology *t = world->topology;
    const int before = (t->node + t->nodes - 1) % t->nodes;
    taking->givers = memory_alloc_zeroed((size_t)t->node_sizes[before], sizeof *taking->givers);
    for (int place = 0; place < t->node_sizes[before]; place++) {
        const int giver = topology_rank(t, before, place);
        if (topology_partner(t, t->node, giver) == world->rank)
            taking->givers[taking->giver_count++] = giver;
    }
}

void partner_exchange(const struct world *world, const struct partner_hands *hands)
{
    const struct topology *t = world->topology;
    if (t->nodes == 1)
        return;
    struct giving giving = { .to = topology_partner(t, (t->node + 1) % t->nodes, world->rank) };
    struct taking taking = { 0 };
    struct transfer_pause pause = { 0 };
    find_givers(world, &taking);
    operation_begin(world, "copies for the next node", 0);
    while (!giving.is_done || taking.at < taking.giver_count) {
        const bool has_given = advance_giving(world, hands, &giving);
        const bool has_taken = advance_taking(world, hands, &taking);
        if (has_given || has_taken)
            transfer_pause_end(&pause);
        else
            transfer_pause(&pause, true);
    }
    operation_end(world);
    memory_free(taking.givers);
}

int partner_node_count(const struct world *world)
{
    return world->topology->nodes;
}

bool partner_is_on_first_node(const struct world *world)
{
    return world->topology->node == 0;
}
