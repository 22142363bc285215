/* The softmax of attention's blocks: see kernel_table.h. */
#include <float.h>

#include "trainer/kernels/loops/exponentials.h"
#include "trainer/kernels/loops/loop_set.h"
#include "trainer/kernels/loops/native_vectors.h"
#include "trainer/kernels/loops/transpose.h"

/* Whole lanes of the row: what is not seen becomes the lowest number, whose exponential adds
 * nothing, and zero afterwards. Returns false where nothing is seen. */
struct seen_lanes {
    int64_t first, end; /* seen, within the row */
    int64_t from, to;   /* multiples of LANES around them */
};

static bool seen_lanes_of(struct key_range seen, int64_t width, struct seen_lanes *lanes)
{
    lanes->first = seen.first > 0 ? seen.first : 0;
    lanes->end = seen.end < width ? seen.end : width;
    lanes->from = lanes->first / LANES * LANES;
    lanes->to = (lanes->end + LANES - 1) / LANES * LANES;
    return lanes->first < lanes->end;
}

static void fill(real *s, int64_t from, int64_t to, real value)
{
    for (int64_t i = from; i < to; i++)
        s[i] = value;
}

static real online_row(real *s, struct key_range seen, int64_t width, real scale, real *max,
                       real *sum)
{
    struct seen_lanes at;
    if (!seen_lanes_of(seen, width, &at)) {
        fill(s, 0, width, 0);
        return 1;
    }
    fill(s, at.from, at.first, -FLT_MAX);
    fill(s, at.end, at.to, -FLT_MAX);
    real block_max = scale * lanes_max(s + at.from, at.to - at.from);
    real new_max = block_max > *max ? block_max : *max;
    real decay = real_exp(*max - new_max);
    *sum = *sum * decay + exponentials(s + at.from, scale, new_max, at.to - at.from);
    *max = new_max;
    fill(s, 0, at.first, 0);
    fill(s, at.end, width, 0);
    return decay;
}

#define LOG2_E ((real)1.44269504088896340736)

/* log2 of how far weights may exceed 1: of a float's 127 and of its sums' precision nothing is
 * lost, and a stripe's earlier sums seldom have to be multiplied by a decay. */
#define STRIPE_SLACK 8

/* Which keys the queries of some lanes see. */
struct lane_range {
    vector first, end;
};

ALWAYS_INLINE struct lane_range lane_range_of(const struct score_stripe *s, int64_t lane)
{
    return (struct lane_range){ vector_at(s->first + lane), vector_at(s->end + lane) };
}

ALWAYS_INLINE lane_bits lanes_that_see(const struct lane_range *range, int64_t key)
{
    const vector k = vector_of((real)key);
    return (lane_bits)((k >= range->first) & (k < range->end));
}

/* Rows of scores [from, to); `masked` where some query does not see all of them. */
struct row_range {
    int64_t from, to;
    bool masked;
};

enum { ROW_RANGES = 3 };

/* All rows of the tiles that the stripe's keys fill. */
ALWAYS_INLINE void row_ranges_of(const struct score_stripe *s, enum element element,
                                 struct row_range ranges[ROW_RANGES])
{
    const int64_t end = tiles_across(s->keys, tile_depth(element)) * tile_depth(element);
    const bool any = s->all_first < s->all_end;
    const int64_t first = any ? s->all_first : end, last = any ? s->all_end : end;
    ranges[0] = (struct row_range){ 0, first, true };
    ranges[1] = (struct row_range){ first, last, false };
    ranges[2] = (struct row_range){ last, end, true };
}

ALWAYS_INLINE vector largest_scores(const struct score_stripe *s, int64_t lane, int64_t from,
                                    int64_t to, const bool masked, vector max)
{
    const struct lane_range range = lane_range_of(s, lane);
    const vector lowest = vector_of(-FLT_MAX);
    vector other = max;
    for (int64_t key = from; key < to; key += 2) {
        vector even = vector_at(s->scores + key * STRIPE + lane);
        vector odd = vector_at(s->scores + (key + 1) * STRIPE + lane);
        if (masked) {
            even = vector_select(lanes_that_see(&range, key), even, lowest);
            odd = vector_select(lanes_that_see(&range, key + 1), odd, lowest);
        }
        max = vector_max(even, max);
        other = vector_max(odd, other);
    }
    return vector_max(max, other);
}

/* The sums of even and of odd keys. */
struct pair_sums {
    vector even, odd;
};

