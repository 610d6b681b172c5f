/* Convolutions with padding: each output pixel's patch is gathered once, then all filters read it in one run. */
#include "tinyprec.h"
#include "arith.h"
#include "bits.h"
#include "window.h"
#include "float.h"

/* Gathers a patch of packed bits, +1 outside, and lists the taps outside by their first word; gives their number. */
TP_INLINE int32_t tp_gather_bits(const uint32_t *x, uint32_t *patch, int32_t *outside, const tp_conv *s, int32_t oy, int32_t ox)
{
    const int32_t words = s->words;
    int32_t n = 0, at = 0;
    for (int32_t ky = 0; ky < s->kh; ky++)
        for (int32_t kx = 0; kx < s->kw; kx++, at += words) {
            int32_t pixel;
            const uint32_t inside = tp_tap(s, oy, ox, ky, kx, &pixel);
            const uint32_t *from = x + pixel * words;
            for (int32_t w = 0; w < words; w++) *patch++ = *from++ & inside;
            outside[n] = at;
            n += (int32_t)(~inside & 1u);
        }
    return n;
}

/* Signed sum of a patch and a row, the listed taps left out: they read +1, so each added the sum of its own weights. */
TP_INLINE int32_t tp_padded_dot(const uint32_t *patch, const uint32_t *row, const int32_t *outside, int32_t n, int32_t bits, const tp_conv *s, int32_t run)
{
    int32_t minus = tp_sum_value(tp_differing(tp_sum_zero(), patch, row, run));
    for (int32_t i = 0; i < n; i++) {
        const int32_t at = outside[i];
        minus -= tp_sum_value(tp_differing(tp_sum_zero(), patch + at, row + at, s->words));
    }
    return bits - n * s->ic - 2 * minus;
}

#define TP_PADDED_BEGIN                                                                                                     \
    const int32_t run = shape->kh * shape->kw * shape->words, bits = shape->kh * shape->kw * shape->ic;                      \
    const int32_t left_out = shape->fill == 0 ? -1 : 0;                                                                     \
    int32_t *outside = (int32_t *)(patch + run);                                                                            \
    for (int32_t oy = 0; oy < shape->oh; oy++)                                                                              \
        for (int32_t ox = 0; ox < shape->ow; ox++) {                                                                        \
            const int32_t n = tp_gather_bits(x, patch, outside, shape, oy, ox) & left_out;                                  \
            const uint32_t *row = weight;

void tp_binary_conv_padded(const uint32_t *restrict x, const uint32_t *restrict weight, int32_t *restrict y, uint32_t *restrict patch, const tp_conv *restrict shape)
{
    TP_PADDED_BEGIN
            for (int32_t o = 0; o < shape->oc; o++, row += run) *y++ = tp_padded_dot(patch, row, outside, n, bits, shape, run);
        }
}

void tp_binary_conv_threshold_padded(const uint32_t *restrict x, const uint32_t *restrict weight, const int32_t *restrict threshold, uint32_t *restrict y, uint32_t *restrict patch, const tp_conv *restrict shape)
{
    TP_PADDED_BEGIN
            const int32_t *t = threshold;
            for (int32_t left = shape->oc; left > 0; left -= 32) {
                const int32_t m = tp_min(left, 32);
                uint32_t word = 0;
                for (int32_t b = 0; b < m; b++, row += run) word = tp_push_bit(word, tp_padded_dot(patch, row, outside, n, bits, shape, run) - *t++);
                *y++ = word >> (32 - m);
            }
        }
}

void tp_binary_conv_transform_padded(const uint32_t *restrict x, const uint32_t *restrict weight, const float *restrict mul, const float *restrict add, float *restrict y, uint32_t *restrict patch, const tp_transform *restrict by, const tp_conv *restrict shape)
{
    TP_PADDED_BEGIN
            for (int32_t o = 0; o < shape->oc; o++, row += run)
                *y++ = tp_transformed(tp_padded_dot(patch, row, outside, n, bits, shape, run), by, mul[o], add[o]);
        }
}

/* The same with several planes a tap, which lie one after the other; the taps outside are listed by their number. */
TP_INLINE int32_t tp_gather_planes(const uint32_t *x, uint32_t *patch, int32_t *outside, const tp_conv *s, int32_t oy, int32_t ox, int32_t words)
{
    int32_t n = 0, tap = 0;
    for (int32_t ky = 0; ky < s->kh; ky++)
        for (int32_t kx = 0; kx < s->kw; kx++, tap++) {
            int32_t pixel;
            const uint32_t inside = tp_tap(s, oy, ox, ky, kx, &pixel);
            const uint32_t *from = x + pixel * words;
            for (int32_t w = 0; w < words; w++) *patch++ = *from++ & inside;
            outside[n] = tap;
            n += (int32_t)(~inside & 1u);
        }
    return n;
}

