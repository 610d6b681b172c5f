/* Matrix products in single precision on NEON: patches gathered into panels, blocks of sums held in registers. Empty elsewhere. */
#include "classes.h"
#include "float.h"
#include "window.h"

#if defined(__ARM_NEON)
#include <arm_neon.h>

#define TP_FMA(sum, w, v, lane) "fmla v" #sum ".4s, v" #w ".4s, v" #v ".s[" #lane "]\n"
#define TP_LOW(to, pointer, at) "ldr d" #to ", [%[" #pointer "], #" #at "]\n"
#define TP_HIGH(pointer, at) "ldr x9, [%[" #pointer "], #" #at "]\n"
#define TP_SET(to) "mov v" #to ".d[1], x9\n"
#define TP_STORE(low, high) "fadd v" #low ".4s, v" #low ".4s, v0.4s\n fadd v" #high ".4s, v" #high ".4s, v1.4s\n stp q" #low ", q" #high ", [%[y]]\n add %[y], %[y], %[pitch]\n"
#define TP_ZERO(low, high) "movi v" #low ".4s, #0\n movi v" #high ".4s, #0\n"

/* Eight filters by twelve pixels of a panel [term][pixel]. A load of 128 bits does not issue beside a product of four; a load of 64 into a vector and
 * one into a core register do. Each operand is fetched so two groups of products before it is used, the first three in the step before. */
TP_INLINE void tp_twelve(const float *panel, const float *w, const float *bias, float *y, int32_t terms, int32_t oc)
{
    const int64_t pitch = 4 * (int64_t)oc;
    __asm__ volatile(
        "ldr q0, [%[w]]\n ldr q2, [%[x]]\n ldr q3, [%[x], #16]\n"
        TP_ZERO(8, 20) TP_ZERO(9, 21) TP_ZERO(10, 22) TP_ZERO(11, 23) TP_ZERO(12, 24) TP_ZERO(13, 25)
        TP_ZERO(14, 26) TP_ZERO(15, 27) TP_ZERO(16, 28) TP_ZERO(17, 29) TP_ZERO(18, 30) TP_ZERO(19, 31)
        "1:\n"
        TP_LOW(4, x, 32) TP_FMA(8, 0, 2, 0) TP_HIGH(x, 40) TP_FMA(9, 0, 2, 1) TP_FMA(10, 0, 2, 2) TP_FMA(11, 0, 2, 3) TP_SET(4)
        TP_LOW(1, w, 16) TP_FMA(12, 0, 3, 0) TP_HIGH(w, 24) TP_FMA(13, 0, 3, 1) TP_FMA(14, 0, 3, 2) TP_FMA(15, 0, 3, 3) TP_SET(1)
        "subs %w[left], %w[left], #1\n" TP_FMA(16, 0, 4, 0) TP_FMA(17, 0, 4, 1) TP_FMA(18, 0, 4, 2) TP_FMA(19, 0, 4, 3)
        TP_LOW(0, w, 32) TP_FMA(20, 1, 2, 0) TP_HIGH(w, 40) TP_FMA(21, 1, 2, 1) TP_FMA(22, 1, 2, 2) TP_FMA(23, 1, 2, 3) TP_SET(0)
        TP_LOW(2, x, 48) TP_FMA(24, 1, 3, 0) TP_HIGH(x, 56) TP_FMA(25, 1, 3, 1) "add %[w], %[w], #32\n" TP_FMA(26, 1, 3, 2) TP_FMA(27, 1, 3, 3) TP_SET(2)
        TP_LOW(3, x, 64) TP_FMA(28, 1, 4, 0) TP_HIGH(x, 72) TP_FMA(29, 1, 4, 1) "add %[x], %[x], #48\n" TP_FMA(30, 1, 4, 2) TP_FMA(31, 1, 4, 3) TP_SET(3)
        "b.ne 1b\n"
        "ldp q0, q1, [%[bias]]\n"
        TP_STORE(8, 20) TP_STORE(9, 21) TP_STORE(10, 22) TP_STORE(11, 23) TP_STORE(12, 24) TP_STORE(13, 25)
        TP_STORE(14, 26) TP_STORE(15, 27) TP_STORE(16, 28) TP_STORE(17, 29) TP_STORE(18, 30) TP_STORE(19, 31)
        : [x] "+r"(panel), [w] "+r"(w), [y] "+r"(y), [left] "+r"(terms)
        : [bias] "r"(bias), [pitch] "r"(pitch)
        : "x9", "v0", "v1", "v2", "v3", "v4", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "cc", "memory");
}

