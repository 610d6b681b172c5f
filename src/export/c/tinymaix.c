/* TinyMaix's 8-bit layers: one output pixel's patch gathered channel by channel through a table of offsets, a dot product an output, results by way
 * of single precision. Level 0 takes one output at a time, level 1 eight, two by two over one pass of the patch. Plain products stand eight in a row. */
#if defined(__aarch64__) && !defined(__clang__)
/* The ports that were measured are built with compilers that do not make vectors at -O2. */
#pragma GCC optimize("no-tree-vectorize", "no-tree-slp-vectorize")
#endif
#include "classes.h"
#include "int8.h"
#include "smlad.h"
#include "window.h"
#if defined(__ARM_NEON)
#include <arm_neon.h>
#endif

/* Loops around loops stay loops where a compiler would unroll them too; the innermost ones are its own business. */
#if defined(__clang__)
#define TP_OUTER _Pragma("clang loop unroll(disable)")
/* Keeps loads of rows shorter than a step inside the loop over rows. */
#define TP_FRESH(p) __asm__("" : "+r"(p))
#define TP_ROLLED TP_OUTER
#else
#define TP_OUTER
#define TP_ROLLED
#define TP_FRESH(p) (void)(p)
#endif

enum { TP_PLAIN, TP_SIMD };

#if defined(__ARM_NEON)
/* Eight products onto four sums. */
TP_INLINE int32x4_t tp_eight_products(int32x4_t sum, int8x8_t x, int8x8_t w)
{
    const int16x8_t p = vmovl_s8(x), a = vmovl_s8(w);
    return vmlal_s16(vmlal_s16(sum, vget_low_s16(p), vget_low_s16(a)), vget_high_s16(p), vget_high_s16(a));
}

TP_INLINE int32_t tp_of_lanes(int32x4_t sum)
{
    int32_t lanes[4], all = 0;
    vst1q_s32(lanes, sum);
    for (int32_t i = 0; i < 4; i++) all += lanes[i];
    return all;
}
#endif

TP_INLINE int32_t tp_dot(const int8_t *x, const int8_t *w, int32_t n, const int way)
{
    int32_t sum = 0;
#if defined(__ARM_FEATURE_DSP)
    if (way == TP_SIMD) {
        for (int32_t left = n >> 2; left > 0; left--, x += 4, w += 4) {
            const int32_t p = tp_quad(x), a = tp_quad(w), p2 = tp_ror8(p), a2 = tp_ror8(a);
            sum = __smlad(__sxtb16(p2), __sxtb16(a2), __smlad(__sxtb16(p), __sxtb16(a), sum));
        }
        for (int32_t left = n & 3; left > 0; left--) sum += *x++ * *w++;
        return sum;
    }
#elif defined(__ARM_NEON)
    if (way == TP_SIMD) {
        int32x4_t lanes = vdupq_n_s32(0);
        for (int32_t left = n >> 3; left > 0; left--, x += 8, w += 8) lanes = tp_eight_products(lanes, vld1_s8(x), vld1_s8(w));
        sum = tp_of_lanes(lanes);
        for (int32_t left = n & 7; left > 0; left--) sum += *x++ * *w++;
        return sum;
    }
#else
    (void)way;
#endif
    int32_t i = 0;
    TP_ROLLED
    for (; i < (n & ~7); i += 8) {
        sum += x[i] * w[i];
        sum += x[i + 1] * w[i + 1];
        sum += x[i + 2] * w[i + 2];
        sum += x[i + 3] * w[i + 3];
        sum += x[i + 4] * w[i + 4];
        sum += x[i + 5] * w[i + 5];
        sum += x[i + 6] * w[i + 6];
        sum += x[i + 7] * w[i + 7];
    }
    TP_ROLLED
    for (; i < n; i++) sum += x[i] * w[i];
    return sum;
}

#define TP_BOTH(k) sum += x[i + k] * w[i + k], sum2 += x[i + k] * w2[i + k]

