/* partner_files: what of a save goes to the node after this one too, and what comes from the node
 * before it (comm/partner.h).
 *
 * A file is copied block by block from the state that it was made of, which must not have changed
 * since. What comes goes to the disk by the queue, like this rank's own files.
 */
#ifndef CHECKPOINTS_PARTNER_FILES_H
#define CHECKPOINTS_PARTNER_FILES_H

#include "base/strbuf.h"
#include "checkpoints/file_image.h"
#include "checkpoints/file_saver.h"

struct partner_file {
    char *name;
    struct file_image image;
    struct strbuf header; /* the image's first source */
};

struct partner_files {
    struct partner_file *files;
    int64_t count, capacity;
};

void partner_files_release(struct partner_files *files);
/* Takes the image and the header over; what they held is then empty. */
void partner_files_add(struct partner_files *files, const char *name, struct file_image *image,
                       struct strbuf *header);

/* Collective. All ranks give what was added; those who take it write it into the saver's folder. A
 * block that is not what was sent is an error that the saver keeps. */
void partner_files_exchange(struct partner_files *files, struct file_saver *saver,
                            const struct world *world);

#endif
