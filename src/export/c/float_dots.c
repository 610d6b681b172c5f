/* Single precision on a microcontroller's float unit: dot products four in a row, one output at a time (the published headers of X-CUBE-AI 3 to 5),
 * weights of eight bits that choose among 256 values (its compression by four), or two filters a pass over one patch (TinyMaix's float layers). Compilers
 * fuse products with their sums unless told not to. Empty without a fused product. */
#include "classes.h"
#include "window.h"

#if defined(__ARM_FEATURE_FMA)
#define TP_FMA(k) sum = __builtin_fmaf(w[k], x[k], sum)

TP_INLINE float tp_dot_f32(const float *w, const float *x, int32_t n)
{
    float sum = 0.0f;
    for (; n >= 4; n -= 4, w += 4, x += 4) {
        TP_FMA(0);
        TP_FMA(1);
        TP_FMA(2);
        TP_FMA(3);
    }
    for (; n > 0; n--, w++, x++) TP_FMA(0);
    return sum;
}

/* A dot product over the taps and channels of each row of a window, added to the output where it lies. */
void tp_dots_conv_f32(const float *x, const float *weight, const float *bias, float *y, const tp_conv *s)
{
    const int32_t ic = s->ic, run = s->kw * ic;
    for (int32_t oy = 0; oy < s->oh; oy++)
        for (int32_t ox = 0; ox < s->ow; ox++)
            for (int32_t o = 0; o < s->oc; o++, y++) {
                const float *from = x + (oy * s->iw + ox) * s->stride * ic, *row = weight + o * s->kh * run;
                *y = bias[o];
                for (int32_t ky = 0; ky < s->kh; ky++, from += s->iw * ic, row += run) *y += tp_dot_f32(row, from, run);
            }
}

/* Rows that the map's border cuts have one for each tap. */
void tp_dots_conv_padded_f32(const float *x, const float *weight, const float *bias, float *y, const tp_conv *s)
{
    const int32_t ic = s->ic;
    for (int32_t oy = 0; oy < s->oh; oy++) {
        const tp_span v = tp_inside(oy, s->stride, s->pad_top, s->kh, s->ih);
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const tp_span h = tp_inside(ox, s->stride, s->pad_left, s->kw, s->iw);
            const uint32_t cut = tp_mask((uint32_t)(h.end - h.begin < s->kw));
            const int32_t taps = tp_choose(cut, h.end - h.begin, 1), run = tp_choose(cut, ic, s->kw * ic);
            for (int32_t o = 0; o < s->oc; o++, y++) {
                const float *from = x + (v.at * s->iw + h.at) * ic, *row = weight + ((o * s->kh + v.begin) * s->kw + h.begin) * ic;
                *y = bias[o];
                for (int32_t ky = v.begin; ky < v.end; ky++, from += s->iw * ic, row += s->kw * ic)
                    for (int32_t t = 0; t < taps; t++) {
                        *y += tp_dot_f32(row + t * ic, from + t * ic, run);
                        /* One end for runs with and without a rest. */
                        __asm__ goto("" : : : : next);
                    next:;
                    }
            }
        }
    }
}

void tp_dots_dense_f32(const float *x, const float *weight, const float *bias, float *y, int32_t rows, int32_t columns)
{
    for (int32_t r = 0; r < rows; r++, weight += columns) y[r] = bias[r] + tp_dot_f32(weight, x, columns);
}

/* What meets one of the 256 values is added up first; a product for each value follows. */
void tp_bins_dense_f32(const float *x, const uint8_t *weight, const float *values, const float *bias, float *y, float *bins, int32_t rows, int32_t columns)
{
    for (int32_t r = 0; r < rows; r++) {
        for (int32_t k = 0; k < 256; k += 4) bins[k] = bins[k + 1] = bins[k + 2] = bins[k + 3] = 0.0f;
        int32_t c = 0;
        for (; c <= columns - 4; c += 4, weight += 4) {
            bins[weight[0]] += x[c];
            bins[weight[1]] += x[c + 1];
            bins[weight[2]] += x[c + 2];
            bins[weight[3]] += x[c + 3];
        }
        for (; c < columns; c++) bins[*weight++] += x[c];
        y[r] = bias[r] + tp_dot_f32(values, bins, 256);
    }
}

#define TP_FMA_2(k) sum = __builtin_fmaf(w[k], x[k], sum), sum2 = __builtin_fmaf(w2[k], x[k], sum2)

/* One patch by all filters, two at a time. */
TP_INLINE float *tp_pairs(const float *patch, const float *weight, const float *bias, float *y, int32_t filters, int32_t terms)
{
    int32_t o = 0;
    for (; o < filters - 1; o += 2, weight += 2 * terms) {
        const float *x = patch, *w = weight, *w2 = weight + terms;
        float sum = 0.0f, sum2 = 0.0f;
        int32_t n = terms;
        for (; n >= 4; n -= 4, x += 4, w += 4, w2 += 4) {
            TP_FMA_2(0);
            TP_FMA_2(1);
            TP_FMA_2(2);
            TP_FMA_2(3);
        }
        for (; n > 0; n--, x++, w++, w2++) TP_FMA_2(0);
        *y++ = sum + bias[o];
        *y++ = sum2 + bias[o + 1];
    }
    if (o < filters) *y++ = tp_dot_f32(weight, patch, terms) + bias[o];
    return y;
}

void tp_pairs_conv_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, float *restrict patch, const tp_conv *restrict s)
{
    const int32_t ic = s->ic, terms = s->kh * s->kw * ic;
    for (int32_t oy = 0; oy < s->oh; oy++)
        for (int32_t ox = 0; ox < s->ow; ox++) {
            float *to = patch;
            for (int32_t ky = 0; ky < s->kh; ky++)
                for (int32_t kx = 0; kx < s->kw; kx++) {
                    const int32_t at_y = oy * s->stride + ky - s->pad_top, at_x = ox * s->stride + kx - s->pad_left;
                    const float *from = x + (at_y * s->iw + at_x) * ic;
                    if ((uint32_t)at_y < (uint32_t)s->ih && (uint32_t)at_x < (uint32_t)s->iw)
                        for (int32_t c = 0; c < ic; c++) *to++ = *from++;
                    else
                        for (int32_t c = 0; c < ic; c++) *to++ = 0.0f;
                }
            y = tp_pairs(patch, weight, bias, y, s->oc, terms);
        }
}

void tp_pairs_pointwise_f32(const float *restrict x, const float *restrict weight, const float *restrict bias, float *restrict y, const tp_conv *restrict s)
{
    for (int32_t oy = 0; oy < s->oh; oy++)
        for (int32_t ox = 0; ox < s->ow; ox++) y = tp_pairs(x + (oy * s->stride * s->iw + ox * s->stride) * s->ic, weight, bias, y, s->oc, s->ic);
}
#endif
