/* Reading INI files into a table of options, with inih.
 *
 *   [section]                 groups keys, means nothing
 *   key = value               ; comment
 *   key = "quoted \x3b text"  \\ \" \xNN: for what inih would cut off or strip
 *       "and its next part"   long texts: inih's lines are short
 */
#include <ini.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/option_value.h"
#include "base/utf8.h"

enum { MOST_BYTES = 1 << 20 };

struct ini_reader {
    const struct option_spec *table;
    void *settings;
    const char *path;
    const char *at, *end; /* what inih has not seen yet */
    int line;             /* of the text that inih saw last, from 1 */
    bool continues;       /* that line continues the value before it */
    int *line_of;         /* [options in the table]: where the key was given, or 0 */
    struct strbuf value;  /* of the last key, which further lines may continue */
    enum status status;   /* of the first trouble, and its line */
    int status_line;
};

static bool stop_at(struct ini_reader *reader, enum status status)
{
    reader->status = status;
    reader->status_line = reader->line;
    return false;
}

/* Configs are text: a shard or an image given by mistake is refused at once. */
static bool line_is_text(struct ini_reader *reader, const char *line, size_t length)
{
    for (size_t at = 0; at < length;) {
        unsigned char byte = (unsigned char)line[at];
        size_t character = utf8_character_length(line + at, length - at);
        bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
        if (!character || control)
            return stop_at(reader, bad_input("%s:%d: byte 0x%02x is not text", reader->path,
                                             reader->line, byte));
        at += character;
    }
    return true;
}

/* inih's reader: the next line into `out`, or NULL at the end. Lines are
 * indented only where they continue a quoted text: inih takes indented lines
 * for continuations, people indent their keys. */
static char *next_line(char *out, int size, void *context)
{
    struct ini_reader *reader = context;
    if (reader->at == reader->end || reader->status != STATUS_OK)
        return NULL;
    reader->line++;
    const char *line = reader->at;
    const char *newline = memchr(line, '\n', (size_t)(reader->end - line));
    size_t length = (size_t)((newline ? newline : reader->end) - line);
    reader->at = newline ? newline + 1 : reader->end;
    if (length > 0 && line[length - 1] == '\r')
        length--;

    size_t blank = 0;
    while (blank < length && (line[blank] == ' ' || line[blank] == '\t'))
        blank++;
    reader->continues = blank > 0 && blank < length && line[blank] == '"';
    line += blank;
    length -= blank;

    if (!line_is_text(reader, line, length))
        return NULL;
    size_t indent = reader->continues ? 1 : 0;
    if (indent + length + 2 > (size_t)size) {
        stop_at(reader, bad_input("%s:%d: the line is longer than %d bytes", reader->path,
                                  reader->line, size - 3));
        return NULL;
    }
    out[0] = ' ';
    memcpy(out + indent, line, length);
    memcpy(out + indent + length, "\n", 2);
    return out;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *found = c ? strchr(digits, c | 0x20) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* Appends what the quoted `text` means; false where the quoting is broken. */
static bool unquote(const char *text, struct strbuf *out)
{
    const char *at = text + 1;
    while (*at && *at != '"') {
        if (*at != '\\') {
            strbuf_add_char(out, *at++);
        } else if (at[1] == '\\' || at[1] == '"') {
            strbuf_add_char(out, at[1]);
            at += 2;
        } else {
            int high = at[1] == 'x' ? hex_digit(at[2]) : -1, low = high < 0 ? -1 : hex_digit(at[3]);
            if (low < 0 || (high | low) == 0)
                return false;
            strbuf_add_char(out, (char)(16 * high + low));
            at += 4;
        }
    }
    return at[0] == '"' && !at[1];
}

static bool add_value(struct ini_reader *reader, const char *value)
{
    if (value[0] != '"')
        strbuf_add_string(&reader->value, value);
    else if (!unquote(value, &reader->value))
        return stop_at(reader, bad_input("%s:%d: the quotes of %s are broken", reader->path,
                                         reader->line, value));
    return true;
}

/* inih's handler: 1 to go on. */
static int take_pair(void *context, const char *section, const char *key, const char *value)
{
    struct ini_reader *reader = context;
    (void)section;
    if (reader->status != STATUS_OK)
        return 0;
    struct strbuf place = STRBUF_INIT;
    strbuf_addf(&place, "%s:%d: ", reader->path, reader->line);

    const struct option_spec *option = options_find(reader->table, key, strlen(key));
    int *first_line = option ? &reader->line_of[option - reader->table] : NULL;
    if (!option) {
        stop_at(reader, options_unknown(reader->table, key, place.bytes, ""));
    } else if (!reader->continues && *first_line) {
        stop_at(reader,
                bad_input("%s'%s' was already given at line %d", place.bytes, key, *first_line));
    } else {
        if (!reader->continues) {
            strbuf_reset(&reader->value);
            *first_line = reader->line;
        }
        strbuf_addf(&place, "%s", option->key);
        if (add_value(reader, value)) {
            enum status status =
                option_parse(option, reader->settings, reader->value.bytes, place.bytes);
            if (status != STATUS_OK)
                stop_at(reader, status);
        }
    }
    strbuf_release(&place);
    return reader->status == STATUS_OK;
}

static enum status parse_text(struct ini_reader *reader)
{
    int bad_line = ini_parse_stream(next_line, reader, take_pair, reader);
    CHECK(bad_line >= 0, "inih cannot work: error %d", bad_line);
    /* Lines that inih itself cannot read do not stop it. */
    if (bad_line > 0 && (reader->status == STATUS_OK || bad_line < reader->status_line))
        return bad_input("%s:%d: neither 'key = value' nor '[section]'", reader->path, bad_line);
    return reader->status;
}

enum status options_read_ini(const struct option_spec *table, void *settings, const char *path)
{
    size_t count = 0;
    while (table[count].type != OPTION_END)
        count++;
    struct strbuf text = STRBUF_INIT;
    struct ini_reader reader = {
        .table = table, .settings = settings, .path = path, .value = STRBUF_INIT
    };
    reader.line_of = memory_alloc_zeroed(count, sizeof *reader.line_of);

    enum status status = file_read(path, MOST_BYTES, &text);
    if (status == STATUS_OK) {
        reader.at = text.bytes;
        reader.end = text.bytes + text.length;
        status = parse_text(&reader);
    }
    memory_free(reader.line_of);
    strbuf_release(&reader.value);
    strbuf_release(&text);
    return status;
}
