#include "trainer/reports/step_profile.h"

/* Kernels that ran, the longest first; returns how many. */
static int order_by_time(const struct kernel_profile *kernels, int order[KERNELS])
{
    int count = 0;
    for (int i = 0; i < KERNELS; i++) {
        if (kernels[i].calls == 0)
            continue;
        int at = count++;
        for (; at > 0 && kernels[order[at - 1]].seconds < kernels[i].seconds; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    return count;
}

static double seconds_of_other(const struct step_profile *profile)
{
    double other = profile->seconds;
    for (int i = 0; i < KERNELS; i++)
        other -= profile->kernels[i].seconds;
    for (int i = 0; i < profile->stage_count; i++)
        other -= profile->stages[i].seconds;
    return other > 0 ? other : 0;
}

static void print_time(const struct step_profile *profile, const char *name, double seconds,
                       struct strbuf *out)
{
    strbuf_addf(out, "  %-22s%6.1f %% %11.2f", name, 100 * seconds / profile->seconds,
                1e3 * seconds / (double)profile->steps);
}

static void print_kernel(const struct step_profile *profile, int id, struct strbuf *out)
{
    const struct kernel_profile *kernel = &profile->kernels[id];
    print_time(profile, kernel_names[id], kernel->seconds, out);
    strbuf_addf(out, " %7.0f", (double)kernel->calls / (double)profile->steps);
    if (kernel->flops > 0)
        strbuf_addf(out, " %11.1f", 1e-9 * (double)kernel->flops / kernel->seconds);
    else if (kernel->bytes > 0)
        strbuf_addf(out, " %11s %9.1f", "", 1e-9 * (double)kernel->bytes / kernel->seconds);
    strbuf_add_char(out, '\n');
}

void step_profile_print(const struct step_profile *profile, struct strbuf *out)
{
    int order[KERNELS], count = order_by_time(profile->kernels, order);
    strbuf_addf(out, "  %-22s%8s %11s %7s %11s %9s\n", "kernel", "share", "ms a step", "calls",
                "GFLOP/s", "GB/s");
    for (int i = 0; i < count; i++)
        print_kernel(profile, order[i], out);
    for (int i = 0; i < profile->stage_count; i++) {
        print_time(profile, profile->stages[i].name, profile->stages[i].seconds, out);
        strbuf_add_char(out, '\n');
    }
    print_time(profile, "other", seconds_of_other(profile), out);
    strbuf_add_char(out, '\n');
}

static void add_stage(struct json *stages, const char *name, double seconds)
{
    struct json *stage = json_new_object();
    json_put_text(stage, "name", name);
    json_put_number(stage, "seconds", seconds);
    json_append(stages, stage);
}

struct json *step_profile_to_json(const struct step_profile *profile)
{
    struct json *json = json_new_object(), *kernels = json_new_array(), *stages = json_new_array();
    int order[KERNELS], count = order_by_time(profile->kernels, order);
    for (int i = 0; i < count; i++) {
        const struct kernel_profile *kernel = &profile->kernels[order[i]];
        struct json *line = json_new_object();
        json_put_text(line, "name", kernel_names[order[i]]);
        json_put_number(line, "seconds", kernel->seconds);
        json_put_integer(line, "calls", kernel->calls);
        json_put_integer(line, "flops", kernel->flops);
        json_put_integer(line, "bytes", kernel->bytes);
        json_append(kernels, line);
    }
    for (int i = 0; i < profile->stage_count; i++)
        add_stage(stages, profile->stages[i].name, profile->stages[i].seconds);
    add_stage(stages, "other", seconds_of_other(profile));

    json_put_integer(json, "steps", profile->steps);
    json_put_number(json, "seconds", profile->seconds);
    json_put(json, "kernels", kernels);
    json_put(json, "stages", stages);
    return json;
}
