/* Matrix products of 8 bits on NEON without dot-product instructions, in the structure of an engine for mobile processors: pairs of terms of eight pixels
 * meet pairs of eight filters, sums of pairs are widened onto 32 bits; 3 x 3 layers by Winograd's method on 16-bit points. Empty elsewhere. */
#include "classes.h"
#include "int8.h"
#include "window.h"

#if defined(__ARM_NEON)
#include <arm_neon.h>

/* What eight neighbouring outputs need. */
typedef struct {
    int32x4_t bias[2], multiplier[2], shift[2];
} tp_eight;

TP_INLINE tp_eight tp_eight_of(const int32_t *bias, const tp_factor *factor)
{
    tp_eight by;
#pragma GCC unroll 2
    for (int32_t i = 0; i < 2; i++) {
        const int32x4_t a = vld1q_s32(&factor[4 * i].multiplier), b = vld1q_s32(&factor[4 * i + 2].multiplier);
        by.bias[i] = vld1q_s32(bias + 4 * i);
        by.multiplier[i] = vuzp1q_s32(a, b);
        by.shift[i] = vuzp2q_s32(a, b);
    }
    return by;
}

/* tp_multiply in four lanes. */
TP_INLINE int32x4_t tp_multiply_four(int32x4_t x, int32x4_t multiplier, int32x4_t shift)
{
    const int32x4_t none = vdupq_n_s32(0), right = vminq_s32(shift, none);
    const int32x4_t high = vqrdmulhq_s32(vshlq_s32(x, vmaxq_s32(shift, none)), multiplier);
    return vrshlq_s32(vaddq_s32(high, vshrq_n_s32(vandq_s32(high, right), 31)), right);
}

/* Codes of eight sums; the bias is added here. */
TP_INLINE void tp_codes(int32x4_t low, int32x4_t high, const tp_eight *by, int8_t *y, const tp_quant *q)
{
    const int32x4_t zero = vdupq_n_s32(q->zero);
    const int32x4_t a = vaddq_s32(tp_multiply_four(vaddq_s32(low, by->bias[0]), by->multiplier[0], by->shift[0]), zero);
    const int32x4_t b = vaddq_s32(tp_multiply_four(vaddq_s32(high, by->bias[1]), by->multiplier[1], by->shift[1]), zero);
    const int8x8_t code = vqmovn_s16(vcombine_s16(vqmovn_s32(a), vqmovn_s32(b)));
    vst1_s8(y, vmin_s8(vmax_s8(code, vdup_n_s8((int8_t)q->lo)), vdup_n_s8((int8_t)q->hi)));
}

/* Codes of a map of sums [block of eight][pixel][8]: engines keep sums in 32 bits and convert them in a pass of its own. */
static __attribute__((noinline)) void tp_codes_of_map(const int32_t *sums, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, int32_t pixels, int32_t apart, int32_t oc)
{
    for (int32_t o = 0; o < oc; o += 8, sums += 8 * apart) {
        const tp_eight by = tp_eight_of(bias + o, factor + o);
        const int32_t *from = sums;
        int8_t *to = y + o;
        for (int32_t left = pixels; left > 0; left--, from += 8, to += oc) tp_codes(vld1q_s32(from), vld1q_s32(from + 4), &by, to, q);
    }
}

#define TP_FIRST(low, high, x, w) "smull v" #low ".8h, v" #x ".8b, v" #w ".8b\n smull2 v" #high ".8h, v" #x ".16b, v" #w ".16b\n"
#define TP_SECOND(low, high, x, w) "smlal v" #low ".8h, v" #x ".8b, v" #w ".8b\n smlal2 v" #high ".8h, v" #x ".16b, v" #w ".16b\n"
#define TP_WIDEN(to, from) "sadalp v" #to ".4s, v" #from ".8h\n"
#define TP_NONE(a, b) "movi v" #a ".4s, #0\n movi v" #b ".4s, #0\n"

