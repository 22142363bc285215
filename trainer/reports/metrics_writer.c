#include "trainer/reports/metrics_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "trainer/reports/metrics_trim.h"

struct metrics_writer {
    char *path;
    int descriptor;     /* -1: could not be opened */
    bool line_is_open;  /* a short write left half a line: end it before the next */
    int64_t lines_lost; /* in the present trouble; 0: none */
    struct strbuf line;
};

static void note_loss(struct metrics_writer *writer, const char *cause)
{
    if (writer->lines_lost++ == 0)
        log_warning("metrics are lost, training goes on: cannot write '%s': %s", writer->path,
                    cause);
}

static void note_recovery(struct metrics_writer *writer)
{
    if (writer->lines_lost > 0)
        log_info("metrics are written again to '%s'; %lld lines were lost", writer->path,
                 (long long)writer->lines_lost);
    writer->lines_lost = 0;
}

/* O_NONBLOCK: a pipe in the file's place must neither hang the opening nor a write. */
static void open_for_appending(struct metrics_writer *writer)
{
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK;
    writer->descriptor = open(writer->path, flags, 0666);
}

struct metrics_writer *metrics_writer_open(const char *run_folder, int64_t last_step)
{
    struct metrics_writer *writer = memory_alloc_zeroed(1, sizeof *writer);
    writer->path = path_join(run_folder, METRICS_FILE);
    strbuf_init(&writer->line);

    struct metrics_trimmed trimmed = { 0 };
    if (metrics_trim(writer->path, last_step, &trimmed) != STATUS_OK)
        log_warning("metrics of steps after %lld are kept: %s", (long long)last_step,
                    status_message());
    if (trimmed.unreadable > 0)
        log_warning("%lld unreadable lines dropped from '%s', which is kept as '%s.damaged'",
                    (long long)trimmed.unreadable, writer->path, writer->path);
    open_for_appending(writer);
    return writer;
}

void metrics_writer_add(struct metrics_writer *writer, const struct json *record)
{
    strbuf_reset(&writer->line);
    if (writer->line_is_open)
        strbuf_add_char(&writer->line, '\n');
    json_print(record, JSON_COMPACT, &writer->line);
    strbuf_add_char(&writer->line, '\n');

    if (writer->descriptor < 0)
        open_for_appending(writer); /* what was in the way may be gone */
    ssize_t written = -1;
    if (writer->descriptor >= 0)
        written = write(writer->descriptor, writer->line.bytes, writer->line.length);
    if (written == (ssize_t)writer->line.length) {
        writer->line_is_open = false;
        note_recovery(writer);
        return;
    }
    note_loss(writer, written < 0 ? strerror(errno) : "no room for a whole line");
    if (written > 0)
        writer->line_is_open = true;
}

void metrics_writer_close(struct metrics_writer *writer)
{
    if (!writer)
        return;
    if (writer->descriptor >= 0 && close(writer->descriptor) != 0)
        note_loss(writer, strerror(errno));
    strbuf_release(&writer->line);
    memory_free(writer->path);
    memory_free(writer);
}