ALWAYS_INLINE void put_pair(enum element element, vector even, vector odd, void *tiles, int64_t key,
                            int64_t lane)
{
    real *units = tiles;
    if (element == ELEMENT_REAL) {
        vector_put(units + key * TILE_SIDE + lane, even);
        vector_put(units + (key + 1) * TILE_SIDE + lane, odd);
        return;
    }
#ifndef EON_REAL_IS_DOUBLE
    vector_put(units + key / 2 * TILE_SIDE + lane,
               (vector)vector_pairs(vector_nearest(even), vector_nearest(odd)));
#endif
}

ALWAYS_INLINE enum precision precision_for(enum element element)
{
    return element == ELEMENT_REAL ? NEAR_REAL : NEAR_BF16;
}

ALWAYS_INLINE void weigh_rows(enum element element, const struct score_stripe *s, int64_t lane,
                              int64_t from, int64_t to, const bool masked, vector max,
                              struct pair_sums *sums, void *tiles)
{
    const struct lane_range range = lane_range_of(s, lane);
    const vector scale = vector_of(s->scale * LOG2_E);
    vector even_sum = sums->even, odd_sum = sums->odd;
    for (int64_t key = from; key < to; key += 2) {
        const real *scores = s->scores + key * STRIPE + lane;
        vector even = vector_exp2(vector_at(scores) * scale - max, precision_for(element));
        vector odd = vector_exp2(vector_at(scores + STRIPE) * scale - max, precision_for(element));
        if (masked) {
            even = vector_where(lanes_that_see(&range, key), even);
            odd = vector_where(lanes_that_see(&range, key + 1), odd);
        }
        even_sum += even;
        odd_sum += odd;
        put_pair(element, even, odd, tiles, key, lane % TILE_SIDE);
    }
    *sums = (struct pair_sums){ even_sum, odd_sum };
}

ALWAYS_INLINE bool online_stripe_of(enum element element, const struct score_stripe *s, real *max,
                                    real *sum, real *decay, void *tiles, int64_t stride)
{
    struct row_range ranges[ROW_RANGES];
    lane_bits changed = { 0 };
    row_ranges_of(s, element, ranges);
    for (int64_t lane = 0; lane < STRIPE; lane += VECTOR_LANES) {
        real *column = (real *)tiles + lane / TILE_SIDE * stride * TILE_UNITS;
        const vector old = vector_at(max + lane);
        vector largest = vector_of(-FLT_MAX);
        for (int i = 0; i < ROW_RANGES; i++)
            if (ranges[i].masked)
                largest = largest_scores(s, lane, ranges[i].from, ranges[i].to, true, largest);
            else
                largest = largest_scores(s, lane, ranges[i].from, ranges[i].to, false, largest);
        largest *= s->scale * LOG2_E;
        const vector now = vector_select(largest > old + STRIPE_SLACK, largest, old);
        const vector factor = vector_exp2(old - now, NEAR_REAL);
        struct pair_sums sums = { vector_at(sum + lane) * factor, { 0 } };
        for (int i = 0; i < ROW_RANGES; i++)
            if (ranges[i].masked)
                weigh_rows(element, s, lane, ranges[i].from, ranges[i].to, true, now, &sums,
                           column);
            else
                weigh_rows(element, s, lane, ranges[i].from, ranges[i].to, false, now, &sums,
                           column);
        vector_put(max + lane, now);
        vector_put(sum + lane, sums.even + sums.odd);
        vector_put(decay + lane, factor);
        changed |= (lane_bits)(now != old);
    }
    for (int i = 0; i < VECTOR_LANES; i++)
        if (changed[i])
            return true;
    return false;
}

static bool online_stripe(enum element element, const struct score_stripe *stripe, real *max,
                          real *sum, real *decay, void *tiles, int64_t stride)
{
    return element == ELEMENT_REAL
               ? online_stripe_of(ELEMENT_REAL, stripe, max, sum, decay, tiles, stride)
               : online_stripe_of(ELEMENT_BF16, stripe, max, sum, decay, tiles, stride);
}

static void logsumexp(const real *restrict max, const real *restrict sum, real *restrict out,
                      int64_t count)
{
    const real ln2 = (real)0.69314718055994530942;
    for (int64_t i = 0; i < count; i++)
        out[i] = max[i] * ln2 + real_log(sum[i]);
}

/* Two vectors of one key's row, at lane `lane` of the stripe, into left tiles. */
ALWAYS_INLINE void put_left(enum element element, vector first, vector second, real *row,
                            int64_t lane)
{
    if (element == ELEMENT_REAL) {
        const int64_t next = lane + VECTOR_LANES;
        vector_put(row + lane / TILE_SIDE * TILE_UNITS + lane % TILE_SIDE, first);
        vector_put(row + next / TILE_SIDE * TILE_UNITS + next % TILE_SIDE, second);
        return;
    }
#ifndef EON_REAL_IS_DOUBLE
    *(vector_halves *)(row + lane / 2) =
        vector_upper_halves(vector_nearest(first), vector_nearest(second));
#endif
}

