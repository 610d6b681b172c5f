/* Other ways to count bits, one kernel set each: the compiler's call, a table, carry-save adders, SWAR beside NEON, im2col. */
#include "bits.h"

/* The compiler's own: an instruction where there is one, else a call of its library. */
TP_INLINE int32_t tp_differing_libcall(const uint32_t *a, const uint32_t *b, int32_t n)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) sum += __builtin_popcount(a[i] ^ b[i]);
    return sum;
}

TP_INLINE int32_t tp_differing_swar(const uint32_t *a, const uint32_t *b, int32_t n)
{
    uint32_t sum = 0;
    for (int32_t i = 0; i < n; i++) sum += tp_popcount(a[i] ^ b[i]);
    return (int32_t)sum;
}

/* Bits set in each byte. */
#define TP_4(n) n, n + 1, n + 1, n + 2
#define TP_16(n) TP_4(n), TP_4(n + 1), TP_4(n + 1), TP_4(n + 2)
#define TP_64(n) TP_16(n), TP_16(n + 1), TP_16(n + 1), TP_16(n + 2)
const uint8_t tp_popcount_table[256] = {TP_64(0), TP_64(1), TP_64(1), TP_64(2)};

TP_INLINE int32_t tp_differing_table(const uint32_t *a, const uint32_t *b, int32_t n)
{
    const uint8_t *table = tp_popcount_table;
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        const uint32_t v = a[i] ^ b[i];
        sum += table[v & 255u] + table[(v >> 8) & 255u] + table[(v >> 16) & 255u] + table[v >> 24];
    }
    return sum;
}

/* Carry-save adder: three words of weight one to one of weight one and one of weight two. */
#define TP_CSA(high, low, a, b, c)                                                                                          \
    do {                                                                                                                    \
        const uint32_t tp_a = (a), tp_b = (b), tp_c = (c), tp_u = tp_a ^ tp_b;                                              \
        high = (tp_a & tp_b) | (tp_u & tp_c);                                                                               \
        low = tp_u ^ tp_c;                                                                                                  \
    } while (0)

/* Eight words through seven adders, one count for the eights; what is left is counted at the end (Harley and Seal). */
TP_INLINE int32_t tp_differing_harley_seal(const uint32_t *a, const uint32_t *b, int32_t n)
{
    uint32_t eights = 0, ones = 0, twos = 0, fours = 0, sum = 0;
    for (; n >= 8; n -= 8, a += 8, b += 8) {
        uint32_t two_a, two_b, four_a, four_b, eight;
        TP_CSA(two_a, ones, ones, a[0] ^ b[0], a[1] ^ b[1]);
        TP_CSA(two_b, ones, ones, a[2] ^ b[2], a[3] ^ b[3]);
        TP_CSA(four_a, twos, twos, two_a, two_b);
        TP_CSA(two_a, ones, ones, a[4] ^ b[4], a[5] ^ b[5]);
        TP_CSA(two_b, ones, ones, a[6] ^ b[6], a[7] ^ b[7]);
        TP_CSA(four_b, twos, twos, two_a, two_b);
        TP_CSA(eight, fours, fours, four_a, four_b);
        eights += tp_popcount(eight);
    }
    for (; n > 0; n--, a++, b++) sum += tp_popcount(*a ^ *b);
    return (int32_t)(sum + 8 * eights + 4 * tp_popcount(fours) + 2 * tp_popcount(twos) + tp_popcount(ones));
}

