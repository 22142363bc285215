#include "trainer/reports/run_pace.h"

#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "trainer/reports/metrics_writer.h"

enum { TAIL_BYTES = 65536, CONFIG_BYTES_MAX = 1 << 20 };

/* The last complete lines of a file, with the beginning of the first one cut off, perhaps. */
static void read_tail(const char *path, struct strbuf *tail)
{
    int descriptor;
    int64_t size;
    if (!file_exists(path) || file_open_regular(path, &descriptor, &size) != STATUS_OK)
        return;
    size_t length = (size_t)(size < TAIL_BYTES ? size : TAIL_BYTES);
    char *bytes = memory_alloc(length + 1);
    if (file_read_at(descriptor, bytes, length, size - (int64_t)length, path) == STATUS_OK)
        strbuf_add(tail, bytes, length);
    memory_free(bytes);
    close(descriptor);
}

/* Keeps the last line that has a step and a loss; *step_seconds by its tokens and their rate. */
static void read_line(struct run_pace *pace, const char *line, size_t length, double *step_seconds)
{
    struct json *record = NULL;
    if (json_parse(line, length, METRICS_FILE, &record) == STATUS_OK &&
        json_kind_of(record) == JSON_KIND_OBJECT) {
        double step = json_number_or_nan(record, "step"), loss = json_number_or_nan(record, "loss");
        double tokens = json_number_or_nan(record, "tokens"),
               rate = json_number_or_nan(record, "tokens_per_second");
        if (step >= 1 && json_member(record, "loss")) {
            pace->step = (int64_t)step;
            pace->loss = loss;
            *step_seconds = tokens / step / rate;
        }
    }
    json_free(record);
}

/* `steps` of RUN/config.ini, which eon wrote. */
static int64_t read_steps(const char *run)
{
    struct strbuf text = STRBUF_INIT;
    char *path = path_join(run, "config.ini");
    int64_t steps = 0;
    if (file_exists(path) && file_read(path, CONFIG_BYTES_MAX, &text) == STATUS_OK) {
        const char *line = strstr(text.bytes, "\nsteps = ");
        steps = line ? strtoll(line + strlen("\nsteps = "), NULL, 10) : 0;
    }
    memory_free(path);
    strbuf_release(&text);
    return steps;
}

void run_pace_read(const char *run, struct run_pace *pace)
{
    struct strbuf tail = STRBUF_INIT;
    char *path = path_join(run, METRICS_FILE);
    double step_seconds = (double)NAN;
    *pace = (struct run_pace){ .step = -1, .steps = read_steps(run), .loss = (double)NAN };
    read_tail(path, &tail);
    const char *line = tail.bytes, *end;
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
        read_line(pace, line, (size_t)(end - line), &step_seconds);
    pace->seconds_left = step_seconds * (double)(pace->steps - pace->step);
    memory_free(path);
    strbuf_release(&tail);
}
