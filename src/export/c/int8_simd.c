/* 8-bit convolution and dense layers on cores with products of several lanes: SMLAD on Cortex-M4 and M7, NEON on Cortex-A53.
 *
 * A pixel's patch is gathered (im2col) and all filters read it in one run. Empty on cores that have neither. */
#include "int8.h"
#include "smlad.h"
#include "window.h"

#if defined(__ARM_FEATURE_DSP)
/* rows x columns sums (each 1 or 2, known to the compiler) over `terms` products. */
TP_INLINE void tp_block(const int8_t *w, int32_t pitch, const int16_t *col, int32_t terms, int32_t sum[4], const int32_t rows, const int32_t columns)
{
    const int16_t *col2 = col + terms;
    const int8_t *w2 = w + pitch;
    for (int32_t left = terms >> 2; left > 0; left--, w += 4, w2 += 4, col += 4, col2 += 4) {
        int32_t a, b, c = 0, d = 0;
        tp_widen(w, &a, &b);
        if (rows == 2) tp_widen(w2, &c, &d);
        const int32_t p = tp_pair(col), q = tp_pair(col + 2);
        sum[0] = __smlad(b, q, __smlad(a, p, sum[0]));
        if (rows == 2) sum[1] = __smlad(d, q, __smlad(c, p, sum[1]));
        if (columns == 2) {
            const int32_t r = tp_pair(col2), s = tp_pair(col2 + 2);
            sum[2] = __smlad(b, s, __smlad(a, r, sum[2]));
            if (rows == 2) sum[3] = __smlad(d, s, __smlad(c, r, sum[3]));
        }
    }
    for (int32_t left = terms & 3; left > 0; left--, w++, w2++, col++, col2++) {
        sum[0] += *w * *col;
        if (rows == 2) sum[1] += *w2 * *col;
        if (columns == 2) {
            sum[2] += *w * *col2;
            if (rows == 2) sum[3] += *w2 * *col2;
        }
    }
}

/* Codes of one or two columns of the patch buffer, two filters at a time. */
TP_INLINE void tp_filters(const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, const int16_t *col, const tp_quant *q, int32_t oc, int32_t terms, const int32_t columns)
{
    int32_t o = 0;
    for (int32_t pairs = oc >> 1; pairs > 0; pairs--, o += 2) {
        int32_t sum[4] = {bias[o], bias[o + 1], bias[o], bias[o + 1]};
        tp_block(weight + o * terms, terms, col, terms, sum, 2, columns);
        y[o] = tp_code(sum[0], &factor[o], q);
        y[o + 1] = tp_code(sum[1], &factor[o + 1], q);
        if (columns == 2) {
            y[oc + o] = tp_code(sum[2], &factor[o], q);
            y[oc + o + 1] = tp_code(sum[3], &factor[o + 1], q);
        }
    }
    for (int32_t left = oc & 1; left > 0; left--, o++) {
        int32_t sum[4] = {bias[o], 0, bias[o], 0};
        tp_block(weight + o * terms, terms, col, terms, sum, 1, columns);
        y[o] = tp_code(sum[0], &factor[o], q);
        if (columns == 2) y[oc + o] = tp_code(sum[2], &factor[o], q);
    }
}

/* One output pixel's patch, 16 bits each, less the input's zero; 0 outside. */
TP_INLINE void tp_gather_i16(const int8_t *x, int16_t *patch, int32_t zero, const tp_conv *s, int32_t oy, int32_t ox)
{
    for (int32_t ky = 0; ky < s->kh; ky++)
        for (int32_t kx = 0; kx < s->kw; kx++) {
            int32_t pixel;
            const uint32_t inside = tp_tap(s, oy, ox, ky, kx, &pixel);
            const int8_t *from = x + pixel * s->ic;
            for (int32_t c = 0; c < s->ic; c++) *patch++ = (int16_t)((*from++ - zero) & (int32_t)inside);
        }
}