/* 64 sums of eight pixels by eight filters, four terms a step: [two pairs][eight][pair] of both. Products stand in the lane where pixel and filter meet:
 * pixel i with filter i, of halves turned by two pairs or back to front with i ^ 2, i ^ 3 and i ^ 1, then the same with the filters' halves exchanged. */
TP_INLINE void tp_eight_by_eight(const int8_t *x, const int8_t *w, int32_t *sums, int32_t steps)
{
    __asm__ volatile(
        TP_NONE(16, 17) TP_NONE(18, 19) TP_NONE(20, 21) TP_NONE(22, 23) TP_NONE(24, 25) TP_NONE(26, 27) TP_NONE(28, 29) TP_NONE(30, 31)
        "1:\n"
        "ldr q0, [%[x]], #16\n ldr q4, [%[w]], #16\n ldr q1, [%[x]], #16\n ldr q5, [%[w]], #16\n"
        "subs %w[left], %w[left], #1\n"
        TP_FIRST(8, 9, 0, 4) "rev64 v2.4s, v0.4s\n rev64 v6.8h, v4.8h\n"
        TP_FIRST(10, 11, 2, 4) TP_FIRST(12, 13, 0, 6) "rev64 v3.4s, v1.4s\n rev64 v7.8h, v5.8h\n"
        TP_FIRST(14, 15, 2, 6) TP_SECOND(8, 9, 1, 5) TP_SECOND(10, 11, 3, 5) "ext v4.16b, v4.16b, v4.16b, #8\n"
        TP_SECOND(12, 13, 1, 7) TP_SECOND(14, 15, 3, 7) "ext v6.16b, v6.16b, v6.16b, #8\n"
        TP_WIDEN(16, 8) TP_WIDEN(17, 9) "ext v5.16b, v5.16b, v5.16b, #8\n" TP_WIDEN(18, 10) TP_WIDEN(19, 11) "ext v7.16b, v7.16b, v7.16b, #8\n"
        TP_FIRST(8, 9, 0, 4) TP_WIDEN(20, 12) TP_WIDEN(21, 13) TP_FIRST(10, 11, 2, 4) TP_WIDEN(22, 14) TP_WIDEN(23, 15)
        TP_FIRST(12, 13, 0, 6) TP_FIRST(14, 15, 2, 6) TP_SECOND(8, 9, 1, 5) TP_SECOND(10, 11, 3, 5) TP_SECOND(12, 13, 1, 7) TP_SECOND(14, 15, 3, 7)
        TP_WIDEN(24, 8) TP_WIDEN(25, 9) TP_WIDEN(26, 10) TP_WIDEN(27, 11) TP_WIDEN(28, 12) TP_WIDEN(29, 13) TP_WIDEN(30, 14) TP_WIDEN(31, 15)
        "b.ne 1b\n"
        "stp q16, q17, [%[to]]\n stp q18, q19, [%[to], #32]\n stp q20, q21, [%[to], #64]\n stp q22, q23, [%[to], #96]\n"
        "stp q24, q25, [%[to], #128]\n stp q26, q27, [%[to], #160]\n stp q28, q29, [%[to], #192]\n stp q30, q31, [%[to], #224]\n"
        : [x] "+r"(x), [w] "+r"(w), [left] "+r"(steps)
        : [to] "r"(sums)
        : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "cc", "memory");
}

TP_INLINE int32x4_t tp_back_to_front(int32x4_t v)
{
    const int32x4_t pairs = vrev64q_s32(v);
    return vextq_s32(pairs, pairs, 2);
}

/* Four pixels by four filters from the lanes where they met to [pixel][eight filters]. */
TP_INLINE void tp_quarter(const int32_t *sums, int32_t *rows)
{
    const uint32x4_t even = vreinterpretq_u32_u64(vdupq_n_u64(0xffffffffu));
    const int32x4_t a = vld1q_s32(sums), b = vld1q_s32(sums + 8), c = tp_back_to_front(vld1q_s32(sums + 16)), d = tp_back_to_front(vld1q_s32(sums + 24));
    const int32x4_t near0 = vbslq_s32(even, a, d), near1 = vbslq_s32(even, d, a), far0 = vbslq_s32(even, b, c), far1 = vbslq_s32(even, c, b);
    vst1q_s32(rows, vcombine_s32(vget_low_s32(near0), vget_high_s32(far0)));
    vst1q_s32(rows + 8, vcombine_s32(vget_low_s32(near1), vget_high_s32(far1)));
    vst1q_s32(rows + 16, vcombine_s32(vget_low_s32(far0), vget_high_s32(near0)));
    vst1q_s32(rows + 24, vcombine_s32(vget_low_s32(far1), vget_high_s32(near1)));
}

