#include "shards/format/hdf5_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include "base/file.h"
#include "base/memory.h"

/* ---- The driver: HDF5's H5FD interface ----------------------------------------------------------
 */

/* What HDF5 calls a file, with ours behind it. */
struct driven_file {
    H5FD_t base; /* first */
    struct hdf5_file *file;
    haddr_t end_of_allocation;
};

/* What a property list hands to the driver. */
struct driver_info {
    struct hdf5_file *file;
};

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t max_address)
{
    (void)name;
    (void)max_address;
    const struct driver_info *info = H5Pget_driver_info(access);
    if (info == NULL || (flags & H5F_ACC_RDWR) != 0)
        return NULL;
    struct driven_file *driven = memory_alloc_zeroed(1, sizeof *driven);
    driven->file = info->file;
    return &driven->base;
}

static herr_t driver_close(H5FD_t *base)
{
    memory_free(base);
    return 0;
}

static herr_t driver_query(const H5FD_t *base, unsigned long *flags)
{
    (void)base;
    *flags = H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *base, H5FD_mem_t type)
{
    (void)type;
    return ((const struct driven_file *)base)->end_of_allocation;
}

static herr_t driver_set_eoa(H5FD_t *base, H5FD_mem_t type, haddr_t address)
{
    (void)type;
    ((struct driven_file *)base)->end_of_allocation = address;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *base, H5FD_mem_t type)
{
    (void)type;
    return (haddr_t)((const struct driven_file *)base)->file->file_bytes;
}

static herr_t driver_read(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address,
                          size_t size, void *out)
{
    (void)transfer;
    struct hdf5_file *file = ((struct driven_file *)base)->file;
    if (file->is_locating && type == H5FD_MEM_DRAW) {
        file->located_offset = address;
        file->located_bytes = size;
        return 0;
    }
    if (address > (haddr_t)file->file_bytes || size > (haddr_t)file->file_bytes - address)
        return -1;
    enum status status = file_read_at(file->descriptor, out, size, (int64_t)address, file->path);
    if (status != STATUS_OK && file->read_status == STATUS_OK) {
        file->read_status = status;
        memcpy(file->read_message, status_message(), strlen(status_message()) + 1);
    }
    return status == STATUS_OK ? 0 : -1;
}

static herr_t driver_write(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address,
                           size_t size, const void *bytes)
{
    (void)base;
    (void)type;
    (void)transfer;
    (void)address;
    (void)size;
    (void)bytes;
    return -1;
}

static const H5FD_class_t driver = {
#ifdef H5FD_CLASS_VERSION
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)260, /* of those that are free for use in one program */
#endif
    .name = "eon",
    .maxaddr = INT64_MAX,
    .fc_degree = H5F_CLOSE_WEAK,
    .fapl_size = sizeof(struct driver_info),
    .open = driver_open,
    .close = driver_close,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

static hid_t driver_id(void)
{
    static hid_t id = -1;
    if (id < 0)
        id = H5FDregister(&driver);
    CHECK(id >= 0, "HDF5 does not take a driver");
    return id;
}

/* ---- The file -----------------------------------------------------------------------------------
 */

enum status hdf5_file_open(struct hdf5_file *file, const char *path)
{
    *file = (struct hdf5_file){ .path = path, .descriptor = -1 };
    return file_open_regular(path, &file->descriptor, &file->file_bytes);
}

void hdf5_file_close(struct hdf5_file *file)
{
    if (file->descriptor >= 0)
        close(file->descriptor);
    file->descriptor = -1;
}

hid_t hdf5_file_enter(struct hdf5_file *file)
{
    const struct driver_info info = { file };
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), entered = -1;
    if (H5Pset_driver(access, driver_id(), &info) >= 0)
        entered = H5Fopen(file->path, H5F_ACC_RDONLY, access);
    hdf5_note(entered >= 0);
    H5Pclose(access);
    return entered;
}

bool hdf5_file_locate(struct hdf5_file *file, hid_t dataset, hsize_t first_element,
                      struct chunk_place *out)
{
    unsigned char unused[1]; /* nothing is read */
    hsize_t stored = 0;
    *out = (struct chunk_place){ 0 };
    if (!hdf5_note(H5Dget_chunk_storage_size(dataset, &first_element, &stored) >= 0))
        return false;
    if (stored == 0)
        return true;
    file->is_locating = true;
    bool ok = hdf5_note(
        H5Dread_chunk(dataset, H5P_DEFAULT, &first_element, &out->filters_left_out, unused) >= 0);
    file->is_locating = false;
    out->offset = file->located_offset;
    out->stored_bytes = file->located_bytes;
    return ok;
}
