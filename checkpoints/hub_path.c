#include "checkpoints/hub_path.h"

#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "checkpoints/manifest.h"

#define BLOBS "../../blobs/"

enum { LINK_BYTES = 256 };

char *hub_path(const char *folder, const char *name)
{
    char target[LINK_BYTES];
    char *path = path_join(folder, name);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0)
        return path;
    target[length] = '\0';
    if (strncmp(target, BLOBS, strlen(BLOBS)) == 0 &&
        manifest_name_is_allowed(target + strlen(BLOBS))) {
        memory_free(path);
        path = path_join(folder, target);
    }
    return path;
}
