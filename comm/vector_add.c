#include "comm/vector_add.h"

#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* Elements that a thread clears at once. */
#define CHUNK ((int64_t)32768)

FOR_WIDER_VECTORS
void vector_sum(float *sum, const float *left, const float *right, int64_t count)
{
#pragma GCC ivdep
    for (int64_t i = 0; i < count; i++) {
        float value = left[i] + right[i];
        sum[i] = value == value ? value : NAN;
    }
}

FOR_WIDER_VECTORS
void vector_sum_rounded(float *sum, const float *left, const float *right, int64_t count)
{
#pragma GCC ivdep
    for (int64_t i = 0; i < count; i++) {
        sum[i] = value_rounded(value_rounded(left[i]) + value_rounded(right[i]));
    }
}

void vector_sum_past_caches(float *sum, const float *left, const float *right, int64_t count)
{
    int64_t i = 0;
#if defined(__SSE2__)
    enum { VECTOR = 4 };
    const __m128 nan = _mm_set1_ps(NAN);
    for (; (uintptr_t)sum % sizeof nan == 0 && i + VECTOR <= count; i += VECTOR) {
        const __m128 value = _mm_add_ps(_mm_loadu_ps(left + i), _mm_loadu_ps(right + i));
        const __m128 is_nan = _mm_cmpunord_ps(value, value);
        _mm_stream_ps(sum + i, _mm_or_ps(_mm_andnot_ps(is_nan, value), _mm_and_ps(is_nan, nan)));
    }
    _mm_sfence();
#endif
    vector_sum(sum + i, left + i, right + i, count - i);
}

struct clearing {
    float *vector;
    int64_t count;
};

/* Past the caches, since what is cleared is used much later: a plain store would first read
 * the line that it writes. */
static void clear_chunk(void *context, int64_t chunk, int thread)
{
    (void)thread;
    const struct clearing *work = context;
    float *vector = work->vector + chunk * CHUNK;
    const int64_t left = work->count - chunk * CHUNK, length = left < CHUNK ? left : CHUNK;
    int64_t i = 0;
#if defined(__SSE2__)
    enum { VECTOR = 4 };
    const int64_t unaligned = (int64_t)((uintptr_t)vector / sizeof(float) % VECTOR);
    for (; i < length && unaligned && i < VECTOR - unaligned; i++)
        vector[i] = 0;
    for (; i + VECTOR <= length; i += VECTOR)
        _mm_stream_ps(vector + i, _mm_setzero_ps());
    _mm_sfence();
#endif
    memset(vector + i, 0, (size_t)(length - i) * sizeof *vector);
}

void vector_clear(struct thread_pool *pool, float *vector, int64_t count)
{
    struct clearing work = { vector, count };
    const int64_t chunks = count / CHUNK + (count % CHUNK != 0);
    if (pool && chunks > 1) {
        thread_pool_run(pool, chunks, clear_chunk, &work);
        return;
    }
    for (int64_t chunk = 0; chunk < chunks; chunk++)
        clear_chunk(&work, chunk, 0);
}