/* Two filters, one after the other in memory, by one patch. */
TP_INLINE void tp_dot_pair(const int8_t *x, const int8_t *w, int32_t n, int32_t *sums, const int way)
{
    int32_t sum = 0, sum2 = 0;
    const int8_t *w2 = w + n;
#if defined(__ARM_FEATURE_DSP)
    if (way == TP_SIMD) {
        for (int32_t left = n >> 2; left > 0; left--, x += 4, w += 4, w2 += 4) {
            const int32_t p = tp_quad(x), a = tp_quad(w), b = tp_quad(w2), even = __sxtb16(p), odd = __sxtb16(tp_ror8(p));
            sum = __smlad(odd, __sxtb16(tp_ror8(a)), __smlad(even, __sxtb16(a), sum));
            sum2 = __smlad(odd, __sxtb16(tp_ror8(b)), __smlad(even, __sxtb16(b), sum2));
        }
        for (int32_t left = n & 3; left > 0; left--) {
            sum += *x * *w++;
            sum2 += *x++ * *w2++;
        }
        sums[0] = sum;
        sums[1] = sum2;
        return;
    }
#elif defined(__ARM_NEON)
    if (way == TP_SIMD) {
        int32x4_t lanes = vdupq_n_s32(0), lanes2 = lanes;
        for (int32_t left = n >> 3; left > 0; left--, x += 8, w += 8, w2 += 8) {
            const int8x8_t p = vld1_s8(x);
            lanes = tp_eight_products(lanes, p, vld1_s8(w));
            lanes2 = tp_eight_products(lanes2, p, vld1_s8(w2));
        }
        sum = tp_of_lanes(lanes);
        sum2 = tp_of_lanes(lanes2);
        for (int32_t left = n & 7; left > 0; left--) {
            sum += *x * *w++;
            sum2 += *x++ * *w2++;
        }
        sums[0] = sum;
        sums[1] = sum2;
        return;
    }
#else
    (void)way;
#endif
    int32_t i = 0;
    TP_ROLLED
    for (; i < (n & ~7); i += 8) {
        TP_BOTH(0);
        TP_BOTH(1);
        TP_BOTH(2);
        TP_BOTH(3);
        TP_BOTH(4);
        TP_BOTH(5);
        TP_BOTH(6);
        TP_BOTH(7);
    }
    TP_ROLLED
    for (; i < n; i++) {
        TP_BOTH(0);
    }
    sums[0] = sum;
    sums[1] = sum2;
}

/* Level 1 gathers by eights; with TP_INTEGERS (`TM_FASTSCALE`), results are scaled by whole numbers: 256 times the sum over the scale, times out[0] over 2^16. */
enum { TP_LEVEL = 1, TP_INTEGERS = 2 };

/* With a rectified linear unit; the output's unit is out[0], its reciprocal out[1] for level 1. */
TP_INLINE int8_t tp_result(int32_t sum, int32_t bias, const float *scale, const float *out, const tp_quant *q, const int level)
{
    if (level & TP_INTEGERS) {
        const int32_t v = tp_max((int32_t)((uint32_t)(sum + bias) << 8) / *(const int32_t *)(const void *)scale, 0);
        return (int8_t)(((int32_t)((uint32_t)v * (uint32_t)*(const int32_t *)(const void *)out) >> 16) + q->zero);
    }
    float v = (float)(sum + bias) * *scale;
    v = v > 0.0f ? v : 0.0f;
    return (int8_t)(int32_t)((level & TP_LEVEL ? v * out[1] : v / out[0]) + (float)q->zero);
}

/* Offsets of the taps from the first. */
TP_INLINE void tp_offsets(int32_t *offset, const tp_conv *s)
{
    int32_t at = 0;
    TP_OUTER
    for (int32_t ky = 0; ky < s->kh; ky++, at += (s->iw - s->kw) * s->ic)
        TP_OUTER
        for (int32_t kx = 0; kx < s->kw; kx++, at += s->ic) *offset++ = at;
}

