/* Whether the disk gives back what was written: gguf_writer_verify of checkpoints/gguf_writer.h. */
#include <inttypes.h>
#include <string.h>

#include "checkpoints/gguf_reader.h"
#include "checkpoints/gguf_writer.h"

static enum status differs(const struct gguf_reader *reader, const char *what, const char *how)
{
    return failed("cannot trust '%s': %s was read back with another %s than was written",
                  reader->path, what, how);
}

static enum status compare_checksum(const struct gguf_reader *reader, int64_t begin, int64_t end,
                                    uint32_t wanted, const char *what)
{
    uint32_t found;
    TRY(gguf_reader_checksum(reader, begin, end, &found));
    return found == wanted ? STATUS_OK : differs(reader, what, "checksum");
}

static enum status compare_tensor(const struct gguf_reader *reader, const struct gguf_tensor *found,
                                  const struct gguf_written_tensor *written)
{
    if (strcmp(found->name, written->name) != 0)
        return differs(reader, written->name, "name");
    if (found->type != written->type)
        return differs(reader, written->name, "type");
    if (found->dimensions != written->dimensions || found->shape[0] != written->shape[0] ||
        found->shape[1] != written->shape[1])
        return differs(reader, written->name, "shape");
    if (found->begin != written->begin || found->end != written->begin + written->bytes)
        return differs(reader, written->name, "place");
    return compare_checksum(reader, found->begin, found->end, written->crc32, written->name);
}

static enum status compare(const struct gguf_writer *writer, const struct gguf_reader *reader)
{
    TRY(compare_checksum(reader, 0, writer->data_begin, writer->header_crc32, "the header"));
    if (reader->value_count != writer->value_count || reader->tensor_count != writer->tensor_count)
        return differs(reader, "the header", "count");
    for (int64_t i = 0; i < reader->tensor_count; i++)
        TRY(compare_tensor(reader, &reader->tensors[i], &writer->tensors[i]));
    return STATUS_OK;
}

enum status gguf_writer_verify(const struct gguf_writer *writer)
{
    struct gguf_reader reader;
    TRY(gguf_reader_open(writer->partial, &reader));
    enum status status = compare(writer, &reader);
    gguf_reader_release(&reader);
    return status;
}
