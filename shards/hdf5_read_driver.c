#include "shards/hdf5_read_driver.h"

#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

struct read_file {
    H5FD_t hdf5; /* first: HDF5 knows the file by it */
    char *path;
    int descriptor;
    haddr_t end, allocated; /* allocated: as HDF5 has it, from the superblock */
};

static H5FD_t *driver_open(const char *path, unsigned flags, hid_t access, haddr_t highest)
{
    int descriptor;
    int64_t bytes;
    (void)access;
    (void)highest;
    if ((flags & H5F_ACC_RDWR) || file_open_regular(path, &descriptor, &bytes) != STATUS_OK)
        return NULL;
    struct read_file *file = memory_alloc_zeroed(1, sizeof *file);
    file->path = memory_copy_string(path);
    file->descriptor = descriptor;
    file->end = (haddr_t)bytes;
    return &file->hdf5;
}

static herr_t driver_close(H5FD_t *hdf5)
{
    struct read_file *file = (struct read_file *)hdf5;
    close(file->descriptor);
    memory_free(file->path);
    memory_free(file);
    return 0;
}

/* Two openings are two files: nothing is shared between them. */
static int driver_compare(const H5FD_t *left, const H5FD_t *right)
{
    return left < right ? -1 : left > right;
}

static herr_t driver_query(const H5FD_t *hdf5, unsigned long *features)
{
    (void)hdf5;
    *features = 0;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *hdf5, H5FD_mem_t type)
{
    (void)type;
    return ((const struct read_file *)hdf5)->allocated;
}

static herr_t driver_set_eoa(H5FD_t *hdf5, H5FD_mem_t type, haddr_t address)
{
    (void)type;
    ((struct read_file *)hdf5)->allocated = address;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *hdf5, H5FD_mem_t type)
{
    (void)type;
    return ((const struct read_file *)hdf5)->end;
}

static herr_t driver_read(H5FD_t *hdf5, H5FD_mem_t type, hid_t transfer, haddr_t address,
                          size_t length, void *out)
{
    const struct read_file *file = (const struct read_file *)hdf5;
    (void)type;
    (void)transfer;
    if (address > file->end || length > file->end - address)
        return -1;
    return file_read_at(file->descriptor, out, length, (int64_t)address, file->path) == STATUS_OK
               ? 0
               : -1;
}

static herr_t driver_write(H5FD_t *hdf5, H5FD_mem_t type, hid_t transfer, haddr_t address,
                           size_t length, const void *bytes)
{
    (void)hdf5;
    (void)type;
    (void)transfer;
    (void)address;
    (void)length;
    (void)bytes;
    return -1;
}

static const H5FD_class_t driver = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = 500, /* of those that HDF5 leaves to its users: 256 to 511 are for testing */
#endif
    .name = "eon_read",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_WEAK,
    .open = driver_open,
    .close = driver_close,
    .cmp = driver_compare,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

herr_t hdf5_use_read_driver(hid_t access)
{
    static hid_t registered = -1;
    if (registered < 0)
        registered = H5FDregister(&driver);
    return registered < 0 ? -1 : H5Pset_driver(access, registered, NULL);
}
