#include "comm/straggler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare_doubles);
    return 0.5 * (values[(count - 1) / 2] + values[count / 2]);
}

static double leaf_seconds(const struct straggler_record *record)
{
    return record->computing_s / (double)record->leaves;
}

static double waiting_share(const struct straggler_record *record)
{
    return record->seconds > 0 ? record->waiting_s / record->seconds : 0.0;
}

/* The rank that waits least is the one that the others wait for. */
static int find_awaited(const struct straggler_record *records, int size)
{
    int awaited = -1;
    for (int rank = 0; rank < size; rank++)
        if (records[rank].leaves > 0 &&
            (awaited < 0 || records[rank].waiting_s < records[awaited].waiting_s))
            awaited = rank;
    return awaited;
}

/* Medians over the ranks that compute, without `rank`. */
struct others {
    double leaf_s, waiting_share;
    bool exist;
};

static struct others look_at_others(const struct straggler_record *records, int size, int rank)
{
    double *leaf_s = memory_alloc_zeroed((size_t)size, sizeof *leaf_s);
    double *shares = memory_alloc_zeroed((size_t)size, sizeof *shares);
    struct others others = { 0 };
    int count = 0;
    for (int other = 0; other < size; other++) {
        if (other == rank || records[other].leaves == 0)
            continue;
        leaf_s[count] = leaf_seconds(&records[other]);
        shares[count++] = waiting_share(&records[other]);
    }
    if (count > 0)
        others = (struct others){ median(leaf_s, count), median(shares, count), true };
    memory_free(shares);
    memory_free(leaf_s);
    return others;
}

struct straggler_verdict straggler_judge(const struct straggler_record *records, int size)
{
    struct straggler_verdict verdict = { .rank = -1 };
    int awaited = find_awaited(records, size);
    if (awaited < 0)
        return verdict;
    struct others others = look_at_others(records, size, awaited);
    if (!others.exist || !(others.leaf_s > 0))
        return verdict;
    verdict.ratio = leaf_seconds(&records[awaited]) / others.leaf_s;
    verdict.waiting_share = others.waiting_share;
    if (verdict.ratio >= STRAGGLER_RATIO && verdict.waiting_share >= STRAGGLER_WAITING &&
        verdict.waiting_share * records[awaited].seconds >= STRAGGLER_LOST_S)
        verdict.rank = awaited;
    return verdict;
}

void straggler_init(struct straggler *straggler, int64_t leaves)
{
    *straggler = (struct straggler){ .leaves = leaves, .named = -1 };
}

void straggler_step_begin(struct straggler *straggler)
{
    straggler->begun = flight_recorder_totals();
}

static void add_step(struct straggler *straggler)
{
    struct flight_totals now = flight_recorder_totals();
    double spent[FLIGHT_PHASES];
    for (int phase = 0; phase < FLIGHT_PHASES; phase++) {
        spent[phase] = now.seconds[phase] - straggler->begun.seconds[phase];
        straggler->seconds += spent[phase];
    }
    straggler->computing_s[straggler->steps++] = spent[FLIGHT_WORKING] + spent[FLIGHT_BESIDE];
    straggler->waiting_s += spent[FLIGHT_WAITING];
}

static double mean_but_the_longest(const double *values, int count)
{
    double sum = 0.0, longest = 0.0;
    for (int i = 0; i < count; i++) {
        sum += values[i];
        longest = values[i] > longest ? values[i] : longest;
    }
    return (sum - longest) / (count - 1);
}

static bool is_power_of_two(int64_t number)
{
    return (number & (number - 1)) == 0;
}

static void tell(const struct straggler *straggler, const struct straggler_verdict *verdict,
                 const struct straggler_record *record)
{
    if (verdict->rank >= 0 && is_power_of_two(straggler->windows_in_a_row))
        log_info("slow: rank %d on %s computes %.1f times as long as the median of the others, "
                 "which waited %.0f %% of the last %d steps for it; %lld steps in a row",
                 verdict->rank, record->host, verdict->ratio, 100.0 * verdict->waiting_share,
                 STRAGGLER_STEPS, (long long)straggler->windows_in_a_row * STRAGGLER_STEPS);
}

int straggler_step_end(struct straggler *straggler, const struct world *world)
{
    add_step(straggler);
    if (straggler->steps < STRAGGLER_STEPS || world->size == 1) {
        straggler->steps %= STRAGGLER_STEPS;
        return -1;
    }
    struct straggler_record mine = {
        .computing_s = mean_but_the_longest(straggler->computing_s, straggler->steps),
        .waiting_s = straggler->waiting_s,
        .seconds = straggler->seconds,
        .leaves = straggler->leaves,
    };
    memcpy(mine.host, world->host, sizeof mine.host);
    struct straggler_record *all = memory_alloc_zeroed((size_t)world->size, sizeof *all);
    world_gather_all(world, &mine, sizeof mine, all);
    struct straggler_verdict verdict = straggler_judge(all, world->size);

    straggler->steps = 0;
    straggler->waiting_s = straggler->seconds = 0.0;
    straggler->windows_in_a_row =
        verdict.rank >= 0 && verdict.rank == straggler->named ? straggler->windows_in_a_row + 1 : 1;
    straggler->named = verdict.rank;
    tell(straggler, &verdict, verdict.rank >= 0 ? &all[verdict.rank] : NULL);
    memory_free(all);
    return verdict.rank;
}