#define TP_BY_LANES(sum, w, v) \
    (sum)[0] = vfmaq_laneq_f32((sum)[0], w, v, 0); \
    (sum)[1] = vfmaq_laneq_f32((sum)[1], w, v, 1); \
    (sum)[2] = vfmaq_laneq_f32((sum)[2], w, v, 2); \
    (sum)[3] = vfmaq_laneq_f32((sum)[3], w, v, 3)

/* Eight filters by four pixels; the first operands of a step are fetched in the step before. */
TP_INLINE void tp_four(const float *panel, const float *w, const float *bias, float *y, int32_t terms, int32_t oc)
{
    float32x4_t low[4], high[4], w0 = vld1q_f32(w), a = vld1q_f32(panel);
#pragma GCC unroll 4
    for (int32_t p = 0; p < 4; p++) low[p] = high[p] = vdupq_n_f32(0.0f);
    for (int32_t left = terms; left > 0; left--) {
        const float32x4_t w1 = vld1q_f32(w + 4);
        panel += 4;
        w += 8;
        TP_BY_LANES(low, w0, a);
        w0 = vld1q_f32(w);
        TP_BY_LANES(high, w1, a);
        a = vld1q_f32(panel);
    }
    const float32x4_t b0 = vld1q_f32(bias), b1 = vld1q_f32(bias + 4);
#pragma GCC unroll 4
    for (int32_t p = 0; p < 4; p++, y += oc) {
        vst1q_f32(y, vaddq_f32(low[p], b0));
        vst1q_f32(y + 4, vaddq_f32(high[p], b1));
    }
}

/* Eight filters by one pixel. */
TP_INLINE void tp_pixel(const float *patch, const float *w, const float *bias, float *y, int32_t terms)
{
    float32x4_t low = vdupq_n_f32(0.0f), high = low;
    for (int32_t left = terms; left > 0; left--, w += 8, patch++) {
        low = vfmaq_n_f32(low, vld1q_f32(w), *patch);
        high = vfmaq_n_f32(high, vld1q_f32(w + 4), *patch);
    }
    vst1q_f32(y, vaddq_f32(low, vld1q_f32(bias)));
    vst1q_f32(y + 4, vaddq_f32(high, vld1q_f32(bias + 4)));
}

/* One filter by so many pixels of a panel. */
TP_INLINE void tp_filter(const float *panel, const float *w, float bias, float *y, int32_t terms, int32_t oc, const int32_t pixels)
{
    float32x4_t sum[3];
    float row[12];
#pragma GCC unroll 3
    for (int32_t i = 0; 4 * i < pixels; i++) sum[i] = vdupq_n_f32(0.0f);
    for (int32_t left = terms; left > 0; left--, panel += pixels, w++)
#pragma GCC unroll 3
        for (int32_t i = 0; 4 * i < pixels; i++) sum[i] = vfmaq_n_f32(sum[i], vld1q_f32(panel + 4 * i), *w);
#pragma GCC unroll 3
    for (int32_t i = 0; 4 * i < pixels; i++) vst1q_f32(row + 4 * i, vaddq_f32(sum[i], vdupq_n_f32(bias)));
#pragma GCC unroll 12
    for (int32_t p = 0; p < pixels; p++) y[p * oc] = row[p];
}