/* All filters by all pixels: eight filters stay in the first cache while the panels go by. */
TP_INLINE void tp_all_eights(const int8_t *panel, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, int32_t *map, const tp_quant *q, int32_t pixels, int32_t steps, int32_t oc)
{
    int32_t *to = map;
    for (int32_t o = 0; o < oc; o += 8, weight += 32 * steps) {
        const int8_t *from = panel;
        for (int32_t left = pixels; left > 0; left -= 8, from += 32 * steps, to += 64) {
            int32_t sums[64];
            tp_eight_by_eight(from, weight, sums, steps);
            tp_quarter(sums, to);
            tp_quarter(sums + 4, to + 36);
            tp_quarter(sums + 32, to + 4);
            tp_quarter(sums + 36, to + 32);
        }
    }
    tp_codes_of_map(map, bias, factor, y, q, pixels, (pixels + 7) & ~7, oc);
}

/* Panels of eight pixels from eight rows of terms, a multiple of eight. */
TP_INLINE void tp_pack_eight(const int8_t *const at[8], int8_t *panel, int32_t terms)
{
    for (int32_t k = 0; k < terms; k += 8, panel += 64) {
        uint16x8_t row[4];
#pragma GCC unroll 4
        for (int32_t i = 0; i < 4; i++) row[i] = vreinterpretq_u16_s8(vcombine_s8(vld1_s8(at[i] + k), vld1_s8(at[i + 4] + k)));
        const uint32x4_t even0 = vreinterpretq_u32_u16(vtrn1q_u16(row[0], row[1])), odd0 = vreinterpretq_u32_u16(vtrn2q_u16(row[0], row[1]));
        const uint32x4_t even1 = vreinterpretq_u32_u16(vtrn1q_u16(row[2], row[3])), odd1 = vreinterpretq_u32_u16(vtrn2q_u16(row[2], row[3]));
        vst1q_s8(panel, vreinterpretq_s8_u32(vtrn1q_u32(even0, even1)));
        vst1q_s8(panel + 16, vreinterpretq_s8_u32(vtrn1q_u32(odd0, odd1)));
        vst1q_s8(panel + 32, vreinterpretq_s8_u32(vtrn2q_u32(even0, even1)));
        vst1q_s8(panel + 48, vreinterpretq_s8_u32(vtrn2q_u32(odd0, odd1)));
    }
}

static __attribute__((noinline)) void tp_patch_i8(const int8_t *x, int8_t *to, int32_t zero, const tp_conv *s, int32_t pixel)
{
    const int32_t oy = pixel / s->ow, ox = pixel - oy * s->ow;
    for (int32_t ky = 0; ky < s->kh; ky++)
        for (int32_t kx = 0; kx < s->kw; kx++) {
            const int32_t at_y = oy * s->stride + ky - s->pad_top, at_x = ox * s->stride + kx - s->pad_left;
            const int8_t *from = x + (at_y * s->iw + at_x) * s->ic;
            if ((uint32_t)at_y < (uint32_t)s->ih && (uint32_t)at_x < (uint32_t)s->iw)
                for (int32_t c = 0; c < s->ic; c++) *to++ = *from++;
            else
                for (int32_t c = 0; c < s->ic; c++) *to++ = (int8_t)zero;
        }
}

