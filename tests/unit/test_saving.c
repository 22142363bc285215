/* What carries the files of a save to the disk: images, checksums, the queue. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/direct_file.h"
#include "checkpoints/file_image.h"
#include "checkpoints/span_list.h"
#include "checkpoints/write_queue.h"

static unsigned char *new_bytes(size_t length)
{
    unsigned char *bytes = memory_alloc(length);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)((i * 2654435761u) >> 11);
    return bytes;
}

static void the_checksum_is_zlibs(void **state)
{
    (void)state;
    unsigned char *bytes = new_bytes(100003);
    for (size_t cut = 0; cut <= 100003; cut += 33334) {
        uint32_t sum = span_checksum(0, bytes, cut);
        assert_int_equal(span_checksum(sum, bytes + cut, 100003 - cut), crc32(0, bytes, 100003));
    }
    memory_free(bytes);
}

static void spans_in_any_order_join_to_the_checksum_of_the_whole(void **state)
{
    (void)state;
    static const int64_t cuts[] = { 0, 1, 4096, 4097, 70000, 100003 };
    static const int order[] = { 3, 0, 4, 2, 1 };
    unsigned char *bytes = new_bytes(100003);
    struct span_list list;
    span_list_init(&list);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        int64_t begin = cuts[order[i]], end = cuts[order[i] + 1];
        span_list_add(&list, i % 2 ? "b" : "a", begin, end,
                      span_checksum(0, bytes + begin, (size_t)(end - begin)));
        span_list_add(&list, i % 2 ? "a" : "b", begin, end,
                      span_checksum(0, bytes + begin, (size_t)(end - begin)));
    }
    span_list_join(&list);
    assert_int_equal(list.count, 2);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(span_name(&list, &list.spans[i]), i ? "b" : "a");
        assert_int_equal(list.spans[i].begin, 0);
        assert_int_equal(list.spans[i].end, 100003);
        assert_int_equal(list.spans[i].crc32, crc32(0, bytes, 100003));
    }
    span_list_release(&list);
    memory_free(bytes);
}

static void what_does_not_adjoin_stays_apart(void **state)
{
    (void)state;
    struct span_list list;
    span_list_init(&list);
    span_list_add(&list, "a", 10, 20, 1);
    span_list_add(&list, "a", 0, 9, 2);
    span_list_join(&list);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.spans[0].end, 9);
    span_list_release(&list);
}

/* Copies the blocks of every sharer of an image of three sources, and sees that they are the file,
 * once, and that its pieces know their places in the sources. */
static void expect_shared(int size, size_t total)
{
    const size_t cuts[] = { 0, total / 3, total / 2, total };
    unsigned char *bytes = new_bytes(total), *file = memory_alloc_zeroed(1, total);
    unsigned char *block = memory_alloc(WRITE_BLOCK);
    for (int rank = 0; rank < size; rank++) {
        const struct world world = { .rank = rank, .size = size };
        struct file_image image;
        file_image_init(&image, (int64_t)total, &world);
        for (int i = 0; i < 3; i++)
            file_image_add(&image, bytes + cuts[i], (int64_t)(cuts[i + 1] - cuts[i]));
        for (int64_t i = 0; i < image.block_count; i++) {
            const int64_t at = file_image_offset(&image, i);
            const size_t length = file_image_copy(&image, i, block);
            for (size_t byte = 0; byte < length; byte++)
                file[(size_t)at + byte] += block[byte];
        }
        for (int64_t i = 0; i < image.piece_count; i++) {
            const struct image_piece *piece = &image.pieces[i];
            assert_ptr_equal(piece->bytes, bytes + cuts[piece->source] + piece->source_offset);
            assert_int_equal(piece->crc32, crc32(0, piece->bytes, (unsigned)piece->length));
        }
        file_image_release(&image);
    }
    assert_memory_equal(file, bytes, total);
    memory_free(block);
    memory_free(file);
    memory_free(bytes);
}

static void sharers_write_every_byte_of_a_file_once(void **state)
{
    (void)state;
    for (int size = 1; size <= 5; size++) {
        expect_shared(size, 1000);
        expect_shared(size, WRITE_BLOCK);
        expect_shared(size, 3 * WRITE_BLOCK + 5);
    }
}

