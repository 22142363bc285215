#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/weight_files.h"
#include "tests/unit/weights_sample.h"

static const struct sample_weight matrix = { "b.matrix", "BF16", 70, 300, NULL };
static const struct sample_weight vector = { "a.vector", "F16", 9, 0, NULL };
static const struct sample_weight single = { "c.single", "F32", 5, 3, NULL };
static const struct sample_weight counts = { "d.counts", "I64", 2, 0, NULL };

static char folder[64];

static int new_folder(void **state)
{
    (void)state;
    strcpy(folder, "eon-weights-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
    (void)state;
    folder_remove(folder);
    return memory_live_blocks() == 0 ? 0 : -1;
}

static void write_weights(const char *name, const struct sample_weight *weights, int64_t count)
{
    char *path = path_join(folder, name);
    weights_sample_write(path, weights, count);
    memory_free(path);
}

static void write_text(const char *name, const char *text)
{
    char *path = path_join(folder, name);
    assert_int_equal(file_replace(path, text, strlen(text)), STATUS_OK);
    memory_free(path);
}

static void write_index(const char *map)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {%s}}", map);
    write_text("model.safetensors.index.json", text.bytes);
    strbuf_release(&text);
}

static void expect_values(struct weight_files *files, const struct sample_weight *weight)
{
    const struct weight_tensor *tensor = weight_files_find(files, weight->name);
    const int64_t elements = sample_weight_elements(weight);
    assert_non_null(tensor);
    assert_true(weight_tensor_is_float(tensor));
    float *values = memory_alloc((size_t)elements * sizeof *values);
    for (int64_t begin = 0; begin < elements; begin = begin * 2 + 1) {
        assert_int_equal(weight_files_read(files, tensor, begin, elements, values), STATUS_OK);
        for (int64_t i = begin; i < elements; i++)
            assert_true(values[i - begin] == sample_weight_value(weight, i));
    }
    memory_free(values);
}

static void all_types_of_one_file_are_read(void **state)
{
    (void)state;
    const struct sample_weight weights[] = { single, counts, vector, matrix };
    struct weight_files files;
    write_weights("model.safetensors", weights, 4);
    assert_int_equal(weight_files_open(folder, &files), STATUS_OK);
    assert_int_equal(files.tensor_count, 4);
    expect_values(&files, &matrix);
    expect_values(&files, &vector);
    expect_values(&files, &single);
    assert_false(weight_tensor_is_float(weight_files_find(&files, "d.counts")));
    assert_null(weight_files_find(&files, "e"));
    weight_files_release(&files);
}

static void write_two_files(void)
{
    const struct sample_weight first[] = { single, vector };
    write_weights("one.safetensors", first, 2);
    write_weights("two.safetensors", &matrix, 1);
}

#define ONE(name) "\"" name "\": \"one.safetensors\""
#define TWO(name) "\"" name "\": \"two.safetensors\""

static void files_are_read_by_their_index(void **state)
{
    (void)state;
    struct weight_files files;
    write_two_files();
    write_index(TWO("b.matrix") "," ONE("a.vector") "," ONE("c.single"));
    assert_int_equal(weight_files_open(folder, &files), STATUS_OK);
    assert_int_equal(files.file_count, 2);
    expect_values(&files, &vector);
    expect_values(&files, &matrix);
    expect_values(&files, &single);
    weight_files_release(&files);
}

static void an_index_may_name_the_single_file(void **state)
{
    (void)state;
    struct weight_files files;
    write_weights("model.safetensors", &single, 1);
    write_index("\"c.single\": \"model.safetensors\"");
    assert_int_equal(weight_files_open(folder, &files), STATUS_OK);
    expect_values(&files, &single);
    weight_files_release(&files);
}

static void a_hostile_index_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *map, *why;
    } cases[] = {
        { "", "does not name it" /* the single file */ },
        { ONE("a.vector"), "is nowhere" },
        { ONE("a.vector") "," ONE("c.single") "," ONE("b.matrix"), "'b.matrix' is not in" },
        { TWO("a.vector") "," ONE("c.single") "," TWO("b.matrix"), "says it is in two" },
        { "\"a\": \"../one.safetensors\"", "'../one.safetensors' is not the name" },
        { "\"a\": \"/etc/one.safetensors\"", "is not the name" },
        { "\"a\": \".one.safetensors\"", "is not the name" },
        { "\"a\": \"one.safetensors\\u0000\"", "is not the name" },
        { "\"a\": \".safetensors\"", "is not the name" },
        { "\"a\": \"\"", "is not the name" },
        { "\"a\": \"config.json\"", "is not the name" },
        { "\"a\": 7", "no text" },
        { "\"a\": \"three.safetensors\"", "three.safetensors" },
        { ONE("a.vector") "," ONE("a.vector"), "duplicate" },
    };
    struct weight_files files;
    write_two_files();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (i == 0)
            write_weights("model.safetensors", &single, 1);
        write_index(cases[i].map);
        assert_int_equal(weight_files_open(folder, &files), STATUS_BAD_INPUT);
        if (!strstr(status_message(), cases[i].why))
            fail_msg("'%s' does not say '%s'", status_message(), cases[i].why);
        char *path = path_join(folder, "model.safetensors");
        unlink(path);
        memory_free(path);
    }
    write_text("model.safetensors.index.json", "[]");
    assert_int_equal(weight_files_open(folder, &files), STATUS_BAD_INPUT);
    write_text("model.safetensors.index.json", "{\"weight_map\": {}, \"more\": 1}");
    assert_int_equal(weight_files_open(folder, &files), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "'more'"));
}

static void a_tensor_in_two_files_is_refused(void **state)
{
    (void)state;
    struct weight_files files;
    write_two_files();
    write_weights("two.safetensors", &single, 1);
    write_index(ONE("a.vector") "," TWO("c.single"));
    assert_int_equal(weight_files_open(folder, &files), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "tensor 'c.single' is in"));
}

static void a_folder_without_weights_is_refused(void **state)
{
    (void)state;
    struct weight_files files;
    assert_int_equal(weight_files_open(folder, &files), STATUS_BAD_INPUT);
    assert_int_equal(weight_files_open("nowhere", &files), STATUS_BAD_INPUT);
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, new_folder, drop_folder)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(all_types_of_one_file_are_read),
        IN_A_FOLDER(files_are_read_by_their_index),
        IN_A_FOLDER(an_index_may_name_the_single_file),
        IN_A_FOLDER(a_hostile_index_is_refused),
        IN_A_FOLDER(a_tensor_in_two_files_is_refused),
        IN_A_FOLDER(a_folder_without_weights_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