void tp_gemm_conv_8_i8(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, int8_t *restrict rows, int8_t *restrict panel, int32_t *restrict map, const tp_quant *restrict q, const tp_conv *restrict s)
{
    const int32_t terms = s->kh * s->kw * s->ic, whole = (terms + 7) & ~7, pixels = s->oh * s->ow;
    const int8_t *at[8];
    for (int32_t i = 0; i < 8; i++) {
        at[i] = rows + i * whole;
        for (int32_t k = terms; k < whole; k++) rows[i * whole + k] = 0;
    }
    int8_t *to = panel;
    for (int32_t first = 0; first < pixels; first += 8, to += 8 * whole) {
        const int32_t live = tp_min(8, pixels - first);
        for (int32_t i = 0; i < live; i++) tp_patch_i8(x, rows + i * whole, q->input_zero, s, first + i);
        tp_pack_eight(at, to, whole);
    }
    tp_all_eights(panel, weight, bias, factor, y, map, q, pixels, whole >> 2, s->oc);
}

void tp_gemm_conv_1x1_i8(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, int8_t *restrict panel, int32_t *restrict map, const tp_quant *restrict q, const tp_conv *restrict s)
{
    const int32_t pixels = s->oh * s->ow, ic = s->ic;
    int8_t *to = panel;
    for (int32_t first = 0; first < pixels; first += 8, to += 8 * ic) {
        const int8_t *at[8];
#pragma GCC unroll 1
        for (int32_t i = 0; i < 8; i++) {
            const int32_t pixel = tp_min(first + i, pixels - 1), oy = pixel / s->ow, ox = pixel - oy * s->ow;
            at[i] = x + (oy * s->iw + ox) * s->stride * ic;
        }
        tp_pack_eight(at, to, ic);
    }
    tp_all_eights(panel, weight, bias, factor, y, map, q, pixels, ic >> 2, s->oc);
}

/* The map within a border of its zero, channels a multiple of eight: what lies between two rows is one gap. */
TP_INLINE void tp_border_i8(const int8_t *x, int8_t *to, int32_t zero, const tp_conv *s, int32_t height, int32_t width)
{
    const int8x8_t none = vdup_n_s8((int8_t)zero);
    const int32_t row = s->iw * s->ic, below = (height - s->pad_top - s->ih) * width + width - s->pad_left - s->iw;
    int32_t gap = (s->pad_top * width + s->pad_left) * s->ic;
    for (int32_t rows = s->ih;; rows--) {
        for (int32_t left = gap; left > 0; left -= 8, to += 8) vst1_s8(to, none);
        if (rows == 0) break;
        for (int32_t left = row; left > 0; left -= 8, x += 8, to += 8) vst1_s8(to, vld1_s8(x));
        gap = (rows > 1 ? width - s->iw : below) * s->ic;
    }
}

/* Six points of a line of a tile to the points 0, 1, -1, 2, -2 and infinity. */
TP_INLINE void tp_six_in(const int16x8_t d[6], int16_t *to, int32_t apart)
{
    const int16x8_t a = vsubq_s16(d[4], vshlq_n_s16(d[2], 2)), b = vsubq_s16(d[3], vshlq_n_s16(d[1], 2));
    const int16x8_t c = vsubq_s16(d[4], d[2]), e = vshlq_n_s16(vsubq_s16(d[3], d[1]), 1);
    vst1q_s16(to, vmlsq_n_s16(vaddq_s16(vshlq_n_s16(d[0], 2), d[4]), d[2], 5));
    vst1q_s16(to + apart, vaddq_s16(a, b));
    vst1q_s16(to + 2 * apart, vsubq_s16(a, b));
    vst1q_s16(to + 3 * apart, vaddq_s16(c, e));
    vst1q_s16(to + 4 * apart, vsubq_s16(c, e));
    vst1q_s16(to + 5 * apart, vmlsq_n_s16(vaddq_s16(vshlq_n_s16(d[1], 2), d[5]), d[3], 5));
}

