#include "trainer/kernels/loss_head.h"

#include <string.h>

#include "base/status.h"
#include "trainer/kernels/kernel_scratch.h"
#include "trainer/kernels/kernel_table.h"
#include "trainer/kernels/product.h"

/* Rows [first, first + rows) of the whole. */
struct loss_block {
    struct kernels *kernels;
    const struct loss_head *head;
    int64_t first, rows;
};

/* The loss of a row of reals; its gradient as `element`, from the row's start on. */
static double row_loss(const struct loss_block *block, int64_t row, real *logits,
                       enum element element)
{
    const struct loss_head *head = block->head;
    int32_t target = head->targets[block->first + row];
    CHECK(target < head->V, "target %d is beyond the model's vocabulary of %lld", target,
          (long long)head->V);
    const struct loss_loops *loops = block->kernels->table->loss;
    if (!head->dhidden)
        return loops->cross_entropy_row(logits, head->V, target);
    return loops->cross_entropy_gradient_row(logits, head->V, target, head->z_loss, element);
}

static void loss_row(void *context, int64_t row, int thread)
{
    const struct loss_block *block = context;
    const struct loss_head *head = block->head;
    const enum element element = block->kernels->element;
    void *logits = (char *)head->logits + row * loss_head_stride(head->V) * element_bytes(element);
    if (element == ELEMENT_REAL) {
        head->row_losses[row] = row_loss(block, row, logits, element);
        return;
    }
    real *wide = (real *)(void *)block->kernels->scratch->threads[thread].reserved;
    block->kernels->tiles[element].load(logits, wide, head->V);
    head->row_losses[row] = row_loss(block, row, wide, element);
    if (head->dhidden)
        memcpy(logits, wide, (size_t)(head->V * element_bytes(element)));
}

static void block_backward(struct kernels *kernels, const struct loss_block *block)
{
    const struct loss_head *head = block->head;
    const enum element element = kernels->element;
    const int64_t stride = loss_head_stride(head->V);
    /* dW[V,C] (+)= dlogits[rows,V]^T H[rows,C], first: dH may overwrite H */
    struct product dweight = { .id = KERNEL_PRODUCT_HEAD,
                               .M = head->V,
                               .N = head->C,
                               .K = block->rows,
                               .A = head->logits,
                               .A_element = element,
                               .lda = stride,
                               .A_transposed = true,
                               .B = head->hidden + block->first * head->C,
                               .ldb = head->C,
                               .C = head->dweight,
                               .ldc = head->C,
                               .add = block->first > 0 || !head->is_first };
    kernels_product(kernels, &dweight);
    /* dH[rows,C] = dlogits[rows,V] W[V,C] */
    struct product dhidden = { .id = KERNEL_PRODUCT_HEAD,
                               .M = block->rows,
                               .N = head->C,
                               .K = head->V,
                               .A = head->logits,
                               .A_element = element,
                               .lda = stride,
                               .B = head->weight,
                               .ldb = head->C,
                               .C = head->dhidden + block->first * head->C,
                               .ldc = head->C };
    kernels_product(kernels, &dhidden);
}

double loss_head_run(struct kernels *kernels, const struct loss_head *head, int64_t *targets)
{
    double sum = 0;
    *targets = 0;
    if (kernels->element != ELEMENT_REAL)
        kernel_scratch_reserve(kernels, (size_t)head->V * sizeof(real));
    const int64_t most = loss_head_rows(kernels->element);
    for (int64_t first = 0; first < head->rows; first += most) {
        struct loss_block block = { kernels, head, first, head->rows - first };
        if (block.rows > most)
            block.rows = most;
        /* logits[rows,V] = H[rows,C] W[V,C]^T */
        struct product logits = { .id = KERNEL_PRODUCT_HEAD,
                                  .M = block.rows,
                                  .N = head->V,
                                  .K = head->C,
                                  .A = head->hidden + first * head->C,
                                  .lda = head->C,
                                  .B = head->weight,
                                  .ldb = head->C,
                                  .B_transposed = true,
                                  .C = head->logits,
                                  .C_element = kernels->element,
                                  .ldc = loss_head_stride(head->V) };
        kernels_product(kernels, &logits);
        kernels_run(kernels, KERNEL_LOSS, block.rows, loss_row, &block);
        kernels_count_elements(kernels, KERNEL_LOSS, kernels->element,
                               (head->dhidden ? 2 : 1) * block.rows * head->V);
        for (int64_t r = 0; r < block.rows; r++) {
            sum += head->row_losses[r];
            *targets += head->targets[first + r] >= 0;
        }
        if (head->dhidden)
            block_backward(kernels, &block);
    }
    return sum;
}
