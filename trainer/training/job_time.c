#include "trainer/training/job_time.h"

#include <math.h>
#include <stdlib.h>

void job_time_init(struct job_time *job_time, double margin_s, double now_s)
{
    const char *text = getenv("SLURM_JOB_END_TIME");
    char *end = NULL;
    double end_s = text ? strtod(text, &end) : 0;
    bool is_time = end && end != text && *end == '\0' && isfinite(end_s) && end_s > 0;
    const double share_s = fmax(0, end_s - now_s) / JOB_TIME_SHARES;
    *job_time =
        (struct job_time){ .end_s = is_time ? end_s : 0, .margin_s = fmin(margin_s, share_s) };
}

void job_time_took_round(struct job_time *job_time, double seconds)
{
    job_time->longest_round_s = fmax(job_time->longest_round_s, seconds);
}

void job_time_took_save(struct job_time *job_time, double seconds)
{
    job_time->longest_save_s = fmax(job_time->longest_save_s, seconds);
}

bool job_time_is_over(const struct job_time *job_time, double now_s)
{
    return job_time->end_s > 0 &&
           now_s + job_time->longest_round_s + 2 * job_time->longest_save_s + job_time->margin_s >
               job_time->end_s;
}