/* The patch [channel][tap] of one output: whole, or the taps inside over a patch full of the input's zero. */
TP_INLINE void tp_gather(const int8_t *x, int8_t *patch, const int32_t *offset, int32_t zero, const tp_conv *s, int32_t top, int32_t left)
{
    const int32_t taps = s->kh * s->kw;
    const int8_t *from = x + (top * s->iw + left) * s->ic;
    if ((top < 0) + (left < 0) + (top + s->kh > s->ih) + (left + s->kw > s->iw) == 0) {
        TP_OUTER
        for (int32_t c = 0; c < s->ic; c++, patch += taps, from++)
            for (int32_t t = 0; t < taps; t++) patch[t] = from[offset[t]];
        return;
    }
    for (int32_t i = 0; i < s->ic * taps; i++) patch[i] = (int8_t)zero;
    const int32_t y0 = tp_max(-top, 0), x0 = tp_max(-left, 0), y1 = tp_min(s->kh, s->ih - top), x1 = tp_min(s->kw, s->iw - left);
    TP_OUTER
    for (int32_t c = 0; c < s->ic; c++, patch += taps, from++)
        TP_OUTER
        for (int32_t ky = y0; ky < y1; ky++)
            TP_OUTER
            for (int32_t kx = x0; kx < x1; kx++) {
                const int32_t t = ky * s->kw + kx;
                patch[t] = from[offset[t]];
            }
}

/* All outputs of one patch. */
TP_INLINE int8_t *tp_outputs(const int8_t *patch, const int8_t *w, const int32_t *bias, const float *scale, int8_t *y, const float *out, const tp_quant *q, int32_t oc, int32_t terms, const int way, const int level)
{
    int32_t o = 0;
    if (level & TP_LEVEL)
        TP_OUTER
        for (; o < oc - 7; o += 8, w += 8 * terms) {
            int32_t sums[8];
            TP_OUTER
            for (int32_t pair = 0; pair < 8; pair += 2) {
                TP_FRESH(patch);
                tp_dot_pair(patch, w + pair * terms, terms, sums + pair, way);
            }
            for (int32_t i = 0; i < 8; i++) *y++ = tp_result(sums[i], bias[o + i], scale + o + i, out, q, level);
        }
    TP_OUTER
    for (; o < oc; o++, w += terms) {
        TP_FRESH(patch);
        *y++ = tp_result(tp_dot(patch, w, terms, way), bias[o], scale + o, out, q, level);
    }
    return y;
}

TP_INLINE void tp_conv_of(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, int8_t *patch, int32_t *offset, const float *out, const tp_quant *q, const tp_conv *s, const int way, const int level)
{
    tp_offsets(offset, s);
    TP_OUTER
    for (int32_t oy = 0; oy < s->oh; oy++)
        TP_OUTER
        for (int32_t ox = 0; ox < s->ow; ox++) {
            tp_gather(x, patch, offset, q->input_zero, s, oy * s->stride - s->pad_top, ox * s->stride - s->pad_left);
            y = tp_outputs(patch, weight, bias, scale, y, out, q, s->oc, s->kh * s->kw * s->ic, way, level);
        }
}

TP_INLINE void tp_pointwise_of(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, const float *out, const tp_quant *q, const tp_conv *s, const int way, const int level)
{
    TP_OUTER
    for (int32_t oy = 0; oy < s->oh; oy++)
        TP_OUTER
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const int8_t *pixel = x + (oy * s->stride * s->iw + ox * s->stride) * s->ic;
            y = tp_outputs(pixel, weight, bias, scale, y, out, q, s->oc, s->ic, way, level);
        }
}

