#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint_catalogue.h"
#include "tests/unit/checkpoint_sample.h"

static struct world world;
static const struct checkpoint_way way; /* the simplest */
static int64_t world_blocks;            /* of memory, that an open world holds */

/* Every test has a run of its own. */
static int new_run(void **state)
{
    *state = sample_new_run();
    return 0;
}

static int drop_run(void **state)
{
    enum status status = folder_remove(*state);
    memory_free(*state);
    return status == STATUS_OK && memory_live_blocks() == world_blocks ? 0 : -1;
}

static void save(const char *run, int64_t step)
{
    if (sample_save(&world, run, step) != STATUS_OK)
        fail_msg("%s", status_message());
}

/* The step that a resume takes up; -1: none, -2: refused. */
static int64_t step_found(const char *run, int64_t wanted)
{
    struct checkpoint *checkpoint;
    if (checkpoint_find(&world, run, wanted, sample_verify, &world, &checkpoint) != STATUS_OK)
        return -2;
    if (!checkpoint)
        return -1;
    int64_t step = checkpoint_step(checkpoint);
    sample_expect(checkpoint, step, 0, 1);
    checkpoint_close(checkpoint);
    return step;
}

static void read_file(const char *path, struct strbuf *out)
{
    strbuf_reset(out);
    assert_int_equal(file_read(path, 1 << 20, out), STATUS_OK);
}

static void write_file(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void what_was_saved_is_loaded(void **state)
{
    const char *run = *state;
    struct checkpoint *checkpoint;
    save(run, 12);
    char *folder = sample_path(run, 12, NULL);
    assert_int_equal(checkpoint_open(folder, &checkpoint), STATUS_OK);
    assert_int_equal(checkpoint_step(checkpoint), 12);
    assert_string_equal(checkpoint_folder(checkpoint), folder);
    assert_int_equal(checkpoint_verify(checkpoint, true, 0, 1, NULL), STATUS_OK);
    for (int size = 1; size < 90; size += 8)
        for (int rank = 0; rank < size; rank++)
            sample_expect(checkpoint, 12, rank, size);
    checkpoint_close(checkpoint);
    memory_free(folder);
}

static void a_tensor_of_another_shape_or_name_is_refused(void **state)
{
    float out[64];
    struct checkpoint *checkpoint;
    save(*state, 1);
    assert_int_equal(checkpoint_open_newest(*state, &checkpoint), STATUS_OK);
    assert_int_equal(checkpoint_read(checkpoint, "wte.weight", 5, 7, 0, 35, out), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "'wte.weight' has shape [7, 5], not [5, 7]"));
    assert_int_equal(checkpoint_read(checkpoint, "wpe.weight", 7, 5, 0, 35, out), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "no tensor 'wpe.weight'"));
    checkpoint_close(checkpoint);
}

static void digest_depends_on_the_state_alone(void **state)
{
    char first[SHA256_HEX], again[SHA256_HEX], other[SHA256_HEX];
    struct checkpoint *checkpoint;
    for (int i = 0; i < 3; i++) {
        save(*state, i == 2 ? 6 : 5);
        assert_int_equal(checkpoint_open_newest(*state, &checkpoint), STATUS_OK);
        sample_digest(checkpoint, i == 0 ? first : i == 1 ? again : other);
        checkpoint_close(checkpoint);
    }
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
}

static void a_run_without_checkpoints_starts_afresh(void **state)
{
    assert_int_equal(step_found(*state, -1), -1);
    assert_int_equal(step_found(*state, 3), -2);
    assert_non_null(strstr(status_message(), "there is no checkpoint of it"));
}

static void the_newest_checkpoint_is_found(void **state)
{
    save(*state, 9);
    save(*state, 100);
    save(*state, 20);
    assert_int_equal(step_found(*state, -1), 100);
    assert_int_equal(step_found(*state, 20), 20);
    assert_int_equal(step_found(*state, 21), -2);
}

/* In place: a file that is cut and written anew costs a journal entry each time. */
static void flip(const char *path, size_t at, int mask)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    int flipped = fgetc(file) ^ mask;
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    assert_int_equal(fputc(flipped, file), flipped);
    assert_int_equal(fclose(file), 0);
}

static int64_t size_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_size;
}

