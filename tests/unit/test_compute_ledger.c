/* The ledger forgets no work, whatever happens to the run. */
#include <math.h>
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
#include "trainer/reports/compute_ledger.h"

static struct compute_amount step_amount(double flops, int64_t steps)
{
    return (struct compute_amount){ .executed_flops = 1.25 * flops,
                                    .model_flops = flops,
                                    .tokens = 1000 * steps,
                                    .steps = steps,
                                    .wall_seconds = 2 * (double)steps,
                                    .energy_joules = 100 * (double)steps };
}

static struct compute_ledger ledger_after(int64_t training_steps, int64_t evaluation_steps)
{
    struct compute_ledger ledger;
    struct compute_amount training = step_amount(1e9 * (double)training_steps, training_steps);
    struct compute_amount evaluation =
        step_amount(1e8 * (double)evaluation_steps, evaluation_steps);
    compute_ledger_init(&ledger, 4, 1e10);
    compute_ledger_add(&ledger, COMPUTE_TRAINING, &training);
    compute_ledger_add(&ledger, COMPUTE_EVALUATION, &evaluation);
    return ledger;
}

static void assert_amounts_equal(const struct compute_amount *a, const struct compute_amount *b)
{
    assert_memory_equal(a, b, sizeof *a);
}

static void rank_seconds_and_available_flops_follow_from_wall_time(void **state)
{
    (void)state;
    struct compute_ledger ledger = ledger_after(10, 0);
    const struct compute_amount *training = &ledger.amounts[COMPUTE_TRAINING];
    assert_true(training->wall_seconds == 20);
    assert_true(training->rank_seconds == 80);
    assert_true(training->available_flops == 80e10);
    assert_true(compute_amount_model_utilisation(training) == 10e9 / 80e10);
    assert_true(compute_amount_executed_utilisation(training) == 12.5e9 / 80e10);
}

static void work_after_the_checkpoint_becomes_discarded_on_resume(void **state)
{
    (void)state;
    struct compute_ledger checkpoint = ledger_after(100, 4), run = ledger_after(137, 5), resumed;
    compute_ledger_init(&resumed, 3, 2e10);
    compute_ledger_resume(&resumed, &checkpoint, &run);

    assert_amounts_equal(&resumed.amounts[COMPUTE_TRAINING], &checkpoint.amounts[COMPUTE_TRAINING]);
    assert_amounts_equal(&resumed.amounts[COMPUTE_EVALUATION],
                         &checkpoint.amounts[COMPUTE_EVALUATION]);
    assert_int_equal(resumed.amounts[COMPUTE_DISCARDED].steps, 37 + 1);
    assert_true(resumed.amounts[COMPUTE_DISCARDED].model_flops == 37e9 + 1e8);
    assert_int_equal(resumed.restarts, 1);
    assert_int_equal(resumed.ranks, 3);
    assert_true(resumed.peak_flops_per_second == 2e10);
}

static void total_survives_kill_after_kill_from_the_same_checkpoint(void **state)
{
    (void)state;
    struct compute_ledger checkpoint = ledger_after(100, 4), run = ledger_after(120, 4), next;
    struct compute_amount seven = step_amount(7e9, 7);
    for (int kill = 1; kill <= 5; kill++) {
        compute_ledger_init(&next, 4, 1e10);
        compute_ledger_resume(&next, &checkpoint, &run);
        compute_ledger_add(&next, COMPUTE_TRAINING, &seven);
        run = next;
        struct compute_amount total = compute_ledger_total(&run);
        assert_int_equal(total.steps, 120 + 4 + 7 * kill);
        assert_int_equal(run.amounts[COMPUTE_TRAINING].steps, 107);
        assert_int_equal(run.amounts[COMPUTE_DISCARDED].steps, 20 + 7 * (kill - 1));
        assert_int_equal(run.restarts, kill);
    }
}

static void checkpoint_newer_than_the_run_ledger_discards_nothing(void **state)
{
    (void)state;
    struct compute_ledger checkpoint = ledger_after(100, 4), run = ledger_after(90, 4), resumed;
    const struct compute_amount nothing = { 0 };
    compute_ledger_init(&resumed, 4, 1e10);
    compute_ledger_resume(&resumed, &checkpoint, &run);
    assert_amounts_equal(&resumed.amounts[COMPUTE_DISCARDED], &nothing);
    compute_ledger_resume(&resumed, &checkpoint, NULL);
    assert_amounts_equal(&resumed.amounts[COMPUTE_DISCARDED], &nothing);
    assert_int_equal(resumed.restarts, 1);
}

static void merge_adds_purpose_by_purpose(void **state)
{
    (void)state;
    struct compute_ledger sum = ledger_after(30, 2), other = ledger_after(12, 1);
    struct compute_ledger expected = ledger_after(42, 3);
    other.restarts = 2;
    compute_ledger_merge(&sum, &other);
    for (int purpose = 0; purpose < COMPUTE_PURPOSES; purpose++)
        assert_amounts_equal(&sum.amounts[purpose], &expected.amounts[purpose]);
    assert_int_equal(sum.restarts, 2);
}

