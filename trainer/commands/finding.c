#include "trainer/commands/finding.h"

#include <stdio.h>
#include <string.h>

#include "base/printable.h"

static const char *const verdict_names[] = { "ok", "warn", "bad" };

struct finding *finding_add(struct findings *findings, const char *what, const char *format, ...)
{
    CHECK(findings->count < FINDINGS_MAX, "no room for more than %d findings", FINDINGS_MAX);
    struct finding *finding = &findings->list[findings->count++];
    char value[2 * FINDING_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    snprintf(finding->what, sizeof finding->what, "%s", what);
    printable_copy(finding->value, sizeof finding->value, value);
    finding->remedy[0] = '\0';
    finding->verdict = VERDICT_OK;
    finding->is_shared = false;
    return finding;
}

void finding_judge(struct finding *finding, enum verdict verdict, const char *remedy, ...)
{
    char text[2 * FINDING_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, remedy);
    vsnprintf(text, sizeof text, remedy, arguments);
    va_end(arguments);
    printable_copy(finding->remedy, sizeof finding->remedy, text);
    finding->verdict = verdict;
}

const struct finding *finding_named(const struct findings *findings, const char *what)
{
    for (int i = 0; i < findings->count; i++)
        if (strcmp(findings->list[i].what, what) == 0)
            return &findings->list[i];
    return NULL;
}

int findings_count(const struct findings *findings, enum verdict verdict)
{
    int count = 0;
    for (int i = 0; i < findings->count; i++)
        count += findings->list[i].verdict == verdict;
    return count;
}

void findings_print(const struct findings *findings)
{
    for (int i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->list[i];
        printf("  %-5s %-18s %s\n", verdict_names[finding->verdict], finding->what, finding->value);
        if (finding->remedy[0])
            printf("        %-18s %s\n", "", finding->remedy);
    }
}

struct json *findings_to_json(const struct findings *findings)
{
    struct json *list = json_new_array();
    for (int i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->list[i];
        struct json *object = json_new_object();
        json_put_text(object, "what", finding->what);
        json_put_text(object, "value", finding->value);
        json_put_text(object, "verdict", verdict_names[finding->verdict]);
        if (finding->remedy[0])
            json_put_text(object, "remedy", finding->remedy);
        json_append(list, object);
    }
    return list;
}