static struct direct_file open_new(const char *path, bool is_shared)
{
    struct direct_file file;
    assert_int_equal(direct_file_open(path, is_shared, &file), STATUS_OK);
    return file;
}

static void expect_content(const char *path, const unsigned char *bytes, size_t length)
{
    struct strbuf found = STRBUF_INIT;
    assert_int_equal(file_read(path, length + 1, &found), STATUS_OK);
    assert_int_equal(found.length, length);
    assert_memory_equal(found.bytes, bytes, length);
    strbuf_release(&found);
    unlink(path);
}

static void a_file_of_any_length_is_written_whole(void **state)
{
    (void)state;
    static const size_t lengths[] = { 1, 4095, 4096, 4097, 12288, 70001 };
    unsigned char *page = aligned_alloc(DIRECT_FILE_ALIGNMENT, 1 << 20);
    assert_non_null(page);
    for (size_t shift = 0; shift < 2; shift++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            unsigned char *bytes = page + shift; /* 1: not aligned */
            for (size_t byte = 0; byte < lengths[i]; byte++)
                bytes[byte] = (unsigned char)(byte * 7 + i);
            struct direct_file file = open_new("direct", false);
            assert_int_equal(direct_file_end(&file, direct_file_write(&file, bytes, lengths[i], 0)),
                             STATUS_OK);
            expect_content("direct", bytes, lengths[i]);
        }
    free(page);
}

static void ranks_write_ranges_of_one_file(void **state)
{
    (void)state;
    unsigned char *bytes = new_bytes(10000);
    struct direct_file late = open_new("shared", true), early = open_new("shared", true);
    assert_int_equal(
        direct_file_end(&late, direct_file_write(&late, bytes + 4096, 10000 - 4096, 4096)),
        STATUS_OK);
    assert_int_equal(direct_file_end(&early, direct_file_write(&early, bytes, 4096, 0)), STATUS_OK);
    expect_content("shared", bytes, 10000);
    memory_free(bytes);
}

static void a_file_that_exists_is_not_written_over(void **state)
{
    (void)state;
    struct direct_file file;
    assert_int_equal(file_replace("there", "x", 1), STATUS_OK);
    assert_int_equal(direct_file_open("there", false, &file), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "File exists"));
    unlink("there");
}

static void append_digit(void *context)
{
    int *number = context;
    *number = *number * 10 + *number % 10 + 1;
}

static void jobs_run_in_order_and_an_idle_queue_has_done_them(void **state)
{
    (void)state;
    struct write_queue *queue = write_queue_start(0);
    int number = 1;
    for (int i = 0; i < 6; i++)
        write_queue_add(queue, append_digit, &number);
    write_queue_wait(queue);
    assert_true(write_queue_is_idle(queue));
    assert_int_equal(number, 1234567);
    write_queue_stop(queue);
}

struct slow_return {
    struct write_queue *queue;
    unsigned char *buffer;
};

static void give_back_later(void *context)
{
    struct slow_return *slow = context;
    usleep(20000);
    write_queue_give_back(slow->queue, slow->buffer);
}

static void who_finds_no_buffer_waits_for_one(void **state)
{
    (void)state;
    struct write_queue *queue = write_queue_start(3 * WRITE_BLOCK);
    unsigned char *buffers[4], *again;
    assert_int_equal(write_queue_take(queue, 4, buffers), 3); /* the bound */
    struct slow_return slow = { queue, buffers[1] };
    write_queue_add(queue, give_back_later, &slow);
    assert_int_equal(write_queue_take(queue, 1, &again), 1);
    assert_ptr_equal(again, buffers[1]);
    for (int i = 0; i < 3; i++)
        write_queue_give_back(queue, buffers[i]);
    write_queue_stop(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_is_zlibs),
        cmocka_unit_test(spans_in_any_order_join_to_the_checksum_of_the_whole),
        cmocka_unit_test(what_does_not_adjoin_stays_apart),
        cmocka_unit_test(sharers_write_every_byte_of_a_file_once),
        cmocka_unit_test(a_file_of_any_length_is_written_whole),
        cmocka_unit_test(ranks_write_ranges_of_one_file),
        cmocka_unit_test(a_file_that_exists_is_not_written_over),
        cmocka_unit_test(jobs_run_in_order_and_an_idle_queue_has_done_them),
        cmocka_unit_test(who_finds_no_buffer_waits_for_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