/* All filters by all pixels: eight filters stay in the first cache while the panels go by. */
TP_INLINE void tp_all_pixels(const float *panel, const float *w, const float *bias, float *y, int32_t pixels, int32_t terms, int32_t oc)
{
    int32_t o = 0;
    for (; o <= oc - 8; o += 8, w += 8 * terms) {
        const float *from = panel;
        float *to = y + o;
        int32_t p = 0;
        for (; p <= pixels - 12; p += 12, from += 12 * terms, to += 12 * oc) tp_twelve(from, w, bias + o, to, terms, oc);
        for (; p <= pixels - 4; p += 4, from += 4 * terms, to += 4 * oc) tp_four(from, w, bias + o, to, terms, oc);
        for (; p < pixels; p++, from += terms, to += oc) tp_pixel(from, w, bias + o, to, terms);
    }
    for (; o < oc; o++, w += terms) {
        const float *from = panel;
        float *to = y + o;
        int32_t p = 0;
        for (; p <= pixels - 12; p += 12, from += 12 * terms, to += 12 * oc) tp_filter(from, w, bias[o], to, terms, oc, 12);
        for (; p <= pixels - 4; p += 4, from += 4 * terms, to += 4 * oc) tp_filter(from, w, bias[o], to, terms, oc, 4);
        for (; p < pixels; p++, from += terms, to += oc) {
            float sum = 0.0f;
            for (int32_t k = 0; k < terms; k++) sum = __builtin_fmaf(from[k], w[k], sum);
            *to = sum + bias[o];
        }
    }
}

/* One pixel's patch, a term every `apart` numbers; zeros for taps outside. */
static __attribute__((noinline)) void tp_patch_f32(const float *x, float *to, const tp_conv *s, int32_t pixel, int32_t apart)
{
    const int32_t oy = pixel / s->ow, ox = pixel - oy * s->ow;
    for (int32_t ky = 0; ky < s->kh; ky++)
        for (int32_t kx = 0; kx < s->kw; kx++) {
            const int32_t at_y = oy * s->stride + ky - s->pad_top, at_x = ox * s->stride + kx - s->pad_left;
            const float *from = x + (at_y * s->iw + at_x) * s->ic;
            if ((uint32_t)at_y < (uint32_t)s->ih && (uint32_t)at_x < (uint32_t)s->iw)
                for (int32_t c = 0; c < s->ic; c++, to += apart) *to = *from++;
            else
                for (int32_t c = 0; c < s->ic; c++, to += apart) *to = 0.0f;
        }
}

void tp_gemm_conv_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, float *restrict panel, const tp_conv *restrict s)
{
    const int32_t terms = s->kh * s->kw * s->ic, pixels = s->oh * s->ow;
    float *to = panel;
    int32_t p = 0;
    for (; p <= pixels - 12; p += 12, to += 12 * terms)
        for (int32_t i = 0; i < 12; i++) tp_patch_f32(x, to + i, s, p + i, 12);
    for (; p <= pixels - 4; p += 4, to += 4 * terms)
        for (int32_t i = 0; i < 4; i++) tp_patch_f32(x, to + i, s, p + i, 4);
    for (; p < pixels; p++, to += terms) tp_patch_f32(x, to, s, p, 1);
    tp_all_pixels(panel, weight, bias, y, pixels, terms, s->oc);
}

/* Four channels of four neighbouring pixels turned over: [channel][pixel], channels `apart` numbers from each other. */
TP_INLINE void tp_turn(const float *x, float *to, int32_t channels, const int32_t apart)
{
    const float32x4_t a = vld1q_f32(x), b = vld1q_f32(x + channels), c = vld1q_f32(x + 2 * channels), d = vld1q_f32(x + 3 * channels);
    const float32x4x2_t ab = vtrnq_f32(a, b), cd = vtrnq_f32(c, d);
    vst1q_f32(to, vcombine_f32(vget_low_f32(ab.val[0]), vget_low_f32(cd.val[0])));
    vst1q_f32(to + apart, vcombine_f32(vget_low_f32(ab.val[1]), vget_low_f32(cd.val[1])));
    vst1q_f32(to + 2 * apart, vcombine_f32(vget_high_f32(ab.val[0]), vget_high_f32(cd.val[0])));
    vst1q_f32(to + 3 * apart, vcombine_f32(vget_high_f32(ab.val[1]), vget_high_f32(cd.val[1])));
}