static void every_flipped_byte_is_found(void **state)
{
    static const char *const files[] = { "manifest.json", "model.safetensors", "state.json",
                                         "optimizer-00001-of-00001.safetensors", "config.json" };
    char *folder = sample_path(*state, 2, NULL);
    save(*state, 2);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = sample_path(*state, 2, files[i]);
        int64_t size = size_of(path);
        for (int64_t at = 0; at < size; at++) {
            struct checkpoint *checkpoint;
            int mask = at % 2 ? 0xff : 1 << at / 2 % 8;
            flip(path, (size_t)at, mask);
            if (checkpoint_open_newest(folder, &checkpoint) != STATUS_BAD_INPUT)
                fail_msg("byte %" PRId64 " of '%s' was flipped in silence", at, files[i]);
            assert_null(strchr(status_message(), '\n'));
            flip(path, (size_t)at, mask);
        }
        memory_free(path);
    }
    assert_int_equal(step_found(*state, -1), 2);
    memory_free(folder);
}

static void every_truncation_is_found(void **state)
{
    char *folder = sample_path(*state, 2, NULL), *path = sample_path(*state, 2, "manifest.json");
    struct checkpoint *checkpoint;
    save(*state, 2);
    for (int64_t length = size_of(path) - 1; length >= 0; length--) {
        assert_int_equal(truncate(path, length), 0);
        assert_int_equal(checkpoint_open(folder, &checkpoint), STATUS_BAD_INPUT);
    }
    memory_free(path);
    memory_free(folder);
}

static void a_damaged_checkpoint_is_passed_over(void **state)
{
    char *path = sample_path(*state, 2, "model.safetensors");
    save(*state, 1);
    save(*state, 2);
    flip(path, (size_t)size_of(path) - 1, 1); /* data: only a checksum can tell */
    assert_int_equal(step_found(*state, -1), 1);
    assert_int_equal(step_found(*state, 2), -2);
    assert_non_null(strstr(status_message(), "its checkpoint is not valid"));
    memory_free(path);
}

static void only_damaged_checkpoints_are_no_fresh_start(void **state)
{
    char *path = sample_path(*state, 2, "manifest.json");
    save(*state, 2);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(step_found(*state, -1), -2);
    assert_non_null(strstr(status_message(), "none of its 1 checkpoints is valid"));
    memory_free(path);
}

/* Opens step 2 and expects a refusal that says `why`. */
static void expect_refused(const char *run, const char *why)
{
    struct checkpoint *checkpoint;
    char *folder = sample_path(run, 2, NULL);
    assert_int_equal(checkpoint_open_newest(folder, &checkpoint), STATUS_BAD_INPUT);
    if (!strstr(status_message(), why))
        fail_msg("'%s' does not say '%s'", status_message(), why);
    memory_free(folder);
}

static void a_missing_file_is_refused(void **state)
{
    char *path = sample_path(*state, 2, "config.json");
    save(*state, 2);
    assert_int_equal(unlink(path), 0);
    expect_refused(*state, "'config.json' is missing");
    memory_free(path);
}

static void an_extra_file_is_refused(void **state)
{
    static const char *const names[] = { "a", "model-00002.safetensors", "zz", ".hidden" };
    save(*state, 2);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = sample_path(*state, 2, names[i]);
        write_file(path, "x", 1);
        expect_refused(*state, "is not in its manifest");
        assert_int_equal(unlink(path), 0);
        memory_free(path);
    }
}

static void a_file_of_another_step_is_refused(void **state)
{
    struct strbuf content = STRBUF_INIT;
    char *from = sample_path(*state, 1, "model.safetensors");
    char *to = sample_path(*state, 2, "model.safetensors");
    save(*state, 1);
    save(*state, 2);
    read_file(from, &content);
    write_file(to, content.bytes, content.length);
    expect_refused(*state, "it is of step 1, the checkpoint of step 2");
    memory_free(from);
    memory_free(to);
    strbuf_release(&content);
}

static void swapped_files_are_refused(void **state)
{
    char *a = sample_path(*state, 2, "model.safetensors"), *b = sample_path(*state, 2, "b");
    char *c = sample_path(*state, 2, "optimizer-00001-of-00001.safetensors");
    save(*state, 2);
    assert_int_equal(rename(a, b), 0);
    assert_int_equal(rename(c, a), 0);
    assert_int_equal(rename(b, c), 0);
    expect_refused(*state, "the manifest says");
    memory_free(a);
    memory_free(b);
    memory_free(c);
}

static void a_checkpoint_under_another_steps_name_is_passed_over(void **state)
{
    char *from = sample_path(*state, 2, NULL), *to = sample_path(*state, 3, NULL);
    save(*state, 1);
    save(*state, 2);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(step_found(*state, -1), 1);
    memory_free(from);
    memory_free(to);
}

