#include "shards/format/chunk_codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/philox.h"

static unsigned char noise(size_t i)
{
    return (unsigned char)philox_u64(philox_key(5, RANDOM_TEST), i, 0);
}

/* In its plainest form, over big-endian words. */
static uint32_t plain_fletcher32(const unsigned char *bytes, size_t length)
{
    uint32_t sum = 0, sum_of_sums = 0;
    for (size_t i = 0; i < length; i += 2) {
        sum += (uint32_t)bytes[i] << 8 | (i + 1 < length ? bytes[i + 1] : 0);
        sum = (sum & 0xffff) + (sum >> 16);
        sum_of_sums += sum;
        sum_of_sums = (sum_of_sums & 0xffff) + (sum_of_sums >> 16);
    }
    return sum_of_sums << 16 | sum;
}

static void the_checksum_is_that_of_its_plainest_form(void **state)
{
    (void)state;
    const size_t lengths[] = { 0,    1,    2,    3,     30,    31,    32,    33,   63,
                               1000, 1001, 8191, 11519, 11520, 11521, 23041, 65535 };
    unsigned char *bytes = memory_alloc(65536);
    for (int fill = 0; fill < 3; fill++) { /* noise, the largest words, zeros */
        for (size_t i = 0; i < 65536; i++)
            bytes[i] = fill == 0 ? noise(i) : fill == 1 ? 0xff : 0;
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (size_t offset = 0; offset < 2; offset++)
                assert_int_equal(
                    chunk_fletcher32(bytes + offset, lengths[i] - (lengths[i] ? offset : 0)),
                    plain_fletcher32(bytes + offset, lengths[i] - (lengths[i] ? offset : 0)));
    }
    memory_free(bytes);
}

/* Fills scratch->stored as HDF5 would store `count` little-endian numbers of noise. */
static struct chunk_form encode(struct chunk_scratch *scratch, size_t element_bytes, size_t count,
                                uint32_t left_out)
{
    struct chunk_form form = { .chunk_bytes = count * element_bytes,
                               .element_bytes = element_bytes,
                               .filters_left_out = left_out };
    unsigned char *content = memory_alloc(form.chunk_bytes);
    const bool shuffled = (left_out & 1u << CHUNK_SHUFFLE) == 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < element_bytes; k++)
            content[shuffled ? k * count + i : i * element_bytes + k] =
                noise(i * element_bytes + k);

    chunk_scratch_reserve(scratch, form.chunk_bytes);
    uLongf length = chunk_stored_limit(form.chunk_bytes);
    if (left_out & 1u << CHUNK_DEFLATE)
        memcpy(scratch->stored, content, length = form.chunk_bytes);
    else
        assert_int_equal(compress2(scratch->stored, &length, content, form.chunk_bytes, 6), Z_OK);
    const uint32_t checksum = plain_fletcher32(scratch->stored, length);
    for (size_t i = 0; i < 4; i++)
        scratch->stored[length + i] = (unsigned char)(checksum >> (8 * i));
    form.stored_bytes = length + 4;
    memory_free(content);
    return form;
}

static uint64_t number(const void *elements, size_t element_bytes, size_t i)
{
    switch (element_bytes) {
    case 1:
        return ((const uint8_t *)elements)[i];
    case 2:
        return ((const uint16_t *)elements)[i];
    case 4:
        return ((const uint32_t *)elements)[i];
    default:
        return ((const uint64_t *)elements)[i];
    }
}

static void every_form_of_a_chunk_is_decoded(void **state)
{
    (void)state;
    struct chunk_scratch scratch = { 0 };
    uint64_t elements[999];
    for (size_t element_bytes = 1; element_bytes <= 8; element_bytes *= 2)
        for (uint32_t left_out = 0; left_out < 4; left_out++)
            for (size_t count = 1; count <= 999; count += 1 + count / 3) {
                const struct chunk_form form = encode(&scratch, element_bytes, count, left_out);
                assert_null(chunk_decode(&scratch, &form, elements));
                for (size_t i = 0; i < count; i++) {
                    uint64_t expected = 0;
                    for (size_t k = 0; k < element_bytes; k++)
                        expected |= (uint64_t)noise(i * element_bytes + k) << (8 * k);
                    assert_true(number(elements, element_bytes, i) == expected);
                }
            }
    chunk_scratch_release(&scratch);
}

static void every_flipped_bit_of_a_stored_chunk_is_found(void **state)
{
    (void)state;
    struct chunk_scratch scratch = { 0 };
    uint16_t elements[300];
    const struct chunk_form form = encode(&scratch, 2, 300, 0);
    for (size_t bit = 0; bit < 8 * form.stored_bytes; bit++) {
        scratch.stored[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_string_equal(chunk_decode(&scratch, &form, elements), "fails its checksum");
        scratch.stored[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    assert_null(chunk_decode(&scratch, &form, elements));
    chunk_scratch_release(&scratch);
}

static int nothing_is_held(void **state)
{
    (void)state;
    return memory_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_is_that_of_its_plainest_form),
        cmocka_unit_test(every_form_of_a_chunk_is_decoded),
        cmocka_unit_test(every_flipped_bit_of_a_stored_chunk_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_is_held);
}