/* Panels of pixels whose channels are a multiple of four. */
TP_INLINE void tp_panels(const float *x, float *to, int32_t pixels, int32_t channels)
{
    int32_t p = 0;
    for (; p <= pixels - 12; p += 12, x += 12 * channels, to += 12 * channels)
        for (int32_t c = 0; c < channels; c += 4) {
            tp_turn(x + c, to + 12 * c, channels, 12);
            tp_turn(x + 4 * channels + c, to + 12 * c + 4, channels, 12);
            tp_turn(x + 8 * channels + c, to + 12 * c + 8, channels, 12);
        }
    for (; p <= pixels - 4; p += 4, x += 4 * channels, to += 4 * channels)
        for (int32_t c = 0; c < channels; c += 4) tp_turn(x + c, to + 4 * c, channels, 4);
    for (int32_t left = (pixels - p) * channels; left > 0; left -= 4, x += 4, to += 4) vst1q_f32(to, vld1q_f32(x));
}

void tp_gemm_conv_1x1_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, float *restrict panel, const tp_conv *restrict s)
{
    tp_panels(x, panel, s->oh * s->ow, s->ic);
    tp_all_pixels(panel, weight, bias, y, s->oh * s->ow, s->ic, s->oc);
}

void tp_gemm_dense_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, int32_t rows, int32_t columns)
{
    tp_all_pixels(x, weight, bias, y, 1, columns, rows);
}

/* The map within a border of zeros, channels a multiple of four: what lies between two rows is one gap. */
TP_INLINE void tp_border(const float *x, float *to, const tp_conv *s, int32_t height, int32_t width)
{
    const float32x4_t zero = vdupq_n_f32(0.0f);
    const int32_t row = s->iw * s->ic, below = (height - s->pad_top - s->ih) * width + width - s->pad_left - s->iw;
    int32_t gap = (s->pad_top * width + s->pad_left) * s->ic;
    for (int32_t rows = s->ih;; rows--) {
        for (int32_t left = gap; left > 0; left -= 4, to += 4) vst1q_f32(to, zero);
        if (rows == 0) break;
        for (int32_t left = row; left > 0; left -= 4, x += 4, to += 4) vst1q_f32(to, vld1q_f32(x));
        gap = (rows > 1 ? width - s->iw : below) * s->ic;
    }
}

/* Eight points of a line of a tile to the eight points where products are taken: 0, infinity, 1, -1, 2, -2, 1/2, -1/2. */
TP_INLINE void tp_winograd_in(const float32x4_t d[8], float *to, int32_t apart)
{
    const float32x4_t even1 = vfmaq_n_f32(vaddq_f32(d[2], d[6]), d[4], -4.25f), odd1 = vfmaq_n_f32(vaddq_f32(d[1], d[5]), d[3], -4.25f);
    const float32x4_t even2 = vfmaq_n_f32(vfmaq_n_f32(d[6], d[2], 0.25f), d[4], -1.25f), odd2 = vfmaq_n_f32(vfmaq_n_f32(vmulq_n_f32(d[1], 0.5f), d[3], -2.5f), d[5], 2.0f);
    const float32x4_t even3 = vfmaq_n_f32(d[6], vfmaq_n_f32(d[2], d[4], -1.25f), 4.0f), odd3 = vfmaq_n_f32(vfmaq_n_f32(vmulq_n_f32(d[1], 2.0f), d[3], -2.5f), d[5], 0.5f);
    vst1q_f32(to, vfmaq_n_f32(vsubq_f32(d[0], d[6]), vsubq_f32(d[4], d[2]), 5.25f));
    vst1q_f32(to + apart, vaddq_f32(even1, odd1));
    vst1q_f32(to + 2 * apart, vsubq_f32(even1, odd1));
    vst1q_f32(to + 3 * apart, vaddq_f32(even2, odd2));
    vst1q_f32(to + 4 * apart, vsubq_f32(even2, odd2));
    vst1q_f32(to + 5 * apart, vaddq_f32(even3, odd3));
    vst1q_f32(to + 6 * apart, vsubq_f32(even3, odd3));
    vst1q_f32(to + 7 * apart, vfmaq_n_f32(vsubq_f32(d[7], d[1]), vsubq_f32(d[3], d[5]), 5.25f));
}

