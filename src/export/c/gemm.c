/* Matrix products on NEON without dot-product instructions: patches gathered into panels, blocks of sums held in registers. Empty elsewhere. */
#include "classes.h"
#include "int8.h"
#include "window.h"

#if defined(__ARM_NEON)
#include <arm_neon.h>

/* Patches of up to eight pixels from `first` on, term by term; zeros for taps outside, anything for pixels that are not there. */
TP_INLINE void tp_panel(const float *x, float *panel, const tp_conv *s, int32_t first, int32_t count)
{
    for (int32_t p = 0; p < count; p++) {
        const int32_t pixel = first + p, oy = pixel / s->ow, ox = pixel - oy * s->ow;
        float *to = panel + p;
        for (int32_t ky = 0; ky < s->kh; ky++)
            for (int32_t kx = 0; kx < s->kw; kx++) {
                const int32_t at_y = oy * s->stride + ky - s->pad_top, at_x = ox * s->stride + kx - s->pad_left;
                const float *from = x + (at_y * s->iw + at_x) * s->ic;
                if ((uint32_t)at_y < (uint32_t)s->ih && (uint32_t)at_x < (uint32_t)s->iw)
                    for (int32_t c = 0; c < s->ic; c++, to += 8) *to = *from++;
                else
                    for (int32_t c = 0; c < s->ic; c++, to += 8) *to = 0.0f;
            }
    }
}

#define TP_ROW(lanes, p, v, lane) \
    lanes[2 * (p)] = vfmaq_laneq_f32(lanes[2 * (p)], w0, v, lane); \
    lanes[2 * (p) + 1] = vfmaq_laneq_f32(lanes[2 * (p) + 1], w1, v, lane)

/* Eight filters by eight pixels. */
TP_INLINE void tp_eight(const float *panel, const float *w, const float *bias, float *y, int32_t terms, int32_t oc, int32_t count)
{
    float32x4_t sum[16];
#pragma GCC unroll 16
    for (int32_t i = 0; i < 16; i++) sum[i] = vdupq_n_f32(0.0f);
    for (int32_t left = terms; left > 0; left--, panel += 8, w += 8) {
        const float32x4_t w0 = vld1q_f32(w), w1 = vld1q_f32(w + 4), a = vld1q_f32(panel), b = vld1q_f32(panel + 4);
        TP_ROW(sum, 0, a, 0);
        TP_ROW(sum, 1, a, 1);
        TP_ROW(sum, 2, a, 2);
        TP_ROW(sum, 3, a, 3);
        TP_ROW(sum, 4, b, 0);
        TP_ROW(sum, 5, b, 1);
        TP_ROW(sum, 6, b, 2);
        TP_ROW(sum, 7, b, 3);
    }
    const float32x4_t b0 = vld1q_f32(bias), b1 = vld1q_f32(bias + 4);
#pragma GCC unroll 8
    for (int32_t p = 0; p < 8; p++)
        if (p < count) {
            vst1q_f32(y + p * oc, vaddq_f32(sum[2 * p], b0));
            vst1q_f32(y + p * oc + 4, vaddq_f32(sum[2 * p + 1], b1));
        }
}

/* One filter by eight pixels. */
TP_INLINE void tp_single(const float *panel, const float *w, float bias, float *y, int32_t terms, int32_t oc, int32_t count)
{
    float32x4_t first = vdupq_n_f32(0.0f), second = first;
    for (int32_t left = terms; left > 0; left--, panel += 8, w++) {
        const float32x4_t by = vdupq_n_f32(*w);
        first = vfmaq_f32(first, by, vld1q_f32(panel));
        second = vfmaq_f32(second, by, vld1q_f32(panel + 4));
    }
    float row[8];
    vst1q_f32(row, vaddq_f32(first, vdupq_n_f32(bias)));
    vst1q_f32(row + 4, vaddq_f32(second, vdupq_n_f32(bias)));
    for (int32_t p = 0; p < count; p++) y[p * oc] = row[p];
}

void tp_gemm_conv_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, float *restrict panel, const tp_conv *restrict s)
{
    const int32_t oc = s->oc, terms = s->kh * s->kw * s->ic, pixels = s->oh * s->ow;
    for (int32_t first = 0; first < pixels; first += 8) {
        const int32_t count = tp_min(8, pixels - first);
        const float *w = weight;
        float *to = y + first * oc;
        int32_t o = 0;
        tp_panel(x, panel, s, first, count);
        for (; o <= oc - 8; o += 8, w += 8 * terms) tp_eight(panel, w, bias + o, to + o, terms, oc, count);
        for (; o < oc; o++, w += terms) tp_single(panel, w, bias[o], to + o, terms, oc, count);
    }
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
