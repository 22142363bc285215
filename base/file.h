/* file: whole files and folders, read within bounds and written so that a crash
 * leaves either the old content or the new one. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "base/strbuf.h"

/* Appends the whole regular file to `out`; more than max_bytes is bad input,
 * and so are FIFOs, devices and folders. */
enum status file_read(const char *path, size_t max_bytes, struct strbuf *out);

/* Writes beside the target, fsyncs, renames, fsyncs the folder. */
enum status file_replace(const char *path, const void *bytes, size_t length);

/* Writes beside the target, as `fill` does to the open file, and renames. Not synced: for what a
 * checksum vouches for, or what is made again after a fall of the machine. */
typedef enum status file_fill_function(const void *context, int descriptor, const char *path);
enum status file_put(const char *path, file_fill_function *fill, const void *context);

/* write(2) until done; `path` is for the message. */
enum status file_write_all(int descriptor, const void *bytes, size_t length, const char *path);

/* After a failing read(2) or pread(2) with errno = `error`: is it to be tried again? Pauses for
 * that, three times at most where a disk or a file server hiccups (EIO, ESTALE, ETIMEDOUT); waits
 * until a pipe that does not block has something. *attempts begins as 0. */
bool file_worth_a_retry(int descriptor, int error, int *attempts);

/* pread(2) until done; the end of the file before that is bad input. */
enum status file_read_at(int descriptor, void *out, size_t length, int64_t offset,
                         const char *path);

enum status folder_create(const char *path); /* with parents; existing is fine */
enum status folder_sync(const char *path);
enum status folder_sync_parent(const char *path); /* the folder that holds `path` */
enum status folder_remove(const char *path); /* with all that it holds; links are not followed */
bool file_exists(const char *path);          /* anything of that name */
bool folder_exists(const char *path);

/* Size of a regular file opened without following a final link. */
enum status file_open_regular(const char *path, int *descriptor, int64_t *size_bytes);

/* The names in a folder without "." and "..", sorted bytewise. */
struct name_list {
    char **names;
    int64_t count;
};
enum status folder_list(const char *path, struct name_list *list);
void name_list_release(struct name_list *list);

#endif
