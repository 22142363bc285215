#include "base/clock.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "base/status.h"

double clock_seconds(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "the monotonic clock cannot be read");
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double clock_cpu_seconds(void)
{
    struct timespec used;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0, "the CPU's time cannot be read");
    return (double)used.tv_sec + 1e-9 * (double)used.tv_nsec;
}

void clock_timestamp(char *out, size_t size)
{
    time_t now = time(NULL);
    struct tm utc;
    CHECK(gmtime_r(&now, &utc) && strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0,
          "the time of day does not fit %zu bytes", size);
}

void clock_format_duration(double seconds, char *out, size_t size)
{
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e15) {
        snprintf(out, size, "unknown");
        return;
    }
    int64_t whole = (int64_t)(seconds + 0.5);
    if (seconds < 0.9995)
        snprintf(out, size, "%.0f ms", seconds * 1e3);
    else if (seconds < 9.95)
        snprintf(out, size, "%.1f s", seconds);
    else if (whole < 60)
        snprintf(out, size, "%lld s", (long long)whole);
    else if (whole < 3600)
        snprintf(out, size, "%lld min %lld s", (long long)(whole / 60), (long long)(whole % 60));
    else if (whole < 86400)
        snprintf(out, size, "%lld h %lld min", (long long)(whole / 3600),
                 (long long)(whole % 3600 / 60));
    else
        snprintf(out, size, "%lld d %lld h", (long long)(whole / 86400),
                 (long long)(whole % 86400 / 3600));
}