#define TP_DENSE_WITH(way)                                                                                                  \
    void tp_binary_dense_##way(const uint32_t *restrict x, const uint32_t *restrict weight, int32_t *restrict y, int32_t bits, int32_t rows, int32_t words) \
    {                                                                                                                       \
        for (int32_t r = 0; r < rows; r++, weight += words) y[r] = bits - 2 * tp_differing_##way(x, weight, words);         \
    }                                                                                                                       \
    void tp_binary_dense_threshold_##way(const uint32_t *restrict x, const uint32_t *restrict weight, const int32_t *restrict threshold, uint32_t *restrict y, int32_t bits, int32_t rows, int32_t words) \
    {                                                                                                                       \
        for (int32_t left = rows; left > 0; left -= 32) {                                                                   \
            const int32_t n = tp_min(left, 32);                                                                             \
            uint32_t word = 0;                                                                                              \
            for (int32_t b = 0; b < n; b++, weight += words)                                                                \
                word = tp_push_bit(word, bits - 2 * tp_differing_##way(x, weight, words) - *threshold++);                   \
            *y++ = word >> (32 - n);                                                                                        \
        }                                                                                                                   \
    }

/* Direct convolution: one run of neighbouring words a kernel row. */
#define TP_CONV_WITH(way)                                                                                                   \
    TP_INLINE int32_t tp_patch_##way(const uint32_t *patch, const uint32_t *row, int32_t kh, int32_t run, int32_t pitch)    \
    {                                                                                                                       \
        int32_t sum = 0;                                                                                                    \
        for (int32_t ky = 0; ky < kh; ky++, patch += pitch, row += run) sum += tp_differing_##way(patch, row, run);         \
        return sum;                                                                                                         \
    }                                                                                                                       \
    void tp_binary_conv_##way(const uint32_t *restrict x, const uint32_t *restrict weight, int32_t *restrict y, const tp_conv *restrict shape) \
    {                                                                                                                       \
        const int32_t words = shape->words, kh = shape->kh, run = shape->kw * words, pitch = shape->iw * words;             \
        const int32_t bits = shape->kh * shape->kw * shape->ic, oc = shape->oc;                                             \
        for (int32_t oy = 0; oy < shape->oh; oy++)                                                                          \
            for (int32_t ox = 0; ox < shape->ow; ox++) {                                                                    \
                const uint32_t *patch = x + oy * shape->stride * pitch + ox * shape->stride * words, *row = weight;         \
                for (int32_t o = 0; o < oc; o++, row += kh * run) *y++ = bits - 2 * tp_patch_##way(patch, row, kh, run, pitch); \
            }                                                                                                               \
    }                                                                                                                       \
    void tp_binary_conv_threshold_##way(const uint32_t *restrict x, const uint32_t *restrict weight, const int32_t *restrict threshold, uint32_t *restrict y, const tp_conv *restrict shape) \
    {                                                                                                                       \
        const int32_t words = shape->words, kh = shape->kh, run = shape->kw * words, pitch = shape->iw * words;             \
        const int32_t bits = shape->kh * shape->kw * shape->ic;                                                             \
        for (int32_t oy = 0; oy < shape->oh; oy++)                                                                          \
            for (int32_t ox = 0; ox < shape->ow; ox++) {                                                                    \
                const uint32_t *patch = x + oy * shape->stride * pitch + ox * shape->stride * words, *row = weight;         \
                const int32_t *t = threshold;                                                                               \
                for (int32_t left = shape->oc; left > 0; left -= 32) {                                                      \
                    const int32_t n = tp_min(left, 32);                                                                     \
                    uint32_t word = 0;                                                                                      \
                    for (int32_t b = 0; b < n; b++, row += kh * run)                                                        \
                        word = tp_push_bit(word, bits - 2 * tp_patch_##way(patch, row, kh, run, pitch) - *t++);             \
                    *y++ = word >> (32 - n);                                                                                \
                }                                                                                                           \
            }                                                                                                               \
    }

TP_DENSE_WITH(libcall)
TP_CONV_WITH(libcall)
TP_DENSE_WITH(table)
TP_CONV_WITH(table)
TP_DENSE_WITH(harley_seal)
TP_CONV_WITH(harley_seal)
TP_DENSE_WITH(swar)
TP_CONV_WITH(swar)

/* im2col: a pixel's patch is copied together once, then every filter is one run. */
TP_INLINE void tp_gather_rows(const uint32_t *from, uint32_t *patch, int32_t kh, int32_t run, int32_t pitch)
{
    for (int32_t ky = 0; ky < kh; ky++, from += pitch)
        for (int32_t i = 0; i < run; i++) *patch++ = from[i];
}

void tp_binary_conv_im2col(const uint32_t *restrict x, const uint32_t *restrict weight, int32_t *restrict y, uint32_t *restrict patch, const tp_conv *restrict shape)
{
    const int32_t words = shape->words, kh = shape->kh, run = shape->kw * words, pitch = shape->iw * words, all = kh * run;
    const int32_t bits = shape->kh * shape->kw * shape->ic;
    for (int32_t oy = 0; oy < shape->oh; oy++)
        for (int32_t ox = 0; ox < shape->ow; ox++) {
            tp_gather_rows(x + oy * shape->stride * pitch + ox * shape->stride * words, patch, kh, run, pitch);
            const uint32_t *row = weight;
            for (int32_t o = 0; o < shape->oc; o++, row += all) *y++ = bits - 2 * tp_sum_value(tp_differing(tp_sum_zero(), patch, row, all));
        }
}

void tp_binary_conv_threshold_im2col(const uint32_t *restrict x, const uint32_t *restrict weight, const int32_t *restrict threshold, uint32_t *restrict y, uint32_t *restrict patch, const tp_conv *restrict shape)
{
    const int32_t words = shape->words, kh = shape->kh, run = shape->kw * words, pitch = shape->iw * words, all = kh * run;
    const int32_t bits = shape->kh * shape->kw * shape->ic;
    for (int32_t oy = 0; oy < shape->oh; oy++)
        for (int32_t ox = 0; ox < shape->ow; ox++) {
            tp_gather_rows(x + oy * shape->stride * pitch + ox * shape->stride * words, patch, kh, run, pitch);
            const uint32_t *row = weight;
            const int32_t *t = threshold;
            for (int32_t left = shape->oc; left > 0; left -= 32) {
                const int32_t n = tp_min(left, 32);
                uint32_t word = 0;
                for (int32_t b = 0; b < n; b++, row += all)
                    word = tp_push_bit(word, bits - 2 * tp_sum_value(tp_differing(tp_sum_zero(), patch, row, all)) - *t++);
                *y++ = word >> (32 - n);
            }
        }
}