static void unknown_energy_and_peak_stay_unknown(void **state)
{
    (void)state;
    struct compute_ledger ledger;
    struct compute_amount amount = step_amount(1e9, 1);
    amount.energy_joules = NAN;
    compute_ledger_init(&ledger, 2, NAN);
    compute_ledger_add(&ledger, COMPUTE_TRAINING, &amount);
    struct compute_amount total = compute_ledger_total(&ledger);
    assert_true(isnan(total.energy_joules));
    assert_true(isnan(compute_amount_model_utilisation(&total)));
    assert_true(total.model_flops == 1e9);
}

static void json_brings_back_the_same_bits(void **state)
{
    (void)state;
    struct compute_ledger ledger = ledger_after(7, 3), back;
    ledger.restarts = 5;
    ledger.amounts[COMPUTE_TRAINING].executed_flops = 3.14e23 / 7;
    ledger.amounts[COMPUTE_TRAINING].wall_seconds = 0.1;
    ledger.amounts[COMPUTE_GENERATION].energy_joules = NAN;
    struct json *value = compute_ledger_to_json(&ledger);
    assert_int_equal(compute_ledger_from_json(value, "test", &back), STATUS_OK);
    json_free(value);
    assert_true(isnan(back.amounts[COMPUTE_GENERATION].energy_joules));
    ledger.amounts[COMPUTE_GENERATION].energy_joules = 0;
    back.amounts[COMPUTE_GENERATION].energy_joules = 0;
    assert_memory_equal(&ledger, &back, sizeof ledger);
}

static void ledger_file_is_read_back(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_compute_ledger.XXXXXX";
    struct compute_ledger ledger = ledger_after(7, 3), back;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(compute_ledger_read(folder, &back), STATUS_BAD_INPUT);
    assert_int_equal(compute_ledger_write(&ledger, folder), STATUS_OK);
    assert_int_equal(compute_ledger_read(folder, &back), STATUS_OK);
    assert_memory_equal(&ledger, &back, sizeof ledger);
    assert_int_equal(folder_remove(folder), STATUS_OK);
}

/* The text of a good ledger with `from` replaced by `to`. */
static enum status read_changed(const char *from, const char *to)
{
    struct compute_ledger ledger = ledger_after(7, 3), back;
    struct strbuf text = STRBUF_INIT, changed = STRBUF_INIT;
    struct json *value = compute_ledger_to_json(&ledger), *parsed = NULL;
    json_print(value, JSON_COMPACT, &text);
    char *at = strstr(text.bytes, from);
    assert_non_null(at);
    strbuf_add(&changed, text.bytes, (size_t)(at - text.bytes));
    strbuf_add_string(&changed, to);
    strbuf_add_string(&changed, at + strlen(from));

    enum status status = json_parse(changed.bytes, changed.length, "test", &parsed);
    if (status == STATUS_OK)
        status = compute_ledger_from_json(parsed, "test", &back);
    json_free(parsed);
    json_free(value);
    strbuf_release(&text);
    strbuf_release(&changed);
    return status;
}

static void damaged_ledgers_are_bad_input(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        { "\"version\":1", "\"version\":2" },
        { "\"eon compute ledger\"", "\"another\"" },
        { "\"restarts\":0", "\"restarts\":-1" },
        { "\"restarts\":0", "\"restarts\":0,\"surprise\":1" },
        { "\"ranks\":4", "\"ranks\":0" },
        { "\"tokens\":7000", "\"tokens\":-7000" },
        { "\"tokens\":7000", "\"tokens\":9000000000000000000" },
        { "\"tokens\":7000", "\"tokens\":7000.5" },
        { "\"tokens\":7000", "\"tokens\":null" },
        { "\"steps\":7", "\"stops\":7" },
        { "\"executed_flops\":", "\"executed_flops\":-" },
        { "\"executed_flops\":", "\"executed_flops\":null,\"x\":" },
        { "\"wall_seconds\":14.0", "\"wall_seconds\":1e300" },
        { "\"discarded\"", "\"thrown_away\"" },
    };
    assert_int_equal(read_changed("\"tokens\":7000", "\"tokens\":7001"), STATUS_OK);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        if (read_changed(changes[i][0], changes[i][1]) != STATUS_BAD_INPUT)
            fail_msg("accepted %s", changes[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rank_seconds_and_available_flops_follow_from_wall_time),
        cmocka_unit_test(work_after_the_checkpoint_becomes_discarded_on_resume),
        cmocka_unit_test(total_survives_kill_after_kill_from_the_same_checkpoint),
        cmocka_unit_test(checkpoint_newer_than_the_run_ledger_discards_nothing),
        cmocka_unit_test(merge_adds_purpose_by_purpose),
        cmocka_unit_test(unknown_energy_and_peak_stay_unknown),
        cmocka_unit_test(json_brings_back_the_same_bits),
        cmocka_unit_test(ledger_file_is_read_back),
        cmocka_unit_test(damaged_ledgers_are_bad_input),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    return failures || memory_live_blocks() != 0;
}