/* Products at the eight points back to six outputs. */
TP_INLINE void tp_winograd_out(const float32x4_t m[8], float *to, int32_t apart)
{
    const float32x4_t sum1 = vaddq_f32(m[1], m[2]), dif1 = vsubq_f32(m[1], m[2]), sum2 = vaddq_f32(m[3], m[4]);
    const float32x4_t dif2 = vsubq_f32(m[3], m[4]), sum3 = vaddq_f32(m[5], m[6]), dif3 = vsubq_f32(m[5], m[6]);
    vst1q_f32(to, vfmaq_n_f32(vaddq_f32(vaddq_f32(m[0], sum1), sum2), sum3, 32.0f));
    vst1q_f32(to + apart, vfmaq_n_f32(vfmaq_n_f32(dif1, dif2, 2.0f), dif3, 16.0f));
    vst1q_f32(to + 2 * apart, vfmaq_n_f32(vfmaq_n_f32(sum1, sum2, 4.0f), sum3, 8.0f));
    vst1q_f32(to + 3 * apart, vfmaq_n_f32(vfmaq_n_f32(dif1, dif2, 8.0f), dif3, 4.0f));
    vst1q_f32(to + 4 * apart, vfmaq_n_f32(vfmaq_n_f32(sum1, sum2, 16.0f), sum3, 2.0f));
    vst1q_f32(to + 5 * apart, vfmaq_n_f32(vaddq_f32(vaddq_f32(m[7], dif1), dif3), dif2, 32.0f));
}

/* Products of all tiles and filters at so many points. */
TP_INLINE void tp_all_points(const float *points, float *panel, const float *weight, float *product, const int32_t n, int32_t tiles, int32_t ic, int32_t oc)
{
    static const float none[8];
    for (int32_t r = 0; r < n; r++) {
        tp_panels(points + r * tiles * ic, panel, tiles, ic);
        float *to = product + r * tiles * oc;
        const float *w = weight + r * ic * oc;
        for (int32_t o = 0; o < oc; o += 8, w += 8 * ic) {
            const float *from = panel;
            float *at = to + o;
            int32_t p = 0;
            for (; p <= tiles - 12; p += 12, from += 12 * ic, at += 12 * oc) tp_twelve(from, w, none, at, ic, oc);
            for (; p <= tiles - 4; p += 4, from += 4 * ic, at += 4 * oc) tp_four(from, w, none, at, ic, oc);
            for (; p < tiles; p++, from += ic, at += oc) tp_pixel(from, w, none, at, ic);
        }
    }
}

void tp_gemm_winograd_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, float *restrict border, float *restrict points, float *restrict panel, float *restrict product, const tp_conv *restrict s)
{
    const int32_t down = (s->oh + 5) / 6, across = (s->ow + 5) / 6, width = 6 * across + 2, tiles = down * across, ic = s->ic, oc = s->oc;
    tp_border(x, border, s, 6 * down + 2, width);
    for (int32_t ty = 0; ty < down; ty++)
        for (int32_t tx = 0; tx < across; tx++)
            for (int32_t c = 0; c < ic; c += 4) {
                const float *from = border + (6 * ty * width + 6 * tx) * ic + c;
                float *to = points + (ty * across + tx) * ic + c, half[8][8][4];
                float32x4_t d[8];
                for (int32_t i = 0; i < 8; i++) {
#pragma GCC unroll 8
                    for (int32_t k = 0; k < 8; k++) d[k] = vld1q_f32(from + (i * width + k) * ic);
                    tp_winograd_in(d, half[0][i], 32);
                }
                for (int32_t i = 0; i < 8; i++) {
#pragma GCC unroll 8
                    for (int32_t k = 0; k < 8; k++) d[k] = vld1q_f32(half[i][k]);
                    tp_winograd_in(d, to + i * tiles * ic, 8 * tiles * ic);
                }
            }
    tp_all_points(points, panel, weight, product, 64, tiles, ic, oc);
    for (int32_t ty = 0; ty < down; ty++)
        for (int32_t tx = 0; tx < across; tx++)
            for (int32_t c = 0; c < oc; c += 4) {
                const float *from = product + (ty * across + tx) * oc + c;
                float half[6][8][4], square[6][6][4];
                float32x4_t m[8];
                for (int32_t i = 0; i < 8; i++) {
#pragma GCC unroll 8
                    for (int32_t k = 0; k < 8; k++) m[k] = vld1q_f32(from + (i + 8 * k) * tiles * oc);
                    tp_winograd_out(m, half[0][i], 32);
                }
                for (int32_t i = 0; i < 6; i++) {
#pragma GCC unroll 8
                    for (int32_t k = 0; k < 8; k++) m[k] = vld1q_f32(half[i][k]);
                    tp_winograd_out(m, square[i][0], 4);
                }
                const int32_t rows = tp_min(6, s->oh - 6 * ty), columns = tp_min(6, s->ow - 6 * tx);
                for (int32_t i = 0; i < rows; i++) {
                    float *to = y + ((6 * ty + i) * s->ow + 6 * tx) * oc + c;
                    for (int32_t k = 0; k < columns; k++) vst1q_f32(to + k * oc, vaddq_f32(vld1q_f32(square[i][k]), vld1q_f32(bias + c)));
                }
            }
}

