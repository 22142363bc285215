/* manifest_name: what a file of a checkpoint may be called, by itself for who reads no manifest. */
#include <string.h>

#include "checkpoints/manifest.h"

bool manifest_name_is_allowed(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(name);
    return length > 0 && length < MANIFEST_NAME_BYTES && name[0] != '.' &&
           strspn(name, allowed) == length && strcmp(name, MANIFEST_NAME) != 0;
}