static void links_and_fifos_are_refused(void **state)
{
    static const char *const names[] = { "config.json", "model.safetensors", "state.json",
                                         "manifest.json" };
    struct strbuf content = STRBUF_INIT;
    char *outside = path_join(*state, "outside");
    save(*state, 2);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = sample_path(*state, 2, names[i]);
        read_file(path, &content);
        write_file(outside, content.bytes, content.length);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink(outside, path), 0);
        expect_refused(*state, names[i]);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        expect_refused(*state, "it is not a regular file");
        assert_int_equal(unlink(path), 0);
        write_file(path, content.bytes, content.length);
        memory_free(path);
    }
    assert_int_equal(step_found(*state, -1), 2);
    memory_free(outside);
    strbuf_release(&content);
}

static void the_same_step_is_replaced(void **state)
{
    struct checkpoint_catalogue catalogue;
    save(*state, 2);
    save(*state, 2);
    assert_int_equal(step_found(*state, -1), 2);
    assert_int_equal(checkpoint_catalogue_read(*state, &catalogue), STATUS_OK);
    assert_int_equal(catalogue.count, 1);
    checkpoint_catalogue_release(&catalogue);
}

static void a_checkpoint_set_aside_is_found(void **state)
{
    char *path = checkpoint_folder_path(*state, 2, CHECKPOINT_COMMITTED);
    char *aside = checkpoint_folder_path(*state, 2, CHECKPOINT_REPLACED);
    save(*state, 1);
    save(*state, 2);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(step_found(*state, -1), 2);
    save(*state, 2);
    assert_false(folder_exists(aside));
    assert_int_equal(step_found(*state, -1), 2);
    memory_free(path);
    memory_free(aside);
}

static void a_failed_save_keeps_what_was_there(void **state)
{
    struct checkpoint_writer *writer;
    char *partial = checkpoint_folder_path(*state, 2, CHECKPOINT_PARTIAL);
    save(*state, 1);
    assert_int_equal(checkpoint_writer_begin(&world, &way, *state, 2, &writer), STATUS_OK);
    checkpoint_writer_add_text(writer, "state.json", "{}", 2);
    checkpoint_writer_add_text(writer, "state.json", "{}", 2);
    checkpoint_writer_add_text(writer, "config.json", "{}", 2);
    assert_int_equal(checkpoint_writer_commit(writer), STATUS_FAILED);
    assert_non_null(strstr(status_message(), "state.json': File exists"));
    assert_false(folder_exists(partial));
    assert_int_equal(step_found(*state, -1), 1);
    memory_free(partial);
}

static void one_spelling_names_a_step(void **state)
{
    (void)state;
    static const char *const strangers[] = {
        "step-1",
        "step-000000001",
        "step--0000001",
        "step-00000001.",
        "step-00000001.ol",
        "Step-00000001",
        "step-00000001/",
        "step-+0000001",
        "step-",
        "step-0x000001",
        "step-99999999999999999999",
        "model",
    };
    int64_t step;
    enum checkpoint_folder_kind kind;
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        assert_false(checkpoint_folder_parse(strangers[i], &step, &kind));
    assert_true(checkpoint_folder_parse("step-00000001", &step, &kind));
    assert_int_equal(step, 1);
    assert_true(checkpoint_folder_parse("step-1234567890.replaced", &step, &kind));
    assert_int_equal(step, 1234567890);
    assert_int_equal(kind, CHECKPOINT_REPLACED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_run, drop_run)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_saved_is_loaded),
        TEST(a_tensor_of_another_shape_or_name_is_refused),
        TEST(digest_depends_on_the_state_alone),
        TEST(a_run_without_checkpoints_starts_afresh),
        TEST(the_newest_checkpoint_is_found),
        TEST(every_flipped_byte_is_found),
        TEST(every_truncation_is_found),
        TEST(a_damaged_checkpoint_is_passed_over),
        TEST(only_damaged_checkpoints_are_no_fresh_start),
        TEST(a_missing_file_is_refused),
        TEST(an_extra_file_is_refused),
        TEST(a_file_of_another_step_is_refused),
        TEST(swapped_files_are_refused),
        TEST(a_checkpoint_under_another_steps_name_is_passed_over),
        TEST(links_and_fifos_are_refused),
        TEST(the_same_step_is_replaced),
        TEST(a_checkpoint_set_aside_is_found),
        TEST(a_failed_save_keeps_what_was_there),
        cmocka_unit_test(one_spelling_names_a_step),
    };
    if (world_init(&world) != STATUS_OK)
        fail_msg("%s", status_message());
    world_blocks = memory_live_blocks();
    int failed_tests = cmocka_run_group_tests(tests, NULL, NULL);
    world_finalize(&world);
    return failed_tests;
}
