/* What a step should cost: the products that the mathematics needs. */
#include "trainer/model/layer_plan.h"

/* Elements of the matrices that each token is multiplied with once in forward. */
static double multiplied_parameters(const struct model_config *config)
{
    const double C = (double)config->width;
    const double layer = C * (double)qkv_width_of(config) + C * (double)queries_width_of(config) +
                         C * (double)(expanded_width_of(config) + config->ffn_width);
    return (double)config->layers * layer + C * (double)config->vocab_size;
}

double model_flops_per_token(const struct model_config *config, int64_t positions)
{
    /* Scores and weighted values: 2 products of Q multiply-adds for each key, and a position
     * sees half of all keys on average. */
    const double attention =
        2 * 2 * (double)queries_width_of(config) * ((double)positions / 2) * (double)config->layers;
    /* A multiply-add is two operations; backward needs each product's two gradients. */
    return 3 * (2 * multiplied_parameters(config) + attention);
}

struct shape_list {
    struct product_shape *shapes;
    int64_t count, room;
};

static void add_shape(struct shape_list *list, struct product_shape shape)
{
    if (list->count < list->room)
        list->shapes[list->count] = shape;
    list->count++;
}

/* y[M,N] = x[M,K] W, dx[M,K] = dy W^T, dW += x^T dy in W's layout: [K,N] or [N,K]. */
static void add_linear(struct shape_list *list, int64_t M, int64_t N, int64_t K, bool is_out_by_in,
                       int64_t times)
{
    add_shape(list, (struct product_shape){ M, N, K, false, is_out_by_in, times });
    add_shape(list, (struct product_shape){ M, K, N, false, !is_out_by_in, times });
    if (is_out_by_in)
        add_shape(list, (struct product_shape){ N, K, M, true, false, times });
    else
        add_shape(list, (struct product_shape){ K, N, M, true, false, times });
}

/* A stripe of 32 queries against all keys that the last of them sees: forward's two products, and
 * three of backward's, whose other two take 128 queries at a time. */
static void add_attention(struct shape_list *list, int64_t T, int64_t HD, int64_t times)
{
    enum { STRIPE_QUERIES = 32, QUERIES = 128 };
    for (int64_t query = 0; query < T; query += STRIPE_QUERIES) {
        int64_t M = T - query < STRIPE_QUERIES ? T - query : STRIPE_QUERIES, keys = query + M;
        add_shape(list, (struct product_shape){ M, keys, HD, false, true, 3 * times });
        add_shape(list, (struct product_shape){ M, HD, keys, false, false, 2 * times });
    }
    for (int64_t query = 0; query < T; query += QUERIES) {
        int64_t M = T - query < QUERIES ? T - query : QUERIES, keys = query + M;
        add_shape(list, (struct product_shape){ keys, HD, M, true, false, 2 * times });
    }
}

int64_t model_step_products(const struct model_config *config, int64_t B, int64_t T,
                            struct product_shape *shapes, int64_t room)
{
    struct shape_list list = { shapes, 0, room };
    const int64_t rows = B * T, C = config->width, L = config->layers;
    const bool is_out_by_in = config->family == FAMILY_LLAMA;
    add_linear(&list, rows, qkv_width_of(config), C, is_out_by_in, L);
    add_linear(&list, rows, C, queries_width_of(config), is_out_by_in, L);
    add_linear(&list, rows, expanded_width_of(config), C, is_out_by_in, L);
    add_linear(&list, rows, C, config->ffn_width, is_out_by_in, L);
    add_linear(&list, rows, config->vocab_size, C, true, 1);
    add_attention(&list, T, head_dim_of(config), L * B * config->heads);
    return list.count;
}
