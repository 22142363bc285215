#include "tests/unit/speed_sample.h"

#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/strbuf.h"

struct speed_record speed_sample(int64_t nodes, int64_t threads, int64_t tokens_per_step,
                                 double tokens_per_second)
{
    return (struct speed_record){
        .nodes = nodes,
        .ranks = nodes,
        .ranks_per_node = 1,
        .threads = threads,
        .cores = nodes * threads,
        .host = "node1",
        .tokens_per_step = tokens_per_step,
        .leaves = 16,
        .parameters = 124439808,
        .seq_len = 1024,
        .micro_batch = 4,
        .groups = 1,
        .recompute = "none",
        .optimizer = "adamw",
        .precision = "bf16",
        .wire = "fp32",
        .kernels = "avx512",
        .cpu = "a processor",
        .warm_up_steps = 3,
        .first_step = 4,
        .steps = 20,
        .elapsed_seconds = 31.5,
        .step_seconds_lower_quartile = 1.25,
        .step_seconds_median = 1.5,
        .step_seconds_upper_quartile = 1.75,
        .tokens_per_second = tokens_per_second,
        .model_flops_per_token = 8.5e8,
        .peak_flops_per_second = 2e12,
        .mfu = 0.425,
        .exposed_communication = 0.0625,
        .rank_wait = 0.03125,
        .imbalance = 0.125,
        .data_wait = 0,
        .save_wait = 0.01,
        .peak_memory_rank_bytes = (int64_t)3 << 30,
        .peak_memory_node_bytes = 3221225472.0,
        .joules_per_token = (double)NAN,
    };
}

struct scaling_study study_sample(int64_t capacity)
{
    return (struct scaling_study){ .points = memory_alloc_zeroed((size_t)capacity,
                                                                 sizeof(struct scaling_point)) };
}

void study_sample_add(struct scaling_study *study, const char *name, struct speed_record speed)
{
    study->points[study->count++] = (struct scaling_point){
        .name = memory_copy_string(name),
        .run_folder = path_join("/nowhere", name),
        .speed = speed,
    };
}
