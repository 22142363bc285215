#include "shards/inputs/input_list.h"

#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"

enum { MAX_FOLDER_DEPTH = 100 };
#define MAX_LIST_BYTES ((size_t)1 << 30)

static enum status add_path(struct input_list *list, const char *path)
{
    if (list->count == INPUT_LIST_MAX)
        return bad_input("there are more than %lld inputs", (long long)INPUT_LIST_MAX);
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->paths = memory_realloc(list->paths, (size_t)list->capacity * sizeof *list->paths);
    }
    list->paths[list->count++] = memory_copy_string(path);
    return STATUS_OK;
}

/* ---- folders ---- */

static enum status add_folder(struct input_list *list, const char *folder, int depth);

static enum status add_entry(struct input_list *list, const char *path, int depth)
{
    struct stat info;
    bool is_link = lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
    if (stat(path, &info) != 0)
        return is_link ? STATUS_OK /* it leads nowhere */
                       : failed("cannot read '%s': %s", path, strerror(errno));
    if (S_ISDIR(info.st_mode))
        return is_link ? STATUS_OK : add_folder(list, path, depth + 1);
    return S_ISREG(info.st_mode) ? add_path(list, path) : STATUS_OK;
}

static enum status add_folder(struct input_list *list, const char *folder, int depth)
{
    struct name_list names;
    if (depth > MAX_FOLDER_DEPTH)
        return bad_input("cannot read '%s': folders within folders, more than %d levels", folder,
                         MAX_FOLDER_DEPTH);
    TRY(folder_list(folder, &names));
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < names.count && status == STATUS_OK; i++) {
        if (names.names[i][0] == '.')
            continue;
        char *path = path_join(folder, names.names[i]);
        status = add_entry(list, path, depth);
        memory_free(path);
    }
    name_list_release(&names);
    return status;
}

/* ---- arguments ---- */

/* Something of that name is there. */
static enum status add_existing(struct input_list *list, const char *path)
{
    const int64_t before = list->count;
    if (!folder_exists(path))
        return add_path(list, path);
    TRY(add_folder(list, path, 0));
    return list->count > before ? STATUS_OK : bad_input("the folder '%s' holds no file", path);
}

static enum status add_matches(struct input_list *list, const char *pattern)
{
    glob_t found;
    int result = glob(pattern, GLOB_ERR | GLOB_NOSORT, NULL, &found);
    enum status status = STATUS_OK;
    if (result == GLOB_NOMATCH)
        status = bad_input("no file matches '%s'", pattern);
    else if (result != 0)
        status = failed("cannot look for '%s': %s", pattern,
                        result == GLOB_NOSPACE ? "no memory" : strerror(errno));
    for (size_t i = 0; result == 0 && i < found.gl_pathc && status == STATUS_OK; i++)
        status = add_existing(list, found.gl_pathv[i]);
    globfree(&found);
    return status;
}

static int by_bytes(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static enum status add_argument(struct input_list *list, const char *argument)
{
    const int64_t before = list->count;
    struct stat info;
    if (strcmp(argument, "-") == 0)
        return add_path(list, argument);
    if (stat(argument, &info) == 0)
        TRY(add_existing(list, argument));
    else if (errno == ENOENT && strpbrk(argument, "*?["))
        TRY(add_matches(list, argument));
    else
        return bad_input("cannot open '%s': %s", argument, strerror(errno));
    if (list->count > before)
        qsort(list->paths + before, (size_t)(list->count - before), sizeof *list->paths, by_bytes);
    return STATUS_OK;
}

static enum status add_line(struct input_list *list, char *line, size_t length)
{
    if (strlen(line) != length)
        return bad_input("a name holds NUL");
    if (length > 0 && line[length - 1] == '\r')
        line[--length] = '\0';
    if (length == 0)
        return STATUS_OK;
    if (*line == '@')
        return bad_input("'%s' is a list within a list (for a file of that name: './%s')", line,
                         line);
    return add_argument(list, line);
}

static enum status add_listed(struct input_list *list, const char *path)
{
    struct strbuf text = STRBUF_INIT;
    int64_t number = 0;
    enum status status = file_read(path, MAX_LIST_BYTES, &text);
    for (char *line = text.bytes, *next; status == STATUS_OK && line < text.bytes + text.length;
         line = next) {
        char *end = memchr(line, '\n', (size_t)(text.bytes + text.length - line));
        if (!end)
            end = text.bytes + text.length;
        *end = '\0';
        next = end + 1;
        number++;
        status = add_line(list, line, (size_t)(end - line));
        if (status != STATUS_OK)
            status_prefix(status, "'%s', line %lld", path, (long long)number);
    }
    strbuf_release(&text);
    return status;
}

/* ---- repetitions ---- */

struct identity {
    dev_t device;
    ino_t inode;
    int64_t place;
};

static int by_identity(const void *left, const void *right)
{
    const struct identity *a = left, *b = right;
    if (a->device != b->device)
        return a->device < b->device ? -1 : 1;
    if (a->inode != b->inode)
        return a->inode < b->inode ? -1 : 1;
    return a->place < b->place ? -1 : 1;
}

static void count_repeated(struct input_list *list)
{
    struct identity *files = memory_alloc((size_t)list->count * sizeof *files);
    int64_t count = 0, first = list->count;
    for (int64_t i = 0; i < list->count; i++) {
        struct stat info;
        if (stat(list->paths[i], &info) == 0)
            files[count++] = (struct identity){ info.st_dev, info.st_ino, i };
    }
    qsort(files, (size_t)count, sizeof *files, by_identity);
    for (int64_t i = 1; i < count; i++) {
        if (files[i].device != files[i - 1].device || files[i].inode != files[i - 1].inode)
            continue;
        list->repeated++;
        if (files[i].place < first)
            first = files[i].place;
    }
    if (list->repeated > 0)
        list->first_repeated = list->paths[first];
    memory_free(files);
}

static enum status check_standard_input(const struct input_list *list)
{
    int64_t times = 0;
    for (int64_t i = 0; i < list->count; i++)
        times += strcmp(list->paths[i], "-") == 0;
    return times <= 1 ? STATUS_OK : bad_input("standard input ('-') can be read only once");
}

enum status input_list_expand(const char *const *arguments, int64_t count, struct input_list *list)
{
    enum status status = STATUS_OK;
    *list = (struct input_list){ 0 };
    for (int64_t i = 0; i < count && status == STATUS_OK; i++)
        status = arguments[i][0] == '@' ? add_listed(list, arguments[i] + 1)
                                        : add_argument(list, arguments[i]);
    if (status == STATUS_OK)
        status = check_standard_input(list);
    if (status == STATUS_OK)
        count_repeated(list);
    else
        input_list_release(list);
    return status;
}

void input_list_release(struct input_list *list)
{
    for (int64_t i = 0; i < list->count; i++)
        memory_free(list->paths[i]);
    memory_free(list->paths);
    *list = (struct input_list){ 0 };
}