/* Six points of a line of a tile to the points 0, 1, -1, 2, -2 and infinity. */
TP_INLINE void tp_winograd_in_4(const float32x4_t d[6], float *to, int32_t apart)
{
    const float32x4_t even = vfmaq_n_f32(d[4], d[2], -4.0f), odd = vfmaq_n_f32(d[3], d[1], -4.0f), even2 = vsubq_f32(d[4], d[2]), odd2 = vsubq_f32(d[3], d[1]);
    vst1q_f32(to, vfmaq_n_f32(vfmaq_n_f32(d[4], d[0], 4.0f), d[2], -5.0f));
    vst1q_f32(to + apart, vaddq_f32(even, odd));
    vst1q_f32(to + 2 * apart, vsubq_f32(even, odd));
    vst1q_f32(to + 3 * apart, vfmaq_n_f32(even2, odd2, 2.0f));
    vst1q_f32(to + 4 * apart, vfmaq_n_f32(even2, odd2, -2.0f));
    vst1q_f32(to + 5 * apart, vfmaq_n_f32(vfmaq_n_f32(d[5], d[1], 4.0f), d[3], -5.0f));
}

TP_INLINE void tp_winograd_out_4(const float32x4_t m[6], float *to, int32_t apart)
{
    const float32x4_t sum1 = vaddq_f32(m[1], m[2]), dif1 = vsubq_f32(m[1], m[2]), sum2 = vaddq_f32(m[3], m[4]), dif2 = vsubq_f32(m[3], m[4]);
    vst1q_f32(to, vaddq_f32(vaddq_f32(m[0], sum1), sum2));
    vst1q_f32(to + apart, vfmaq_n_f32(dif1, dif2, 2.0f));
    vst1q_f32(to + 2 * apart, vfmaq_n_f32(sum1, sum2, 4.0f));
    vst1q_f32(to + 3 * apart, vfmaq_n_f32(vaddq_f32(m[5], dif1), dif2, 8.0f));
}