/* Products at the six points to four outputs, 24 times too large. */
TP_INLINE void tp_four_out(const int32x4_t m[6], int32_t *to, int32_t apart)
{
    const int32x4_t sum1 = vaddq_s32(m[1], m[2]), dif1 = vsubq_s32(m[1], m[2]), sum2 = vaddq_s32(m[3], m[4]), dif2 = vsubq_s32(m[3], m[4]);
    vst1q_s32(to, vaddq_s32(vaddq_s32(m[0], sum1), sum2));
    vst1q_s32(to + apart, vaddq_s32(dif1, vshlq_n_s32(dif2, 1)));
    vst1q_s32(to + 2 * apart, vaddq_s32(sum1, vshlq_n_s32(sum2, 2)));
    vst1q_s32(to + 3 * apart, vaddq_s32(vaddq_s32(dif1, vshlq_n_s32(dif2, 3)), vshlq_n_s32(m[5], 2)));
}

/* [eight tiles][channel] to [channel][eight tiles], channels a multiple of eight. */
TP_INLINE void tp_turn_eight(const int16_t *x, int16_t *to, int32_t channels)
{
    for (int32_t k = 0; k < channels; k += 8, to += 64) {
        int16x8_t half[8];
#pragma GCC unroll 4
        for (int32_t i = 0; i < 4; i++) {
            const int16x8_t a = vld1q_s16(x + 2 * i * channels + k), b = vld1q_s16(x + (2 * i + 1) * channels + k);
            half[i] = vtrn1q_s16(a, b);
            half[4 + i] = vtrn2q_s16(a, b);
        }
#pragma GCC unroll 2
        for (int32_t odd = 0; odd < 2; odd++) {
            const int32x4_t a = vreinterpretq_s32_s16(half[4 * odd]), b = vreinterpretq_s32_s16(half[4 * odd + 1]), c = vreinterpretq_s32_s16(half[4 * odd + 2]), d = vreinterpretq_s32_s16(half[4 * odd + 3]);
            const int64x2_t ab = vreinterpretq_s64_s32(vtrn1q_s32(a, b)), cd = vreinterpretq_s64_s32(vtrn1q_s32(c, d));
            const int64x2_t ab2 = vreinterpretq_s64_s32(vtrn2q_s32(a, b)), cd2 = vreinterpretq_s64_s32(vtrn2q_s32(c, d));
            vst1q_s16(to + 8 * odd, vreinterpretq_s16_s64(vtrn1q_s64(ab, cd)));
            vst1q_s16(to + 8 * (odd + 2), vreinterpretq_s16_s64(vtrn1q_s64(ab2, cd2)));
            vst1q_s16(to + 8 * (odd + 4), vreinterpretq_s16_s64(vtrn2q_s64(ab, cd)));
            vst1q_s16(to + 8 * (odd + 6), vreinterpretq_s16_s64(vtrn2q_s64(ab2, cd2)));
        }
    }
}

#define TP_LANE(t) \
    low[t] = vmlal_laneq_s16(low[t], vget_low_s16(w), d, t); \
    high[t] = vmlal_high_laneq_s16(high[t], w, d, t)

/* Eight tiles by eight filters at one point; the next term's operands are fetched before this one's products. */
TP_INLINE void tp_point(const int16_t *tile, const int16_t *weight, int32_t *to, int32_t channels)
{
    int32x4_t low[8], high[8];
    int16x8_t d = vld1q_s16(tile), w = vld1q_s16(weight);
#pragma GCC unroll 8
    for (int32_t t = 0; t < 8; t++) low[t] = high[t] = vdupq_n_s32(0);
    for (int32_t left = channels; left > 0; left--) {
        tile += 8;
        weight += 8;
        const int16x8_t next = vld1q_s16(tile), next_w = vld1q_s16(weight);
        TP_LANE(0);
        TP_LANE(1);
        TP_LANE(2);
        TP_LANE(3);
        TP_LANE(4);
        TP_LANE(5);
        TP_LANE(6);
        TP_LANE(7);
        d = next;
        w = next_w;
    }
#pragma GCC unroll 8
    for (int32_t t = 0; t < 8; t++) {
        vst1q_s32(to + 8 * t, low[t]);
        vst1q_s32(to + 8 * t + 4, high[t]);
    }
}