#define TP_PADDED_PLANES(name, x_planes, w_planes)                                                                          \
    void name(const uint32_t *restrict x, const uint32_t *restrict weight, const int32_t *restrict threshold, uint32_t *restrict y, uint32_t *restrict patch, const tp_conv *restrict shape) \
    {                                                                                                                       \
        const int32_t words = shape->words, taps = shape->kh * shape->kw, run = taps * words * (w_planes);                  \
        const int32_t owords = (shape->oc + 31) >> 5, left_out = shape->fill == 0 ? -1 : 0;                                 \
        int32_t *outside = (int32_t *)(patch + taps * words * (x_planes));                                                  \
        for (int32_t oy = 0; oy < shape->oh; oy++)                                                                          \
            for (int32_t ox = 0; ox < shape->ow; ox++) {                                                                    \
                const int32_t out = tp_gather_planes(x, patch, outside, shape, oy, ox, words * (x_planes)) & left_out;      \
                const int32_t bits = (taps - out) * shape->ic;                                                              \
                const uint32_t *row = weight - run;                                                                         \
                const int32_t *t = threshold;                                                                               \
                TP_TWO_BITS(TP_OF_PAIRS(bits, tp_padded_planes(patch, row += run, outside, out, taps, words, x_planes, w_planes), (x_planes) * (w_planes))) \
            }                                                                                                               \
    }

/* Differing bits of all pairs of planes, the listed taps left out. */
TP_INLINE int32_t tp_padded_planes(const uint32_t *patch, const uint32_t *row, const int32_t *outside, int32_t n, int32_t taps, int32_t words, int32_t x_planes, int32_t w_planes)
{
    int32_t minus = tp_planes(patch, row, 1, taps, 0, words, x_planes, w_planes);
    for (int32_t i = 0; i < n; i++) {
        const int32_t at = outside[i] * words;
        minus -= tp_planes(patch + at * x_planes, row + at * w_planes, 1, 1, 0, words, x_planes, w_planes);
    }
    return minus;
}

TP_PADDED_PLANES(tp_binary_conv_threshold_padded_b2_b1, 2, 1)
TP_PADDED_PLANES(tp_binary_conv_threshold_padded_b2_b2, 2, 2)

/* Gathers a patch of bytes, `fill` outside, and gives its sum. */
TP_INLINE int32_t tp_gather_bytes(const uint8_t *x, uint8_t *patch, const tp_conv *s, int32_t oy, int32_t ox)
{
    const uint32_t fill = (uint32_t)s->fill;
    int32_t sum = 0;
    for (int32_t ky = 0; ky < s->kh; ky++)
        for (int32_t kx = 0; kx < s->kw; kx++) {
            int32_t pixel;
            const uint32_t inside = tp_tap(s, oy, ox, ky, kx, &pixel);
            const uint8_t *from = x + pixel * s->ic;
            for (int32_t c = 0; c < s->ic; c++) {
                const uint32_t v = (*from++ & inside) | (fill & ~inside);
                sum += (int32_t)v;
                *patch++ = (uint8_t)v;
            }
        }
    return sum;
}

void tp_input_conv_padded(const uint8_t *restrict x, const uint32_t *restrict weight, int32_t *restrict y, uint8_t *restrict patch, const tp_conv *restrict shape)
{
    const int32_t terms = shape->kh * shape->kw * shape->ic, words = (terms + 31) >> 5;
    for (int32_t oy = 0; oy < shape->oh; oy++)
        for (int32_t ox = 0; ox < shape->ow; ox++) {
            const int32_t all = tp_gather_bytes(x, patch, shape, oy, ox);
            const uint32_t *row = weight;
            for (int32_t o = 0; o < shape->oc; o++, row += words) *y++ = all - 2 * tp_minus(patch, row, terms);
        }
}

void tp_input_conv_threshold_padded(const uint8_t *restrict x, const uint32_t *restrict weight, const int32_t *restrict threshold, uint32_t *restrict y, uint8_t *restrict patch, const tp_conv *restrict shape)
{
    const int32_t terms = shape->kh * shape->kw * shape->ic, words = (terms + 31) >> 5;
    for (int32_t oy = 0; oy < shape->oh; oy++)
        for (int32_t ox = 0; ox < shape->ow; ox++) {
            const int32_t all = tp_gather_bytes(x, patch, shape, oy, ox);
            const uint32_t *row = weight;
            const int32_t *t = threshold;
            for (int32_t left = shape->oc; left > 0; left -= 32) {
                const int32_t n = tp_min(left, 32);
                uint32_t word = 0;
                for (int32_t b = 0; b < n; b++, row += words) word = tp_push_bit(word, all - 2 * tp_minus(patch, row, terms) - *t++);
                *y++ = word >> (32 - n);
            }
        }
}

void tp_input_conv_i8(const uint8_t *restrict x, const int8_t *restrict weight, int32_t *restrict y, uint8_t *restrict patch, const tp_conv *restrict shape)
{
    const int32_t terms = shape->kh * shape->kw * shape->ic, fill = shape->fill;
    for (int32_t oy = 0; oy < shape->oh; oy++)
        for (int32_t ox = 0; ox < shape->ow; ox++) {
            (void)tp_gather_bytes(x, patch, shape, oy, ox);
            const int8_t *row = weight;
            for (int32_t o = 0; o < shape->oc; o++) {
                int32_t sum = 0;
                for (int32_t i = 0; i < terms; i++) sum += *row++ * (patch[i] - fill);
                *y++ = sum;
            }
        }
}
