#include "shards/batch_schedule.h"

#include "base/philox.h"
#include "base/status.h"

enum { FEISTEL_ROUNDS = 8 };

/* A permutation of [0, 4^half_bits) by a balanced Feistel network whose round function is
 * Philox. Luby, Rackoff: "How to construct pseudorandom permutations from pseudorandom
 * functions", SIAM J. Comput. 17 (1988): four rounds suffice; small domains deserve more. */
static uint64_t feistel(struct philox_key key, int half_bits, uint64_t value)
{
    const uint32_t mask = (uint32_t)(((uint64_t)1 << half_bits) - 1);
    uint32_t left = (uint32_t)(value >> half_bits), right = (uint32_t)value & mask;

    for (uint32_t round = 0; round < FEISTEL_ROUNDS; round++) {
        const uint32_t counter[4] = { right, round, 0, 0 };
        uint32_t mixed[4];
        philox_block(key, counter, mixed);
        uint32_t next = left ^ (mixed[0] & mask);
        left = right;
        right = next;
    }
    return (uint64_t)left << half_bits | right;
}

/* Where `value` goes under the keyed permutation of [0, length): the network on the next
 * power of four, walked until it comes back inside. Black, Rogaway: "Ciphers with arbitrary
 * finite domains", CT-RSA 2002. Takes at most four rounds of the walk on average. */
static int64_t permute(struct philox_key key, int64_t length, int64_t value)
{
    if (length == 1)
        return 0;
    int half_bits = 1;
    while (((uint64_t)length - 1) >> (2 * half_bits) != 0)
        half_bits++;

    uint64_t at = (uint64_t)value;
    do
        at = feistel(key, half_bits, at);
    while (at >= (uint64_t)length);
    return (int64_t)at;
}

/* A key of its own for each epoch (and window). */
static struct philox_key derived_key(uint64_t seed, enum random_purpose purpose, int64_t epoch,
                                     int64_t window)
{
    uint64_t bits = philox_u64(philox_key(seed, purpose), (uint64_t)epoch, (uint64_t)window);
    return (struct philox_key){ { (uint32_t)bits, (uint32_t)(bits >> 32) } };
}

int64_t batch_schedule_sample(const struct batch_schedule *schedule, int64_t slot)
{
    CHECK(schedule->samples > 0 && slot >= 0, "no slot %lld over %lld samples", (long long)slot,
          (long long)schedule->samples);
    const int64_t window_length = SCHEDULE_WINDOW * SCHEDULE_BLOCK;
    const int64_t epoch = slot / schedule->samples, place = slot % schedule->samples;

    const int64_t window = place / window_length, window_start = window * window_length;
    const int64_t left = schedule->samples - window_start;
    const int64_t length = left < window_length ? left : window_length;
    const int64_t shuffled =
        window_start + permute(derived_key(schedule->seed, RANDOM_SHUFFLE_WINDOW, epoch, window),
                               length, place - window_start);

    const int64_t full_blocks = schedule->samples / SCHEDULE_BLOCK;
    int64_t block = shuffled / SCHEDULE_BLOCK;
    if (block < full_blocks)
        block = permute(derived_key(schedule->seed, RANDOM_SHUFFLE_BLOCKS, epoch, 0), full_blocks,
                        block);
    return block * SCHEDULE_BLOCK + shuffled % SCHEDULE_BLOCK;
}