void tp_gemm_winograd_i8(const int8_t *restrict x, const int16_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, int8_t *restrict border, int16_t *restrict points, int16_t *restrict panel, int32_t *restrict product, int32_t *restrict map, const tp_quant *restrict q, const tp_conv *restrict s)
{
    const int32_t down = (s->oh + 3) >> 2, across = (s->ow + 3) >> 2, width = 4 * across + 2, tiles = down * across, blocks = (tiles + 7) >> 3, ic = s->ic, oc = s->oc;
    const int32_t apart = 8 * blocks * ic, apart_out = 8 * blocks * oc;
    tp_border_i8(x, border, q->input_zero, s, 4 * down + 2, width);
    for (int32_t ty = 0; ty < down; ty++)
        for (int32_t tx = 0; tx < across; tx++)
            for (int32_t c = 0; c < ic; c += 8) {
                const int8_t *from = border + (4 * ty * width + 4 * tx) * ic + c;
                int16_t *to = points + (ty * across + tx) * ic + c, half[6][6][8];
                int16x8_t d[6];
                for (int32_t i = 0; i < 6; i++) {
#pragma GCC unroll 6
                    for (int32_t k = 0; k < 6; k++) d[k] = vmovl_s8(vld1_s8(from + (i * width + k) * ic));
                    tp_six_in(d, half[0][i], 48);
                }
                for (int32_t i = 0; i < 6; i++) {
#pragma GCC unroll 6
                    for (int32_t k = 0; k < 6; k++) d[k] = vld1q_s16(half[i][k]);
                    tp_six_in(d, to + i * apart, 6 * apart);
                }
            }
    for (int32_t r = 0; r < 36; r++) {
        for (int32_t b = 0; b < blocks; b++) tp_turn_eight(points + r * apart + 8 * b * ic, panel + 8 * b * ic, ic);
        int32_t *to = product + r * apart_out;
        for (int32_t o = 0; o < oc; o += 8, weight += 8 * ic, to += 64)
            for (int32_t b = 0; b < blocks; b++) tp_point(panel + 8 * b * ic, weight, to + 8 * b * oc, ic);
    }
    for (int32_t o = 0; o < oc; o += 8)
        for (int32_t ty = 0; ty < down; ty++)
            for (int32_t tx = 0; tx < across; tx++) {
                const int32_t t = ty * across + tx;
                const int32_t *from = product + 8 * (t >> 3) * oc + 8 * o + 8 * (t & 7);
                int32_t half[4][6][8], square[4][4][8];
                int32x4_t m[6];
                for (int32_t i = 0; i < 12; i++) {
#pragma GCC unroll 6
                    for (int32_t k = 0; k < 6; k++) m[k] = vld1q_s32(from + ((i >> 1) + 6 * k) * apart_out + 4 * (i & 1));
                    tp_four_out(m, half[0][i >> 1] + 4 * (i & 1), 48);
                }
                for (int32_t i = 0; i < 8; i++) {
#pragma GCC unroll 6
                    for (int32_t k = 0; k < 6; k++) m[k] = vld1q_s32(half[i >> 1][k] + 4 * (i & 1));
                    tp_four_out(m, square[i >> 1][0] + 4 * (i & 1), 8);
                }
                const int32_t rows = tp_min(4, s->oh - 4 * ty), columns = tp_min(4, s->ow - 4 * tx);
                for (int32_t i = 0; i < rows; i++) {
                    int32_t *to = map + o * s->oh * s->ow + 8 * ((4 * ty + i) * s->ow + 4 * tx);
                    for (int32_t k = 0; k < columns; k++, to += 8) {
                        vst1q_s32(to, vcvtnq_s32_f32(vmulq_n_f32(vcvtq_f32_s32(vld1q_s32(square[i][k])), 1.0f / 576.0f)));
                        vst1q_s32(to + 4, vcvtnq_s32_f32(vmulq_n_f32(vcvtq_f32_s32(vld1q_s32(square[i][k] + 4)), 1.0f / 576.0f)));
                    }
                }
            }
    tp_codes_of_map(map, bias, factor, y, q, s->oh * s->ow, s->oh * s->ow, oc);
}