void tp_gemm_winograd_4_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, float *restrict border, float *restrict points, float *restrict panel, float *restrict product, const tp_conv *restrict s)
{
    const int32_t down = (s->oh + 3) / 4, across = (s->ow + 3) / 4, width = 4 * across + 2, tiles = down * across, ic = s->ic, oc = s->oc;
    tp_border(x, border, s, 4 * down + 2, width);
    for (int32_t ty = 0; ty < down; ty++)
        for (int32_t tx = 0; tx < across; tx++)
            for (int32_t c = 0; c < ic; c += 4) {
                const float *from = border + (4 * ty * width + 4 * tx) * ic + c;
                float *to = points + (ty * across + tx) * ic + c, half[6][6][4];
                float32x4_t d[6];
                for (int32_t i = 0; i < 6; i++) {
#pragma GCC unroll 6
                    for (int32_t k = 0; k < 6; k++) d[k] = vld1q_f32(from + (i * width + k) * ic);
                    tp_winograd_in_4(d, half[0][i], 24);
                }
                for (int32_t i = 0; i < 6; i++) {
#pragma GCC unroll 6
                    for (int32_t k = 0; k < 6; k++) d[k] = vld1q_f32(half[i][k]);
                    tp_winograd_in_4(d, to + i * tiles * ic, 6 * tiles * ic);
                }
            }
    tp_all_points(points, panel, weight, product, 36, tiles, ic, oc);
    for (int32_t ty = 0; ty < down; ty++)
        for (int32_t tx = 0; tx < across; tx++)
            for (int32_t c = 0; c < oc; c += 4) {
                const float *from = product + (ty * across + tx) * oc + c;
                float half[4][6][4], square[4][4][4];
                float32x4_t m[6];
                for (int32_t i = 0; i < 6; i++) {
#pragma GCC unroll 6
                    for (int32_t k = 0; k < 6; k++) m[k] = vld1q_f32(from + (i + 6 * k) * tiles * oc);
                    tp_winograd_out_4(m, half[0][i], 24);
                }
                for (int32_t i = 0; i < 4; i++) {
#pragma GCC unroll 6
                    for (int32_t k = 0; k < 6; k++) m[k] = vld1q_f32(half[i][k]);
                    tp_winograd_out_4(m, square[i][0], 4);
                }
                const int32_t rows = tp_min(4, s->oh - 4 * ty), columns = tp_min(4, s->ow - 4 * tx);
                for (int32_t i = 0; i < rows; i++) {
                    float *to = y + ((4 * ty + i) * s->ow + 4 * tx) * oc + c;
                    for (int32_t k = 0; k < columns; k++) vst1q_f32(to + k * oc, vaddq_f32(vld1q_f32(square[i][k]), vld1q_f32(bias + c)));
                }
            }
}

/* Four channels, 3 x 3 taps held in registers, four outputs of a row at a time and then one. */
TP_INLINE void tp_depthwise_three(const float *x, const float *weight, const float *bias, float *y, float *border, const tp_conv *s, const int32_t stride)
{
    const int32_t channels = s->ic, width = stride * (s->ow - 1) + 3, height = stride * (s->oh - 1) + 3;
    tp_border(x, border, s, tp_max(height, s->ih + s->pad_top), tp_max(width, s->iw + s->pad_left));
    const int32_t pitch = tp_max(width, s->iw + s->pad_left) * channels;
    for (int32_t c = 0; c < channels; c += 4) {
        float32x4_t w[9];
#pragma GCC unroll 9
        for (int32_t t = 0; t < 9; t++) w[t] = vld1q_f32(weight + t * channels + c);
        const float32x4_t start = vld1q_f32(bias + c);
        float *to = y + c;
        for (int32_t oy = 0; oy < s->oh; oy++) {
            const float *from = border + oy * stride * pitch + c;
            int32_t ox = 0;
            for (; ox <= s->ow - 4; ox += 4, from += 4 * stride * channels, to += 4 * channels) {
                float32x4_t sum[4] = {start, start, start, start};
#pragma GCC unroll 3
                for (int32_t ky = 0; ky < 3; ky++)
#pragma GCC unroll 9
                    for (int32_t k = 0; k < 3 * stride + 3; k++) {
                        const float32x4_t v = vld1q_f32(from + ky * pitch + k * channels);
#pragma GCC unroll 4
                        for (int32_t p = 0; p < 4; p++)
                            if (k - p * stride >= 0 && k - p * stride < 3) sum[p] = vfmaq_f32(sum[p], v, w[3 * ky + k - p * stride]);
                    }
#pragma GCC unroll 4
                for (int32_t p = 0; p < 4; p++) vst1q_f32(to + p * channels, sum[p]);
            }
            for (; ox < s->ow; ox++, from += stride * channels, to += channels) {
                float32x4_t sum = start;
#pragma GCC unroll 9
                for (int32_t t = 0; t < 9; t++) sum = vfmaq_f32(sum, vld1q_f32(from + t / 3 * pitch + t % 3 * channels), w[t]);
                vst1q_f32(to, sum);
            }
        }
    }
}

void tp_gemm_depthwise_3x3_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, float *restrict border, const tp_conv *restrict s)
{
    tp_depthwise_three(x, weight, bias, y, border, s, 1);
}