/* Two vectors of lanes of one key. */
struct lane_pair {
    vector first, second;
};

struct gradient_rows {
    struct lane_range range[2];
    struct lane_pair logsumexp, dots;
    vector scale, exponent_scale;
};

ALWAYS_INLINE vector lane_gradient(const struct gradient_rows *rows, vector p, vector dscore,
                                   vector dots)
{
    return p * (dscore - dots) * rows->scale;
}

/* The weights and score gradients of one key. */
ALWAYS_INLINE void key_gradients(enum element element, const struct gradient_rows *rows,
                                 const real *scores, const real *dscores, int64_t key,
                                 const bool masked, struct lane_pair *p, struct lane_pair *ds)
{
    p->first = vector_exp2(vector_at(scores) * rows->exponent_scale - rows->logsumexp.first,
                           precision_for(element));
    p->second = vector_exp2(vector_at(scores + VECTOR_LANES) * rows->exponent_scale -
                                rows->logsumexp.second,
                            precision_for(element));
    ds->first = lane_gradient(rows, p->first, vector_at(dscores), rows->dots.first);
    ds->second =
        lane_gradient(rows, p->second, vector_at(dscores + VECTOR_LANES), rows->dots.second);
    if (!masked)
        return;
    const lane_bits first = lanes_that_see(&rows->range[0], key);
    const lane_bits second = lanes_that_see(&rows->range[1], key);
    *p = (struct lane_pair){ vector_where(first, p->first), vector_where(second, p->second) };
    *ds = (struct lane_pair){ vector_where(first, ds->first), vector_where(second, ds->second) };
}

ALWAYS_INLINE void gradient_rows_of(enum element element, const struct score_stripe *s,
                                    const real *dscores, const struct gradient_rows *rows,
                                    int64_t lane, int64_t from, int64_t to, const bool masked,
                                    const struct stripe_tiles *tiles)
{
    const int64_t next = lane + VECTOR_LANES;
    real *right = tiles->right_gradients;
    real *right_first = right + lane / TILE_SIDE * tiles->right_stride * TILE_UNITS;
    real *right_second = right + next / TILE_SIDE * tiles->right_stride * TILE_UNITS;
    for (int64_t key = from; key < to; key += 2) {
        const int64_t at = key * STRIPE + lane;
        const int64_t row =
            key / TILE_SIDE * tiles->left_stride * TILE_UNITS + key % TILE_SIDE * TILE_SIDE;
        real *weights = (real *)tiles->left_weights + row;
        real *gradients = (real *)tiles->left_gradients + row;
        struct lane_pair p[2], ds[2];
        key_gradients(element, rows, s->scores + at, dscores + at, key, masked, &p[0], &ds[0]);
        key_gradients(element, rows, s->scores + at + STRIPE, dscores + at + STRIPE, key + 1,
                      masked, &p[1], &ds[1]);
        put_left(element, p[0].first, p[0].second, weights, lane);
        put_left(element, p[1].first, p[1].second, weights + TILE_SIDE, lane);
        put_left(element, ds[0].first, ds[0].second, gradients, lane);
        put_left(element, ds[1].first, ds[1].second, gradients + TILE_SIDE, lane);
        put_pair(element, ds[0].first, ds[1].first, right_first, key, lane % TILE_SIDE);
        put_pair(element, ds[0].second, ds[1].second, right_second, key, next % TILE_SIDE);
    }
}

/* Keys that no query of the stripe sees. */
ALWAYS_INLINE void clear_left(enum element element, int64_t from, const struct stripe_tiles *tiles)
{
    const int64_t across = STRIPE / tile_depth(element);
    for (int64_t key = from; key < tiles->left_keys; key++)
        for (int64_t k = 0; k < across; k++) {
            const int64_t at = (key / TILE_SIDE * tiles->left_stride + k) * TILE_UNITS +
                               key % TILE_SIDE * TILE_SIDE;
            fill((real *)tiles->left_weights + at, 0, TILE_SIDE, 0);
            fill((real *)tiles->left_gradients + at, 0, TILE_SIDE, 0);
        }
}