void tp_int8_conv_smlad(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, int16_t *restrict patch, const tp_quant *restrict q, const tp_conv *restrict s)
{
    const int32_t terms = s->kh * s->kw * s->ic, pixels = s->oh * s->ow;
    int32_t oy = 0, ox = 0;
    for (int32_t pairs = pixels >> 1; pairs > 0; pairs--, y += 2 * s->oc) {
        for (int32_t column = 0; column < 2; column++) {
            tp_gather_i16(x, patch + column * terms, q->input_zero, s, oy, ox);
            const int32_t wraps = (int32_t)tp_mask((uint32_t)(ox + 1 == s->ow));
            ox = (ox + 1) & ~wraps;
            oy -= wraps;
        }
        tp_filters(weight, bias, factor, y, patch, q, s->oc, terms, 2);
    }
    for (int32_t left = pixels & 1; left > 0; left--) {
        tp_gather_i16(x, patch, q->input_zero, s, oy, ox);
        tp_filters(weight, bias, factor, y, patch, q, s->oc, terms, 1);
    }
}

void tp_int8_dense_smlad(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, int16_t *restrict wide, const tp_quant *restrict q, int32_t rows, int32_t columns)
{
    const int32_t zero = q->input_zero;
    for (int32_t k = 0; k < columns; k++) wide[k] = (int16_t)(x[k] - zero);
    tp_filters(weight, bias, factor, y, wide, q, rows, columns, 1);
}
#endif

#if defined(__ARM_NEON)
#include <arm_neon.h>

/* Sums of one or four rows over `terms` products; two products of a pair of bytes fit 16 bits, for no weight is -128. */
TP_INLINE void tp_rows(const int8_t *w, const int8_t *x, int32_t terms, int32_t sum[4], const int32_t rows)
{
    int32x4_t lanes[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
    const int8_t *row = w;
    for (int32_t left = terms >> 4; left > 0; left--, row += 16, x += 16) {
        const int8x16_t a = vld1q_s8(x);
#pragma GCC unroll 4
        for (int32_t r = 0; r < rows; r++) {
            const int8x16_t b = vld1q_s8(row + r * terms);
            lanes[r] = vpadalq_s16(lanes[r], vmlal_high_s8(vmull_s8(vget_low_s8(a), vget_low_s8(b)), a, b));
        }
    }
    for (int32_t r = 0; r < rows; r++) sum[r] += vaddvq_s32(lanes[r]);
    for (int32_t left = terms & 15; left > 0; left--, row++, x++)
#pragma GCC unroll 4
        for (int32_t r = 0; r < rows; r++) sum[r] += row[r * terms] * *x;
}

/* Codes of all filters for one patch; the input's zero is folded into the bias. */
TP_INLINE void tp_filters_neon(const int8_t *weight, const int32_t *bias, const tp_factor *factor, int8_t *y, const int8_t *patch, const tp_quant *q, int32_t oc, int32_t terms)
{
    int32_t o = 0;
    for (int32_t fours = oc >> 2; fours > 0; fours--, o += 4) {
        int32_t sum[4] = {bias[o], bias[o + 1], bias[o + 2], bias[o + 3]};
        tp_rows(weight + o * terms, patch, terms, sum, 4);
#pragma GCC unroll 4
        for (int32_t r = 0; r < 4; r++) y[o + r] = tp_code(sum[r], &factor[o + r], q);
    }
    for (int32_t left = oc & 3; left > 0; left--, o++) {
        int32_t sum[4] = {bias[o], 0, 0, 0};
        tp_rows(weight + o * terms, patch, terms, sum, 1);
        y[o] = tp_code(sum[0], &factor[o], q);
    }
}

void tp_int8_conv_neon(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, int8_t *restrict patch, const tp_quant *restrict q, const tp_conv *restrict s)
{
    const int32_t terms = s->kh * s->kw * s->ic;
    const uint32_t zero = (uint32_t)q->input_zero;
    for (int32_t oy = 0; oy < s->oh; oy++)
        for (int32_t ox = 0; ox < s->ow; ox++, y += s->oc) {
            int8_t *to = patch;
            for (int32_t ky = 0; ky < s->kh; ky++)
                for (int32_t kx = 0; kx < s->kw; kx++) {
                    int32_t pixel;
                    const uint32_t inside = tp_tap(s, oy, ox, ky, kx, &pixel);
                    const int8_t *from = x + pixel * s->ic;
                    for (int32_t c = 0; c < s->ic; c++) *to++ = (int8_t)(((uint32_t)*from++ & inside) | (zero & ~inside));
                }
            tp_filters_neon(weight, bias, factor, y, patch, q, s->oc, terms);
        }
}

void tp_int8_dense_neon(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, const tp_quant *restrict q, int32_t rows, int32_t columns)
{
    tp_filters_neon(weight, bias, factor, y, x, q, rows, columns);
}
#endif
