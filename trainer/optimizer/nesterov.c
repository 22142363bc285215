#include "trainer/optimizer/nesterov.h"

/* Elements that a thread takes at once. */
#define BLOCK ((int64_t)16384)

struct pass {
    const struct nesterov *nesterov;
    float *parameters, *momentum; /* or the change, without momentum */
    const float *left, *right;
    int64_t count;
};

static int64_t end_of_block(const struct pass *pass, int64_t block)
{
    const int64_t end = (block + 1) * BLOCK;
    return end < pass->count ? end : pass->count;
}

static void run(struct kernels *kernels, struct pass *pass, thread_pool_work *work)
{
    kernels_run(kernels, KERNEL_OPTIMIZER, (pass->count + BLOCK - 1) / BLOCK, work, pass);
}

static void update_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct pass *pass = context;
    const struct nesterov n = *pass->nesterov;
    for (int64_t i = block * BLOCK; i < end_of_block(pass, block); i++) {
        const float d = pass->left[i] / n.groups;
        const float v = n.momentum * pass->momentum[i] + d;
        pass->momentum[i] = v;
        pass->parameters[i] -= n.lr * (d + n.momentum * v);
    }
}

void nesterov_update(const struct nesterov *nesterov, struct kernels *kernels, float *parameters,
                     float *momentum, const float *changes, int64_t count)
{
    struct pass pass = { nesterov, parameters, momentum, changes, NULL, count };
    run(kernels, &pass, update_block);
    kernels_count_reals(kernels, KERNEL_OPTIMIZER, 5 * count);
}

static void change_block(void *context, int64_t block, int thread)
{
    (void)thread;
    const struct pass *pass = context;
    for (int64_t i = block * BLOCK; i < end_of_block(pass, block); i++)
        pass->parameters[i] = pass->left[i] - pass->right[i];
}

void nesterov_change(struct kernels *kernels, float *change, const float *from, const float *to,
                     int64_t count)
{
    struct pass pass = { NULL, change, NULL, from, to, count };
    run(kernels, &pass, change_block);
    kernels_count_reals(kernels, KERNEL_OPTIMIZER, 3 * count);
}