/* Eight channels, 3 x 3 taps held in registers; sums of two products fit 16 bits where no weight is -128. */
TP_INLINE void tp_depthwise_nine_i8(const int8_t *x, const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, int8_t *border, int32_t *map, const tp_quant *q, const tp_conv *s, const int32_t stride)
{
    const int32_t channels = s->ic, height = tp_max(stride * (s->oh - 1) + 3, s->ih + s->pad_top), width = tp_max(stride * (s->ow - 1) + 3, s->iw + s->pad_left);
    tp_border_i8(x, border, q->input_zero, s, height, width);
    int32_t *to = map;
    for (int32_t c = 0; c < channels; c += 8) {
        int8x8_t w[9];
#pragma GCC unroll 9
        for (int32_t t = 0; t < 9; t++) w[t] = vld1_s8(weight + t * channels + c);
        for (int32_t oy = 0; oy < s->oh; oy++) {
            const int8_t *from = border + oy * stride * width * channels + c;
            for (int32_t ox = 0; ox < s->ow; ox++, from += stride * channels, to += 8) {
                int16x8_t pair[5];
#pragma GCC unroll 5
                for (int32_t t = 0; t < 5; t++) pair[t] = vmull_s8(vld1_s8(from + (2 * t / 3 * width + 2 * t % 3) * channels), w[2 * t]);
#pragma GCC unroll 4
                for (int32_t t = 0; t < 4; t++) pair[t] = vmlal_s8(pair[t], vld1_s8(from + ((2 * t + 1) / 3 * width + (2 * t + 1) % 3) * channels), w[2 * t + 1]);
                int32x4_t low = vaddl_s16(vget_low_s16(pair[0]), vget_low_s16(pair[1])), high = vaddl_high_s16(pair[0], pair[1]);
#pragma GCC unroll 3
                for (int32_t t = 2; t < 5; t++) {
                    low = vaddw_s16(low, vget_low_s16(pair[t]));
                    high = vaddw_high_s16(high, pair[t]);
                }
                vst1q_s32(to, low);
                vst1q_s32(to + 4, high);
            }
        }
    }
    tp_codes_of_map(map, bias, factor, y, q, s->oh * s->ow, s->oh * s->ow, channels);
}

void tp_gemm_depthwise_3x3_i8(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, int8_t *restrict border, int32_t *restrict map, const tp_quant *restrict q, const tp_conv *restrict s)
{
    tp_depthwise_nine_i8(x, weight, bias, factor, y, border, map, q, s, 1);
}

void tp_gemm_depthwise_3x3s2_i8(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, int8_t *restrict border, int32_t *restrict map, const tp_quant *restrict q, const tp_conv *restrict s)
{
    tp_depthwise_nine_i8(x, weight, bias, factor, y, border, map, q, s, 2);
}

/* Codes of one or four patches under one or four filters. */
TP_INLINE void tp_tile(const int8_t *w, const int8_t *patch, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, int32_t oc, int32_t terms, const int32_t filters, const int32_t patches)
{
    int32x4_t lanes[16];
    int32_t sum[16];
#pragma GCC unroll 16
    for (int32_t i = 0; i < filters * patches; i++) lanes[i] = vdupq_n_s32(0);
    for (int32_t left = terms >> 4; left > 0; left--, w += 16, patch += 16) {
#pragma GCC unroll 4
        for (int32_t f = 0; f < filters; f++) {
            const int8x16_t a = vld1q_s8(w + f * terms);
#pragma GCC unroll 4
            for (int32_t p = 0; p < patches; p++) {
                const int8x16_t b = vld1q_s8(patch + p * terms);
                lanes[f * patches + p] = vpadalq_s16(lanes[f * patches + p], vmlal_high_s8(vmull_s8(vget_low_s8(a), vget_low_s8(b)), a, b));
            }
        }
    }
#pragma GCC unroll 16
    for (int32_t i = 0; i < filters * patches; i++) sum[i] = vaddvq_s32(lanes[i]);
    for (int32_t left = terms & 15; left > 0; left--, w++, patch++)
#pragma GCC unroll 4
        for (int32_t f = 0; f < filters; f++)
#pragma GCC unroll 4
            for (int32_t p = 0; p < patches; p++) sum[f * patches + p] += w[f * terms] * patch[p * terms];
#pragma GCC unroll 4
    for (int32_t f = 0; f < filters; f++)
#pragma GCC unroll 4
        for (int32_t p = 0; p < patches; p++) y[p * oc + f] = tp_code(sum[f * patches + p] + bias[f], &factor[f], q);
}

