/* Joules of packages and memories, from a picture of /sys/class/powercap. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "trainer/reports/energy_meter.h"

static char root[64];

static void put_line(const char *zone, const char *name, const char *text)
{
    struct strbuf path = STRBUF_INIT, line = STRBUF_INIT;
    strbuf_addf(&path, "%s/%s", root, zone);
    assert_int_equal(folder_create(path.bytes), STATUS_OK);
    strbuf_addf(&path, "/%s", name);
    strbuf_addf(&line, "%s\n", text);
    assert_int_equal(file_replace(path.bytes, line.bytes, line.length), STATUS_OK);
    strbuf_release(&path);
    strbuf_release(&line);
}

static void put_zone(const char *zone, const char *name, const char *microjoules)
{
    put_line(zone, "name", name);
    put_line(zone, "max_energy_range_uj", "262143328850");
    put_line(zone, "energy_uj", microjoules);
}

static int make_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/test_energy_meter.XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    return folder_remove(root) == STATUS_OK ? 0 : -1;
}

static void packages_and_memories_count_and_their_parts_do_not(void **state)
{
    (void)state;
    put_zone("intel-rapl:0", "package-0", "1000000");
    put_zone("intel-rapl:0:0", "core", "500000");
    put_zone("intel-rapl:0:1", "dram", "200000");
    put_zone("intel-rapl:1", "package-1", "3000000");
    put_zone("intel-rapl:2", "psys", "9000000");
    put_zone("intel-rapl-mmio:0", "package-0", "1000000"); /* the same package once more */
    struct energy_meter *meter = energy_meter_open(root);
    assert_true(energy_meter_take(meter) == 0);
    put_line("intel-rapl:0", "energy_uj", "3000000");
    put_line("intel-rapl:0:0", "energy_uj", "1500000");
    put_line("intel-rapl:0:1", "energy_uj", "700000");
    put_line("intel-rapl:1", "energy_uj", "7000000");
    put_line("intel-rapl:2", "energy_uj", "90000000");
    put_line("intel-rapl-mmio:0", "energy_uj", "3000000");
    assert_true(fabs(energy_meter_take(meter) - 6.5) < 1e-9);
    assert_true(energy_meter_take(meter) == 0);
    energy_meter_close(meter);
}

static void counter_that_wraps_around_keeps_counting(void **state)
{
    (void)state;
    put_zone("intel-rapl:0", "package-0", "262143000000");
    struct energy_meter *meter = energy_meter_open(root);
    put_line("intel-rapl:0", "energy_uj", "671150");
    assert_true(fabs(energy_meter_take(meter) - 1.0) < 1e-9);
    energy_meter_close(meter);
}

static void energy_is_unknown_where_nothing_tells_it(void **state)
{
    (void)state;
    struct energy_meter *meter = energy_meter_open(root);
    assert_true(isnan(energy_meter_take(meter)));
    energy_meter_close(meter);
    meter = energy_meter_open("/nonexistent/powercap");
    assert_true(isnan(energy_meter_take(meter)));
    energy_meter_close(meter);
}

static void unreadable_counters_are_unknown_from_then_on(void **state)
{
    (void)state;
    put_zone("intel-rapl:0", "package-0", "not a number");
    put_zone("intel-rapl:1", "package-1", "-5");
    struct energy_meter *meter = energy_meter_open(root);
    assert_true(isnan(energy_meter_take(meter)));
    energy_meter_close(meter);

    put_line("intel-rapl:0", "energy_uj", "5");
    meter = energy_meter_open(root);
    put_line("intel-rapl:0", "energy_uj", "");
    assert_true(isnan(energy_meter_take(meter)));
    put_line("intel-rapl:0", "energy_uj", "9");
    assert_true(isnan(energy_meter_take(meter)));
    energy_meter_close(meter);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(packages_and_memories_count_and_their_parts_do_not),
        TEST(counter_that_wraps_around_keeps_counting),
        TEST(energy_is_unknown_where_nothing_tells_it),
        TEST(unreadable_counters_are_unknown_from_then_on),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    return failures || memory_live_blocks() != 0;
}