TP_INLINE void tp_depthwise_of(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, int8_t *patch, int32_t *offset, const float *out, const tp_quant *q, const tp_conv *s, const int way, const int level)
{
    const int32_t taps = s->kh * s->kw;
    tp_offsets(offset, s);
    TP_OUTER
    for (int32_t oy = 0; oy < s->oh; oy++)
        TP_OUTER
        for (int32_t ox = 0; ox < s->ow; ox++) {
            tp_gather(x, patch, offset, q->input_zero, s, oy * s->stride - s->pad_top, ox * s->stride - s->pad_left);
            TP_OUTER
            for (int32_t c = 0; c < s->ic; c++) *y++ = tp_result(tp_dot(patch + c * taps, weight + c * taps, taps, way), bias[c], scale + c, out, q, level);
        }
}

/* Level 1, 3 x 3: nine taps from the map itself where the patch is whole, else gathered. */
TP_INLINE void tp_depthwise_nine(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, int8_t *patch, int32_t *offset, const float *out, const tp_quant *q, const tp_conv *s, const int level)
{
    tp_offsets(offset, s);
    TP_OUTER
    for (int32_t oy = 0; oy < s->oh; oy++)
        TP_OUTER
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const int32_t top = oy * s->stride - s->pad_top, left = ox * s->stride - s->pad_left;
            if ((top < 0) + (left < 0) + (top + 3 > s->ih) + (left + 3 > s->iw) == 0) {
                const int8_t *from = x + (top * s->iw + left) * s->ic, *w = weight;
                TP_OUTER
                for (int32_t c = 0; c < s->ic; c++, from++, w += 9) {
                    int32_t sum = from[offset[0]] * w[0] + from[offset[1]] * w[1] + from[offset[2]] * w[2];
                    sum += from[offset[3]] * w[3] + from[offset[4]] * w[4] + from[offset[5]] * w[5];
                    sum += from[offset[6]] * w[6] + from[offset[7]] * w[7] + from[offset[8]] * w[8];
                    *y++ = tp_result(sum, bias[c], scale + c, out, q, level);
                }
            } else {
                tp_gather(x, patch, offset, q->input_zero, s, top, left);
                TP_OUTER
                for (int32_t c = 0; c < s->ic; c++) *y++ = tp_result(tp_dot(patch + c * 9, weight + c * 9, 9, TP_PLAIN), bias[c], scale + c, out, q, level);
            }
        }
}

/* One scale for all outputs, no rectified linear unit. */
TP_INLINE void tp_dense_of(const int8_t *x, const int8_t *weight, const int32_t *bias, const float *scale, int8_t *y, const float *out, const tp_quant *q, int32_t rows, int32_t columns, const int way)
{
    TP_OUTER
    for (int32_t r = 0; r < rows; r++) {
        TP_FRESH(x);
        const int32_t sum = tp_dot(x, weight + r * columns, columns, way) + bias[r];
        y[r] = (int8_t)(int32_t)((float)sum * scale[0] / out[0] + (float)q->zero);
    }
}

#define TP_WINDOWED const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const float *restrict scale, int8_t *restrict y, int8_t *restrict patch, int32_t *restrict offset, const float *restrict out, const tp_quant *restrict q, const tp_conv *restrict s
#define TP_AT_A_PIXEL const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const float *restrict scale, int8_t *restrict y, const float *restrict out, const tp_quant *restrict q, const tp_conv *restrict s
#define TP_DENSE const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const float *restrict scale, int8_t *restrict y, const float *restrict out, const tp_quant *restrict q, int32_t rows, int32_t columns

void tp_tinymaix_conv(TP_WINDOWED) { tp_conv_of(x, weight, bias, scale, y, patch, offset, out, q, s, TP_PLAIN, 0); }
void tp_tinymaix_pointwise(TP_AT_A_PIXEL) { tp_pointwise_of(x, weight, bias, scale, y, out, q, s, TP_PLAIN, 0); }
void tp_tinymaix_depthwise(TP_WINDOWED) { tp_depthwise_of(x, weight, bias, scale, y, patch, offset, out, q, s, TP_PLAIN, 0); }
void tp_tinymaix_dense(TP_DENSE) { tp_dense_of(x, weight, bias, scale, y, out, q, rows, columns, TP_PLAIN); }
void tp_tinymaix_conv_o1(TP_WINDOWED) { tp_conv_of(x, weight, bias, scale, y, patch, offset, out, q, s, TP_PLAIN, TP_LEVEL); }
void tp_tinymaix_depthwise_3x3_o1(TP_WINDOWED) { tp_depthwise_nine(x, weight, bias, scale, y, patch, offset, out, q, s, TP_LEVEL); }
void tp_tinymaix_pointwise_o1(TP_AT_A_PIXEL) { tp_pointwise_of(x, weight, bias, scale, y, out, q, s, TP_PLAIN, TP_LEVEL); }

