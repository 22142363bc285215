/* hub_path: a file of a model's folder, which may be the hub's own cache.
 *
 *   models--NAME/blobs/HASH
 *   models--NAME/snapshots/REVISION/model.safetensors -> ../../blobs/HASH
 *
 * Such a link is the only one that is followed: another might lead to a file that is not the
 * folder's to give.
 */
#ifndef CHECKPOINTS_HUB_PATH_H
#define CHECKPOINTS_HUB_PATH_H

/* "folder/name", or the blob that this links to; for what opens no link. Freed by the caller with
 * memory_free. */
char *hub_path(const char *folder, const char *name);

#endif
