#include "trainer/commands/input_options.h"

#define AT(member) offsetof(struct input_settings, member)

/* clang-format off */
const struct option_spec input_options[] = {
    { .key = "format", .type = OPTION_CHOICE, .offset = AT(format), .default_text = "auto",
      .choices = document_format_names, .section = "Documents",
      .help = "auto: by the file's name, else by its first bytes" },
    { .key = "text_field", .type = OPTION_TEXT, .offset = AT(text_field), .default_text = "text",
      .help = "jsonl: the member that is the document" },
    { .key = "id_field", .type = OPTION_TEXT, .offset = AT(id_field), .default_text = "id",
      .help = "jsonl: the member that names it where it has no url" },
    { .key = "url_field", .type = OPTION_TEXT, .offset = AT(url_field), .default_text = "url",
      .help = "jsonl: the member that names it" },
    { .key = "document_start", .type = OPTION_TEXT, .offset = AT(document_start),
      .default_text = "",
      .help = "text: pattern (PCRE2) of a document's first line; empty: a file is a document" },
    { .key = "separator", .type = OPTION_TEXT, .offset = AT(separator), .default_text = "",
      .help = "text: a line that stands between documents and belongs to none" },
    { .key = "document_bytes", .type = OPTION_INTEGER, .offset = AT(document_bytes),
      .default_text = "64k", .min = 0, .max = 1 << 30, .unit = "bytes",
      .help = "text: cut longer documents at the next line end; 0: never" },
    { 0 }
};
/* clang-format on */

struct document_rules input_rules(const struct input_settings *settings)
{
    return (struct document_rules){
        .format = (enum document_format)settings->format,
        .text = { .document_start = settings->document_start,
                  .document_bytes = settings->document_bytes,
                  .separator = settings->separator },
        .text_field = settings->text_field,
        .id_field = settings->id_field,
        .url_field = settings->url_field,
    };
}
