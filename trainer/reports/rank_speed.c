#include "trainer/reports/rank_speed.h"

#include <math.h>

double rank_speed_seconds(const struct rank_speed *rank)
{
    return rank->reading_s + rank->computing_s + rank->waiting_s + rank->exposed_s;
}

static double share_of(double part, double whole)
{
    return whole > 0 ? part / whole : 0.0;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void sum_up_time(const struct rank_speed *ranks, int64_t count, struct speed_record *record)
{
    double seconds = 0, computing_s = 0, waiting_s = 0, exposed_s = 0, longest_s = 0;
    record->data_wait = record->save_wait = 0;
    for (int64_t i = 0; i < count; i++) {
        const struct rank_speed *rank = &ranks[i];
        seconds += rank_speed_seconds(rank);
        computing_s += rank->computing_s;
        waiting_s += rank->waiting_s;
        exposed_s += rank->exposed_s;
        longest_s = fmax(longest_s, rank->computing_s);
        record->data_wait =
            fmax(record->data_wait, share_of(rank->reading_s, rank_speed_seconds(rank)));
        record->save_wait =
            fmax(record->save_wait, share_of(rank->saving_s, record->elapsed_seconds));
    }
    record->exposed_communication = share_of(exposed_s, seconds);
    record->rank_wait = share_of(waiting_s, seconds);
    record->imbalance = fmax(0.0, share_of(longest_s * (double)count, computing_s) - 1.0);
}

/* The node of rank `first`, the lowest of its ranks. */
static void sum_up_node(const struct rank_speed *ranks, int64_t count, int64_t first,
                        struct speed_record *record)
{
    int64_t here = 0;
    double bytes = 0;
    for (int64_t i = first; i < count; i++) {
        if (ranks[i].node != first)
            continue;
        here++;
        bytes += ranks[i].share_bytes > 0 ? (double)ranks[i].share_bytes : (double)NAN;
    }
    record->nodes++;
    record->ranks_per_node = larger(record->ranks_per_node, here);
    if (isnan(bytes) || bytes > record->peak_memory_node_bytes)
        record->peak_memory_node_bytes = bytes; /* an unknown one stays: nothing is larger */
}

void rank_speeds_sum_up(const struct rank_speed *ranks, int64_t count, struct speed_record *record)
{
    record->ranks = count;
    record->nodes = record->ranks_per_node = record->threads = record->cores = 0;
    record->peak_memory_rank_bytes = 0;
    record->peak_memory_node_bytes = 0;
    sum_up_time(ranks, count, record);
    for (int64_t i = 0; i < count; i++) {
        record->threads = larger(record->threads, ranks[i].threads);
        record->cores += ranks[i].threads;
        record->peak_memory_rank_bytes =
            larger(record->peak_memory_rank_bytes, ranks[i].peak_bytes);
        if (ranks[i].node == i)
            sum_up_node(ranks, count, i, record);
    }
}
