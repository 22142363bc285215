#include "trainer/kernels/instruction_sets.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "trainer/kernels/amx_trial.h"

/* The first CPU's flags as Linux tells them, between spaces; empty where it tells none. */
static void read_flags_of_linux(struct strbuf *flags)
{
    char line[8192];
    FILE *file = fopen("/proc/cpuinfo", "r");
    assert_non_null(file);
    while (flags->length == 0 && fgets(line, sizeof line, file))
        if (strncmp(line, "flags", 5) == 0) {
            line[strcspn(line, "\n")] = ' ';
            strbuf_add_string(flags, line);
        }
    fclose(file);
}

static bool holds_word(const char *text, const char *word)
{
    char padded[64];
    snprintf(padded, sizeof padded, " %s ", word);
    return strstr(text, padded) != NULL;
}

static void linux_sees_the_same_instructions(void **state)
{
    (void)state;
    struct strbuf flags = STRBUF_INIT;
    read_flags_of_linux(&flags);
    if (flags.length == 0)
        skip(); /* no x86 */
    const struct instruction_sets here = instruction_sets_here();
    const struct {
        const char *name;
        bool is_here;
    } rows[] = {
        { "avx2", here.avx2 },
        { "fma", here.fma },
        { "f16c", here.f16c },
        { "avx512f", here.avx512f },
        { "avx512bw", here.avx512bw },
        { "avx512dq", here.avx512dq },
        { "avx512vl", here.avx512vl },
        { "avx512_vnni", here.avx512_vnni },
        { "avx512_bf16", here.avx512_bf16 },
        { "avx512_fp16", here.avx512_fp16 },
        { "amx_bf16", here.amx != AMX_ABSENT && here.amx != AMX_UNSAVED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].is_here != holds_word(flags.bytes, rows[i].name))
            fail_msg("%s: %d", rows[i].name, rows[i].is_here);
    strbuf_release(&flags);
}

static void ignore_signal(int number)
{
    (void)number;
}

static void a_trial_where_there_is_no_amx_fails_and_leaves_no_trace(void **state)
{
    (void)state;
    const enum amx_state amx = instruction_sets_here().amx;
    if (amx == AMX_USABLE || amx == AMX_NO_PALETTE)
        skip();
    struct sigaction before = { .sa_handler = ignore_signal }, after;
    assert_int_equal(sigaction(SIGILL, &before, NULL), 0);
    assert_false(amx_trial_succeeds());
    assert_false(amx_trial_succeeds());
    assert_int_equal(sigaction(SIGILL, NULL, &after), 0);
    assert_true(after.sa_handler == ignore_signal);
    sigset_t blocked;
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &blocked), 0);
    assert_false(sigismember(&blocked, SIGILL));
}

static void the_names_are_printed_in_one_line(void **state)
{
    (void)state;
    const struct instruction_sets sets = { .avx2 = true, .fma = true, .amx = AMX_NO_PALETTE };
    struct strbuf names = STRBUF_INIT;
    instruction_sets_print(&sets, &names);
    assert_string_equal(names.bytes, "avx2 fma amx_bf16");
    strbuf_release(&names);
    assert_int_equal(memory_live_blocks(), 0);
}

static void wider_registers_do_more_in_a_cycle(void **state)
{
    (void)state;
    const struct instruction_sets none = { 0 };
    const struct instruction_sets avx2 = { .avx2 = true, .fma = true };
    const struct instruction_sets avx512 = { .avx2 = true, .fma = true, .avx512f = true };
    assert_int_equal(instruction_sets_flops_per_cycle(&none), 16);
    assert_int_equal(instruction_sets_flops_per_cycle(&avx2), 32);
    assert_int_equal(instruction_sets_flops_per_cycle(&avx512), 64);
}

/* Even where other programs share the core: no CPU in question runs outside of these. */
static void the_clock_is_that_of_a_cpu(void **state)
{
    (void)state;
    double ghz = measure_clock_ghz();
    assert_true(ghz > 0.3 && ghz < 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linux_sees_the_same_instructions),
        cmocka_unit_test(a_trial_where_there_is_no_amx_fails_and_leaves_no_trace),
        cmocka_unit_test(the_names_are_printed_in_one_line),
        cmocka_unit_test(wider_registers_do_more_in_a_cycle),
        cmocka_unit_test(the_clock_is_that_of_a_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
