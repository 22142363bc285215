#include "tests/fuzz/fuzz_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_FILES = 4 };

/* In memory, where the system has that: a disk's file system waits for some rewritten files. */
static char folder[64];
static struct {
    const char *name;
    char path[128];
} files[MAX_FILES];

/* libFuzzer keeps the input of a program that aborts. */
static void abort_with(const char *message)
{
    fprintf(stderr, "%s\n", message);
    abort();
}

static void remove_files(void)
{
    folder_remove(folder);
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    fatal_set_hook(abort_with);
    snprintf(folder, sizeof folder, "%s/eon-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(folder), "no folder '%s'", folder);
    atexit(remove_files);
    fuzz_begin();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int64_t held = -1;
    fuzz_input(data, size);
    if (held < 0)
        held = memory_live_blocks(); /* what libraries keep from their first use on */
    CHECK(memory_live_blocks() == held, "%lld blocks of memory are still held",
          (long long)(memory_live_blocks() - held));
    return 0;
}

const char *fuzz_file(const char *name, const void *bytes, size_t length)
{
    int i = 0;
    while (files[i].name && strcmp(files[i].name, name) != 0)
        i++;
    files[i].name = name;
    snprintf(files[i].path, sizeof files[i].path, "%s/%s", folder, name);
    FILE *file = fopen(files[i].path, "wb");
    CHECK(file && fwrite(bytes, 1, length, file) == length && fclose(file) == 0,
          "cannot write '%s'", files[i].path);
    return files[i].path;
}

size_t fuzz_place(const uint8_t *data, size_t size, uint32_t salt)
{
    return (size_t)(crc32(salt, data, (uInt)size) % (size + 1));
}

static void add_little_endian(struct strbuf *out, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        strbuf_add_char(out, (char)(value >> 8 * i));
}

/* RFC 1952 and RFC 1951, section 3.2.4. */
void fuzz_add_member(struct strbuf *file, const void *text, size_t length)
{
    const size_t most = 65535;
    const char *rest = text;
    strbuf_add(file, "\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
    for (size_t left = length, block;; left -= block, rest += block) {
        block = left < most ? left : most;
        strbuf_add_char(file, block == left);
        add_little_endian(file, (uint32_t)block, 2);
        add_little_endian(file, ~(uint32_t)block, 2);
        strbuf_add(file, rest, block);
        if (block == left)
            break;
    }
    add_little_endian(file, (uint32_t)crc32(0, text, (uInt)length), 4);
    add_little_endian(file, (uint32_t)length, 4);
}

uint8_t fuzz_take(struct fuzz_bytes *bytes)
{
    if (bytes->size == 0)
        return 0;
    bytes->size--;
    return *bytes->data++;
}