#if defined(__aarch64__)
#define TP_WINDOWED_INTEGERS const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const int32_t *restrict scale, int8_t *restrict y, int8_t *restrict patch, int32_t *restrict offset, const int32_t *restrict out, const tp_quant *restrict q, const tp_conv *restrict s
#define TP_INTEGERS_AT_A_PIXEL const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const int32_t *restrict scale, int8_t *restrict y, const int32_t *restrict out, const tp_quant *restrict q, const tp_conv *restrict s
#define TP_BITS(p) (const float *)(const void *)(p)
void tp_tinymaix_conv_integers(TP_WINDOWED_INTEGERS) { tp_conv_of(x, weight, bias, TP_BITS(scale), y, patch, offset, TP_BITS(out), q, s, TP_PLAIN, TP_INTEGERS); }
void tp_tinymaix_pointwise_integers(TP_INTEGERS_AT_A_PIXEL) { tp_pointwise_of(x, weight, bias, TP_BITS(scale), y, TP_BITS(out), q, s, TP_PLAIN, TP_INTEGERS); }
void tp_tinymaix_depthwise_integers(TP_WINDOWED_INTEGERS) { tp_depthwise_of(x, weight, bias, TP_BITS(scale), y, patch, offset, TP_BITS(out), q, s, TP_PLAIN, TP_INTEGERS); }
void tp_tinymaix_conv_o1_integers(TP_WINDOWED_INTEGERS) { tp_conv_of(x, weight, bias, TP_BITS(scale), y, patch, offset, TP_BITS(out), q, s, TP_PLAIN, TP_LEVEL | TP_INTEGERS); }
void tp_tinymaix_depthwise_3x3_o1_integers(TP_WINDOWED_INTEGERS) { tp_depthwise_nine(x, weight, bias, TP_BITS(scale), y, patch, offset, TP_BITS(out), q, s, TP_LEVEL | TP_INTEGERS); }
void tp_tinymaix_pointwise_o1_integers(TP_INTEGERS_AT_A_PIXEL) { tp_pointwise_of(x, weight, bias, TP_BITS(scale), y, TP_BITS(out), q, s, TP_PLAIN, TP_LEVEL | TP_INTEGERS); }
#endif

#if defined(__ARM_FEATURE_DSP) || defined(__ARM_NEON)
void tp_tinymaix_conv_simd(TP_WINDOWED) { tp_conv_of(x, weight, bias, scale, y, patch, offset, out, q, s, TP_SIMD, 0); }
void tp_tinymaix_pointwise_simd(TP_AT_A_PIXEL) { tp_pointwise_of(x, weight, bias, scale, y, out, q, s, TP_SIMD, 0); }
void tp_tinymaix_depthwise_simd(TP_WINDOWED) { tp_depthwise_of(x, weight, bias, scale, y, patch, offset, out, q, s, TP_SIMD, 0); }
void tp_tinymaix_dense_simd(TP_DENSE) { tp_dense_of(x, weight, bias, scale, y, out, q, rows, columns, TP_SIMD); }
void tp_tinymaix_conv_o1_simd(TP_WINDOWED) { tp_conv_of(x, weight, bias, scale, y, patch, offset, out, q, s, TP_SIMD, TP_LEVEL); }
void tp_tinymaix_pointwise_o1_simd(TP_AT_A_PIXEL) { tp_pointwise_of(x, weight, bias, scale, y, out, q, s, TP_SIMD, TP_LEVEL); }
#endif
