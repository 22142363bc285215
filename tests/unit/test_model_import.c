#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "checkpoints/checkpoint.h"
#include "tests/unit/weights_sample.h"
#include "trainer/training/model_import.h"
#include "trainer/training/model_loading.h"

/* The embedding is larger than a block of what passes through. */
static const char llama_config[] =
    "{\"model_type\":\"llama\",\"num_hidden_layers\":2,\"hidden_size\":40,"
    "\"num_attention_heads\":4,\"num_key_value_heads\":2,\"intermediate_size\":24,"
    "\"max_position_embeddings\":16,\"vocab_size\":9001,\"bos_token_id\":1,\"eos_token_id\":2}";
static const char gpt2_config[] =
    "{\"model_type\":\"gpt2\",\"n_layer\":3,\"n_embd\":40,\"n_head\":5,\"n_positions\":16,"
    "\"vocab_size\":9001}";

enum { MOST_TENSORS = 64 };

static char folder[64];
static struct tensor_table table;
static struct sample_weight weights[MOST_TENSORS];

static int new_folder(void **state)
{
    (void)state;
    strcpy(folder, "eon-import-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
    (void)state;
    folder_remove(folder);
    return memory_live_blocks() == 0 ? 0 : -1;
}

/* A published model of all types, in the order opposite to eon's. */
static void publish(const char *config_text)
{
    static const char *const types[] = { "BF16", "F32", "F16" };
    struct model_config config;
    struct document_tokens documents;
    char *path = path_join(folder, "config.json"), *file = path_join(folder, "model.safetensors");
    assert_int_equal(file_replace(path, config_text, strlen(config_text)), STATUS_OK);
    assert_int_equal(model_read_config(folder, &config, &documents), STATUS_OK);
    tensor_table_init(&table, &config);
    assert_true(table.tensor_count <= MOST_TENSORS);
    for (int64_t i = 0; i < table.tensor_count; i++) {
        const struct tensor *tensor = &table.tensors[table.tensor_count - 1 - i];
        weights[i] =
            (struct sample_weight){ tensor->name, types[i % 3], tensor->rows, tensor->cols, NULL };
    }
    weights_sample_write(file, weights, table.tensor_count);
    memory_free(path);
    memory_free(file);
}

static void expect_every_weight(const char *run)
{
    struct checkpoint *checkpoint;
    assert_int_equal(checkpoint_open_newest(run, &checkpoint), STATUS_OK);
    assert_int_equal(checkpoint_step(checkpoint), 0);
    assert_true(model_is_imported(checkpoint_state(checkpoint)));
    for (int64_t i = 0; i < table.tensor_count; i++) {
        const int64_t elements = sample_weight_elements(&weights[i]);
        float *values = memory_alloc((size_t)elements * sizeof *values);
        assert_int_equal(checkpoint_read(checkpoint, weights[i].name, weights[i].rows,
                                         weights[i].cols, 0, elements, values),
                         STATUS_OK);
        for (int64_t e = 0; e < elements; e++)
            if (values[e] != sample_weight_value(&weights[i], e))
                fail_msg("element %lld of '%s' is %g", (long long)e, weights[i].name,
                         (double)values[e]);
        memory_free(values);
    }
    checkpoint_close(checkpoint);
}

static void every_weight_arrives(void **state)
{
    (void)state;
    const char *const configs[] = { llama_config, gpt2_config };
    char *runs[] = { path_join(folder, "llama"), path_join(folder, "gpt2") };
    for (int i = 0; i < 2; i++) {
        struct model_import_report report;
        publish(configs[i]);
        assert_int_equal(model_import(folder, runs[i], &report), STATUS_OK);
        assert_int_equal(report.parameters, table.element_count);
        assert_int_equal(report.files, 1);
        assert_true(report.no_tokenizer.length > 0);
        model_import_report_release(&report);
        expect_every_weight(runs[i]);
        tensor_table_release(&table);
        memory_free(runs[i]);
    }
}

static void it_loads_without_a_tokenizer(void **state)
{
    (void)state;
    struct model_import_report report;
    struct loaded_model loaded;
    char *run = path_join(folder, "run");
    publish(llama_config);
    tensor_table_release(&table);
    assert_int_equal(model_import(folder, run, &report), STATUS_OK);
    model_import_report_release(&report);
    assert_int_equal(model_load(run, &loaded), STATUS_OK);
    assert_null(loaded.tokenizer);
    assert_true(loaded.documents.has_begin && loaded.documents.begin == 1);
    assert_true(document_tokens_end_with(&loaded.documents, 2));
    assert_int_equal(loaded_model_need_tokenizer(&loaded, run), STATUS_BAD_INPUT);
    loaded_model_release(&loaded);
    memory_free(run);
}

static void an_error_leaves_nothing(void **state)
{
    (void)state;
    struct model_import_report report;
    char *run = path_join(folder, "run"), *config = path_join(folder, "config.json");
    publish(gpt2_config);
    tensor_table_release(&table);
    assert_int_equal(file_replace(config, llama_config, strlen(llama_config)), STATUS_OK);
    assert_int_equal(model_import(folder, run, &report), STATUS_BAD_INPUT);
    assert_non_null(strstr(status_message(), "'model.embed_tokens.weight' is missing"));
    assert_false(file_exists(run));
    memory_free(run);
    memory_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_weight_arrives, new_folder, drop_folder),
        cmocka_unit_test_setup_teardown(it_loads_without_a_tokenizer, new_folder, drop_folder),
        cmocka_unit_test_setup_teardown(an_error_leaves_nothing, new_folder, drop_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
