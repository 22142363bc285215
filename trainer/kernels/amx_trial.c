#include "trainer/kernels/amx_trial.h"

#ifdef __x86_64__

#include <setjmp.h>
#include <signal.h>

#include "trainer/kernels/multiply/multiply.h"

enum { DEPTH = 2 * TILE_SIDE };

static sigjmp_buf before_trial;

static void leave_trial(int signal_number)
{
    (void)signal_number;
    siglongjmp(before_trial, 1);
}

/* Small whole numbers: as bf16, and in sums of their products, they are exact. */
static int left_element(int r, int k)
{
    return (3 * r + k) % 7 - 3;
}

static int right_element(int k, int c)
{
    return (5 * k + 2 * c) % 11 - 5;
}

static bf16 exact_bf16(int value)
{
    const union {
        float value;
        uint32_t bits;
    } f = { .value = (float)value };
    return (bf16)(f.bits >> 16);
}

static bool tile_product_is_right(void)
{
    static bf16 left[TILE_SIDE][DEPTH], right[TILE_SIDE][TILE_SIDE][2];
    static float C[TILE_SIDE][TILE_SIDE];
    for (int i = 0; i < TILE_SIDE; i++)
        for (int j = 0; j < DEPTH; j++) {
            left[i][j] = exact_bf16(left_element(i, j));
            right[i][j / 2][j % 2] = exact_bf16(right_element(2 * i + j % 2, j / 2));
        }
    multiply_bf16_amx(&(struct tile_product){ .A = left,
                                              .B = right,
                                              .rows = TILE_SIDE,
                                              .columns = TILE_SIDE,
                                              .depth = 1,
                                              .C = (void *)C,
                                              .ldc = TILE_SIDE });
    for (int r = 0; r < TILE_SIDE; r++)
        for (int c = 0; c < TILE_SIDE; c++) {
            int sum = 0;
            for (int k = 0; k < DEPTH; k++)
                sum += left_element(r, k) * right_element(k, c);
            if (C[r][c] != (float)sum)
                return false;
        }
    return true;
}

bool amx_trial_succeeds(void)
{
    struct sigaction action = { .sa_handler = leave_trial }, before;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGILL, &action, &before) != 0)
        return false;
    const bool succeeds = sigsetjmp(before_trial, 1) == 0 && tile_product_is_right();
    sigaction(SIGILL, &before, NULL);
    return succeeds;
}

#else

bool amx_trial_succeeds(void)
{
    return false;
}

#endif
