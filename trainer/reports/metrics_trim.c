#include "trainer/reports/metrics_trim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/strbuf.h"

enum { MAX_LINE_BYTES = 1 << 20 }; /* beyond any record; longer lines are unreadable */

enum line_kind { LINE_KEPT, LINE_LATER, LINE_UNREADABLE, LINE_HALF };

static enum line_kind judge_line(const char *line, size_t length, int64_t last_step)
{
    if (line[length - 1] != '\n')
        return LINE_HALF; /* only the last can be */
    struct json *record = NULL;
    enum line_kind kind = LINE_UNREADABLE;
    if (length <= MAX_LINE_BYTES && json_parse(line, length, "metrics", &record) == STATUS_OK &&
        json_kind_of(record) == JSON_KIND_OBJECT) {
        const struct json *step = json_member(record, "step");
        if (step && json_kind_of(step) == JSON_KIND_INTEGER)
            kind = json_integer_of(step) <= last_step ? LINE_KEPT : LINE_LATER;
    }
    json_free(record);
    return kind;
}

/* One line with its end, of at most MAX_LINE_BYTES + 1 bytes: what is longer is passed over but
 * for its last byte, so that memory stays bounded. False at the end of the file. */
static bool read_line(FILE *in, struct strbuf *line)
{
    int c;
    strbuf_reset(line);
    while ((c = getc_unlocked(in)) != EOF) {
        if (line->length > MAX_LINE_BYTES)
            line->bytes[MAX_LINE_BYTES] = (char)c;
        else
            strbuf_add_char(line, (char)c);
        if (c == '\n')
            break;
    }
    return line->length > 0;
}

/* Copies the kept lines to `out`, where it is not NULL, and counts; *dropped: any line was. */
static enum status copy_kept(FILE *in, FILE *out, int64_t last_step, const char *path,
                             struct metrics_trimmed *trimmed, bool *dropped)
{
    struct strbuf line = STRBUF_INIT;
    enum status status = STATUS_OK;
    *trimmed = (struct metrics_trimmed){ 0 };
    *dropped = false;
    while (status == STATUS_OK && read_line(in, &line)) {
        enum line_kind kind = judge_line(line.bytes, line.length, last_step);
        trimmed->kept += kind == LINE_KEPT;
        trimmed->later += kind == LINE_LATER;
        trimmed->unreadable += kind == LINE_UNREADABLE;
        *dropped |= kind != LINE_KEPT;
        if (kind == LINE_KEPT && out && fwrite(line.bytes, 1, line.length, out) != line.length)
            status = failed("cannot write '%s.trimmed': %s", path, strerror(errno));
    }
    if (status == STATUS_OK && ferror(in))
        status = failed("cannot read '%s': %s", path, strerror(errno));
    strbuf_release(&line);
    return status;
}

static enum status replace_by(FILE **beside, const char *beside_path, const char *path)
{
    FILE *file = *beside;
    bool synced = fflush(file) == 0 && fsync(fileno(file)) == 0;
    int cause = errno;
    *beside = NULL;
    if (fclose(file) != 0 && synced) {
        cause = errno;
        synced = false;
    }
    if (!synced)
        return failed("cannot write '%s': %s", beside_path, strerror(cause));
    if (rename(beside_path, path) != 0)
        return failed("cannot rename '%s' to '%s': %s", beside_path, path, strerror(errno));
    return STATUS_OK;
}

/* Another name for the file as it was: unreadable lines may be worth a person's look. */
static enum status keep_damaged(const char *path)
{
    struct strbuf aside = STRBUF_INIT;
    enum status status = STATUS_OK;
    strbuf_addf(&aside, "%s.damaged", path);
    unlink(aside.bytes);
    if (link(path, aside.bytes) != 0)
        status = failed("cannot keep '%s' as '%s': %s", path, aside.bytes, strerror(errno));
    strbuf_release(&aside);
    return status;
}

static enum status rewrite(FILE *in, const char *path, int64_t last_step,
                           struct metrics_trimmed *trimmed)
{
    struct strbuf beside_path = STRBUF_INIT;
    bool dropped;
    enum status status;
    strbuf_addf(&beside_path, "%s.trimmed", path);
    unlink(beside_path.bytes); /* of an earlier kill; "x" below refuses to follow a link */
    FILE *beside = fopen(beside_path.bytes, "wxe");
    if (!beside)
        TRY_CLEANUP(failed("cannot create '%s': %s", beside_path.bytes, strerror(errno)));
    rewind(in);
    TRY_CLEANUP(copy_kept(in, beside, last_step, path, trimmed, &dropped));
    if (trimmed->unreadable > 0)
        TRY_CLEANUP(keep_damaged(path));
    TRY_CLEANUP(replace_by(&beside, beside_path.bytes, path));
cleanup:
    if (beside)
        fclose(beside);
    if (status != STATUS_OK)
        unlink(beside_path.bytes);
    strbuf_release(&beside_path);
    return status;
}

enum status metrics_trim(const char *path, int64_t last_step, struct metrics_trimmed *trimmed)
{
    struct stat facts;
    *trimmed = (struct metrics_trimmed){ 0 };
    if (stat(path, &facts) != 0 || !S_ISREG(facts.st_mode))
        return STATUS_OK;
    FILE *in = fopen(path, "re");
    if (!in)
        return failed("cannot open '%s': %s", path, strerror(errno));
    bool dropped;
    enum status status = copy_kept(in, NULL, last_step, path, trimmed, &dropped);
    if (status == STATUS_OK && dropped)
        status = rewrite(in, path, last_step, trimmed);
    fclose(in);
    return status;
}