ALWAYS_INLINE void stripe_gradients_of(enum element element, const struct score_stripe *s,
                                       const real *dscores, const real *row_logsumexp,
                                       const real *dots, const struct stripe_tiles *tiles)
{
    struct row_range ranges[ROW_RANGES];
    row_ranges_of(s, element, ranges);
    for (int64_t lane = 0; lane < STRIPE; lane += 2 * VECTOR_LANES) {
        const int64_t next = lane + VECTOR_LANES;
        const struct gradient_rows rows = {
            .range = { lane_range_of(s, lane), lane_range_of(s, next) },
            .logsumexp = { vector_at(row_logsumexp + lane) * LOG2_E,
                           vector_at(row_logsumexp + next) * LOG2_E },
            .dots = { vector_at(dots + lane), vector_at(dots + next) },
            .scale = vector_of(s->scale),
            .exponent_scale = vector_of(s->scale * LOG2_E),
        };
        for (int i = 0; i < ROW_RANGES; i++)
            if (ranges[i].masked)
                gradient_rows_of(element, s, dscores, &rows, lane, ranges[i].from, ranges[i].to,
                                 true, tiles);
            else
                gradient_rows_of(element, s, dscores, &rows, lane, ranges[i].from, ranges[i].to,
                                 false, tiles);
    }
    clear_left(element, ranges[ROW_RANGES - 1].to, tiles);
}

static void stripe_gradients(enum element element, const struct score_stripe *stripe,
                             const real *dscores, const real *row_logsumexp, const real *dots,
                             const struct stripe_tiles *tiles)
{
    if (element == ELEMENT_REAL)
        stripe_gradients_of(ELEMENT_REAL, stripe, dscores, row_logsumexp, dots, tiles);
    else
        stripe_gradients_of(ELEMENT_BF16, stripe, dscores, row_logsumexp, dots, tiles);
}

static void scale_stripe(real *restrict columns, int64_t count, const real *restrict factors)
{
    for (int64_t i = 0; i < count; i++)
        for (int j = 0; j < STRIPE; j++)
            columns[i * STRIPE + j] *= factors[j];
}

ALWAYS_INLINE void store_vector(enum element element, vector x, void *row, int64_t at)
{
    if (element == ELEMENT_REAL) {
        vector_stream((real *)row + at, x);
        return;
    }
#ifndef EON_REAL_IS_DOUBLE
    *(half_vector *)((bf16 *)row + at) = vector_narrowed(vector_rounded(x));
#endif
}

ALWAYS_INLINE void store_stripe_of(enum element element, const real *restrict columns,
                                   int64_t count, const real *restrict factors, void *restrict rows,
                                   int64_t ld, int64_t queries)
{
    real tile[TILE_UNITS];
    for (int64_t query = 0; query < queries; query += TILE_SIDE)
        for (int64_t i = 0; i < count; i += TILE_SIDE) {
            const int64_t high = queries - query < TILE_SIDE ? queries - query : TILE_SIDE;
            const int64_t wide = count - i < TILE_SIDE ? count - i : TILE_SIDE;
            for (int r = 0; r < TILE_SIDE; r++)
                for (int j = 0; j < TILE_SIDE; j += VECTOR_LANES)
                    vector_put(tile + r * TILE_SIDE + j,
                               vector_at(columns + (i + r) * STRIPE + query + j) *
                                   vector_at(factors + query + j));
            transpose_tile((tile_unit *)tile);
            for (int64_t r = 0; r < high; r++) {
                char *row = (char *)rows + ((query + r) * ld + i) * element_bytes(element);
                if (wide == TILE_SIDE)
                    for (int j = 0; j < TILE_SIDE; j += VECTOR_LANES)
                        store_vector(element, vector_at(tile + r * TILE_SIDE + j), row, j);
                else
                    for (int64_t j = 0; j < wide; j++)
                        element_store(element, row, j, tile[r * TILE_SIDE + j]);
            }
        }
}

static void store_stripe(const real *columns, int64_t count, const real *factors,
                         enum element element, void *rows, int64_t ld, int64_t queries)
{
    if (element == ELEMENT_REAL)
        store_stripe_of(ELEMENT_REAL, columns, count, factors, rows, ld, queries);
    else
        store_stripe_of(ELEMENT_BF16, columns, count, factors, rows, ld, queries);
}

static void store_rows(const real *restrict from, int64_t ld_from, real *restrict rows, int64_t ld,
                       int64_t count, int64_t width)
{
    for (int64_t r = 0; r < count; r++, from += ld_from, rows += ld) {
        int64_t i = 0;
        for (; i + VECTOR_LANES <= width; i += VECTOR_LANES)
            vector_stream(rows + i, vector_at(from + i));
        for (; i < width; i++)
            rows[i] = from[i];
    }
}

const struct softmax_loops LOOP_NAME(softmax, KERNEL_SET) = {
    .online_row = online_row,
    .online_stripe = online_stripe,
    .logsumexp = logsumexp,
    .stripe_gradients = stripe_gradients,
    .scale_stripe = scale_stripe,
    .store_stripe = store_stripe,
    .store_rows = store_rows,
};