void tp_gemm_conv_i8(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, int8_t *restrict patch, const tp_quant *restrict q, const tp_conv *restrict s)
{
    const int32_t oc = s->oc, terms = s->kh * s->kw * s->ic, pixels = s->oh * s->ow;
    int32_t first = 0;
    for (; first <= pixels - 4; first += 4, y += 4 * oc) {
        for (int32_t p = 0; p < 4; p++) tp_patch_i8(x, patch + p * terms, q->input_zero, s, first + p);
        int32_t o = 0;
        for (; o <= oc - 4; o += 4) tp_tile(weight + o * terms, patch, bias + o, factor + o, y + o, q, oc, terms, 4, 4);
        for (; o < oc; o++) tp_tile(weight + o * terms, patch, bias + o, factor + o, y + o, q, oc, terms, 1, 4);
    }
    for (; first < pixels; first++, y += oc) {
        tp_patch_i8(x, patch, q->input_zero, s, first);
        int32_t o = 0;
        for (; o <= oc - 4; o += 4) tp_tile(weight + o * terms, patch, bias + o, factor + o, y + o, q, oc, terms, 4, 1);
        for (; o < oc; o++) tp_tile(weight + o * terms, patch, bias + o, factor + o, y + o, q, oc, terms, 1, 1);
    }
}

void tp_gemm_depthwise_i8(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, const tp_quant *restrict q, const tp_conv *restrict s)
{
    const int32_t channels = s->ic;
    const int16x8_t zero = vdupq_n_s16((int16_t)q->input_zero);
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const tp_span v = tp_inside(oy, s->stride, s->pad_top, s->kh, s->ih);
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const tp_span h = tp_inside(ox, s->stride, s->pad_left, s->kw, s->iw);
            int32_t c = 0;
            for (; c <= channels - 8; c += 8) {
                const int8_t *row = x + (v.at * s->iw + h.at) * channels + c, *taps = weight + (v.begin * s->kw + h.begin) * channels + c;
                int32x4_t low = vld1q_s32(bias + c), high = vld1q_s32(bias + c + 4);
                for (int32_t ky = v.begin; ky < v.end; ky++, row += s->iw * channels, taps += s->kw * channels) {
                    const int8_t *from = row, *by = taps;
                    for (int32_t kx = h.begin; kx < h.end; kx++, from += channels, by += channels) {
                        const int16x8_t p = vsubq_s16(vmovl_s8(vld1_s8(from)), zero), w = vmovl_s8(vld1_s8(by));
                        low = vmlal_s16(low, vget_low_s16(p), vget_low_s16(w));
                        high = vmlal_high_s16(high, p, w);
                    }
                }
                int32_t sum[8];
                vst1q_s32(sum, low);
                vst1q_s32(sum + 4, high);
                for (int32_t i = 0; i < 8; i++) *y++ = tp_code(sum[i], &factor[c + i], q);
            }
            for (; c < channels; c++) {
                const int8_t *row = x + (v.at * s->iw + h.at) * channels + c, *taps = weight + (v.begin * s->kw + h.begin) * channels + c;
                int32_t sum = bias[c];
                for (int32_t ky = v.begin; ky < v.end; ky++, row += s->iw * channels, taps += s->kw * channels) {
                    const int8_t *from = row, *by = taps;
                    for (int32_t kx = h.begin; kx < h.end; kx++, from += channels, by += channels) sum += *by * (*from - q->input_zero);
                }
                *y++ = tp_code(sum, &factor[c], q);
            }
        }
    }
}
#endif