void tp_gemm_depthwise_3x3s2_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, float *restrict border, const tp_conv *restrict s)
{
    tp_depthwise_three(x, weight, bias, y, border, s, 2);
}

void tp_gemm_depthwise_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, const tp_conv *restrict s)
{
    const int32_t channels = s->ic;
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const tp_span v = tp_inside(oy, s->stride, s->pad_top, s->kh, s->ih);
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const tp_span h = tp_inside(ox, s->stride, s->pad_left, s->kw, s->iw);
            int32_t c = 0;
            for (; c <= channels - 4; c += 4) {
                const float *row = x + (v.at * s->iw + h.at) * channels + c, *taps = weight + (v.begin * s->kw + h.begin) * channels + c;
                float32x4_t sum = vdupq_n_f32(0.0f);
                for (int32_t ky = v.begin; ky < v.end; ky++, row += s->iw * channels, taps += s->kw * channels) {
                    const float *from = row, *by = taps;
                    for (int32_t kx = h.begin; kx < h.end; kx++, from += channels, by += channels) sum = vfmaq_f32(sum, vld1q_f32(from), vld1q_f32(by));
                }
                vst1q_f32(y, vaddq_f32(sum, vld1q_f32(bias + c)));
                y += 4;
            }
            for (; c < channels; c++) {
                const float *row = x + (v.at * s->iw + h.at) * channels + c, *taps = weight + (v.begin * s->kw + h.begin) * channels + c;
                float sum = 0.0f;
                for (int32_t ky = v.begin; ky < v.end; ky++, row += s->iw * channels, taps += s->kw * channels) {
                    const float *from = row, *by = taps;
                    for (int32_t kx = h.begin; kx < h.end; kx++, from += channels, by += channels) sum = __builtin_fmaf(*from, *by, sum);
                }
                *y++ = sum + bias[c];
            }
        }
    }
}

/* Passes over maps, 16 values a step; -0 becomes 0 here and stays what it is in the last few. */
void tp_gemm_relu_f32(const float *restrict x, float *restrict y, int32_t n)
{
    const float32x4_t none = vdupq_n_f32(0.0f);
    int32_t left = n;
    for (; left >= 16; left -= 16, x += 16, y += 16) {
        float32x4_t v[4];
#pragma GCC unroll 4
        for (int32_t i = 0; i < 4; i++) v[i] = vld1q_f32(x + 4 * i);
#pragma GCC unroll 4
        for (int32_t i = 0; i < 4; i++) vst1q_f32(y + 4 * i, vmaxq_f32(v[i], none));
    }
    for (; left > 0; left--) {
        const uint32_t v = tp_bits_of(*x++);
        *y++ = tp_float_of(v & ~tp_mask(tp_is_below_zero(v)));
    }
}

void tp_gemm_add_f32(const float *restrict a, const float *restrict b, float *restrict y, int32_t n)
{
    int32_t left = n;
    for (; left >= 16; left -= 16, a += 16, b += 16, y += 16) {
        float32x4_t sum[4];
#pragma GCC unroll 4
        for (int32_t i = 0; i < 4; i++) sum[i] = vaddq_f32(vld1q_f32(a + 4 * i), vld1q_f32(b + 4 * i));
#pragma GCC unroll 4
        for (int32_t i = 0; i < 4; i++) vst1q_f32(y + 4 * i, sum[i]);
    }
    for (; left > 0; left--) *y++ = *a++ + *b++;
}

/* Some channels of every pixel. */
void tp_gemm_slice_f32(const float *restrict x, float *restrict y, int32_t start, int32_t pixels, int32_t channels, int32_t from)
{
    x += start;
    for (int32_t p = 0; p < pixels; p++, x += from - channels) {
        int32_t left = channels;
        for (; left >= 16; left -= 16, x += 16, y += 16) {
            float32x4_t v[4];
#pragma GCC unroll 4
            for (int32_t i = 0; i < 4; i++) v[i] = vld1q_f32(x + 4 * i);
#pragma GCC unroll 4
            for (int32_t i = 0; i < 4; i++) vst1q_f32(y + 4 * i, v[i]);
        }
        for (; left > 0; left--) *y++ = *x++;
    }
}
#endif
