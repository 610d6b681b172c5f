/* CMSIS-NN's kernels of 2018: signed 8-bit numbers without zero points, scales that are powers of two, im2col of two columns of 16-bit numbers and
 * SMLAD in blocks of two by two. Empty on cores without it. */
#include "classes.h"
#include "smlad.h"

#if defined(__ARM_FEATURE_DSP)
#define TP_CALLED static __attribute__((noinline))

TP_INLINE int8_t tp_shifted(int32_t sum, const tp_shifts *by) { return (int8_t)tp_clamp(sum >> by->down, -128, 127); }
TP_INLINE int32_t tp_start(int8_t bias, const tp_shifts *by) { return (int32_t)((uint32_t)bias << by->up) + (int32_t)((1u << by->down) >> 1); }

TP_INLINE void tp_put_pair(int16_t *p, int32_t v) { __builtin_memcpy(p, &v, 4); }

/* Codes to 16 bits, in their order or, faster, even bytes before odd ones. */
TP_INLINE void tp_extend(const int8_t *from, int16_t *to, int32_t n, const int fast)
{
    for (int32_t left = n >> 2; left > 0; left--, from += 4, to += 4) {
        const int32_t bytes = tp_quad(from), odd = __sxtb16(tp_ror8(bytes)), even = __sxtb16(bytes);
        tp_put_pair(to, fast ? even : tp_low_halves(even, odd));
        tp_put_pair(to + 2, fast ? odd : tp_high_halves(even, odd));
    }
    for (int32_t left = n & 3; left > 0; left--) *to++ = *from++;
}

TP_CALLED void tp_extend_in_order(const int8_t *from, int16_t *to, int32_t n) { tp_extend(from, to, n, 0); }
TP_CALLED void tp_extend_fast(const int8_t *from, int16_t *to, int32_t n) { tp_extend(from, to, n, 1); }

TP_CALLED void tp_zero(int16_t *to, int32_t n)
{
    for (int32_t left = n >> 1; left > 0; left--, to += 2) tp_put_pair(to, 0);
    for (int32_t left = n & 1; left > 0; left--) *to++ = 0;
}

TP_INLINE void tp_weights(const int8_t *w, int32_t *first, int32_t *second, const int fast)
{
    if (!fast) {
        tp_widen(w, first, second);
        return;
    }
    const int32_t bytes = tp_quad(w);
    *second = __sxtb16(tp_ror8(bytes));
    *first = __sxtb16(bytes);
}

/* All filters by one or two columns, two filters at a time. */
TP_INLINE int8_t *tp_columns(const int8_t *a, const int16_t *column, const int8_t *bias, int8_t *y, const tp_shifts *by, int32_t oc, int32_t terms, const int32_t columns, const int fast)
{
    int8_t *y2 = y + oc;
    for (int32_t pairs = columns == 2 ? oc >> 1 : 0; pairs > 0; pairs--, bias += 2, a += terms) {
        const int16_t *b = column, *b2 = column + terms;
        const int8_t *a2 = a + terms;
        int32_t sum[4] = {tp_start(bias[0], by), tp_start(bias[0], by), tp_start(bias[1], by), tp_start(bias[1], by)};
        for (int32_t left = terms >> 2; left > 0; left--, a += 4, a2 += 4, b += 4, b2 += 4) {
            int32_t first, second, first2, second2, p = tp_pair(b), r = tp_pair(b2);
            tp_weights(a, &first, &second, fast);
            tp_weights(a2, &first2, &second2, fast);
            sum[0] = __smlad(first, p, sum[0]);
            sum[1] = __smlad(first, r, sum[1]);
            sum[2] = __smlad(first2, p, sum[2]);
            sum[3] = __smlad(first2, r, sum[3]);
            p = tp_pair(b + 2);
            r = tp_pair(b2 + 2);
            sum[0] = __smlad(second, p, sum[0]);
            sum[1] = __smlad(second, r, sum[1]);
            sum[2] = __smlad(second2, p, sum[2]);
            sum[3] = __smlad(second2, r, sum[3]);
        }
        for (int32_t left = terms & 3; left > 0; left--) {
            const int32_t w = *a++, w2 = *a2++, p = *b++, r = *b2++;
            sum[0] += w * p;
            sum[1] += w * r;
            sum[2] += w2 * p;
            sum[3] += w2 * r;
        }
        *y++ = tp_shifted(sum[0], by);
        *y2++ = tp_shifted(sum[1], by);
        *y++ = tp_shifted(sum[2], by);
        *y2++ = tp_shifted(sum[3], by);
    }
    for (int32_t left = columns == 2 ? oc & 1 : oc; left > 0; left--, bias++) {
        const int16_t *b = column, *b2 = column + terms;
        int32_t sum[2] = {tp_start(*bias, by), tp_start(*bias, by)};
        for (int32_t fours = terms >> 2; fours > 0; fours--, a += 4, b += 4, b2 += 4) {
            int32_t first, second;
            tp_weights(a, &first, &second, fast);
            sum[0] = __smlad(second, tp_pair(b + 2), __smlad(first, tp_pair(b), sum[0]));
            if (columns == 2) sum[1] = __smlad(second, tp_pair(b2 + 2), __smlad(first, tp_pair(b2), sum[1]));
        }
        for (int32_t ones = terms & 3; ones > 0; ones--) {
            const int32_t w = *a++;
            sum[0] += w * *b++;
            if (columns == 2) sum[1] += w * *b2++;
        }
        *y++ = tp_shifted(sum[0], by);
        if (columns == 2) *y2++ = tp_shifted(sum[1], by);
    }
    return y + oc;
}

TP_CALLED int8_t *tp_two_in_order(const int8_t *a, const int16_t *column, const int8_t *bias, int8_t *y, const tp_shifts *by, int32_t oc, int32_t terms) { return tp_columns(a, column, bias, y, by, oc, terms, 2, 0); }
TP_CALLED int8_t *tp_two_fast(const int8_t *a, const int16_t *column, const int8_t *bias, int8_t *y, const tp_shifts *by, int32_t oc, int32_t terms) { return tp_columns(a, column, bias, y, by, oc, terms, 2, 1); }

TP_INLINE void tp_conv_of(const int8_t *x, const int8_t *weight, const int8_t *bias, int8_t *y, int16_t *patch, const tp_shifts *by, const tp_conv *s, const int fast)
{
    const int32_t ic = s->ic, terms = s->kh * s->kw * ic;
    int16_t *to = patch;
    for (int32_t oy = 0; oy < s->oh; oy++)
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const int32_t top = oy * s->stride - s->pad_top, left = ox * s->stride - s->pad_left;
            for (int32_t ky = top; ky < top + s->kh; ky++)
                for (int32_t kx = left; kx < left + s->kw; kx++, to += ic) {
                    if ((uint32_t)ky >= (uint32_t)s->ih || (uint32_t)kx >= (uint32_t)s->iw)
                        tp_zero(to, ic);
                    else if (fast)
                        tp_extend_fast(x + (ky * s->iw + kx) * ic, to, ic);
                    else
                        tp_extend_in_order(x + (ky * s->iw + kx) * ic, to, ic);
                }
            if (to == patch + 2 * terms) {
                y = fast ? tp_two_fast(weight, patch, bias, y, by, s->oc, terms) : tp_two_in_order(weight, patch, bias, y, by, s->oc, terms);
                to = patch;
            }
        }
    if (to != patch) tp_columns(weight, patch, bias, y, by, s->oc, terms, 1, fast);
}

void tp_q7_conv(const int8_t *restrict x, const int8_t *restrict weight, const int8_t *restrict bias, int8_t *restrict y, int16_t *restrict patch, const tp_shifts *restrict by, const tp_conv *restrict s)
{
    tp_conv_of(x, weight, bias, y, patch, by, s, 0);
}

void tp_q7_conv_fast(const int8_t *restrict x, const int8_t *restrict weight, const int8_t *restrict bias, int8_t *restrict y, int16_t *restrict patch, const tp_shifts *restrict by, const tp_conv *restrict s)
{
    tp_conv_of(x, weight, bias, y, patch, by, s, 1);
}

TP_CALLED void tp_copy_codes(const int8_t *from, int8_t *to, int32_t n)
{
    for (int32_t left = n >> 2; left > 0; left--, from += 4, to += 4) {
        const int32_t codes = tp_quad(from);
        __builtin_memcpy(to, &codes, 4);
    }
    for (int32_t left = n & 3; left > 0; left--) *to++ = *from++;
}

TP_CALLED void tp_zero_codes(int8_t *to, int32_t n)
{
    const int32_t zero = 0;
    for (int32_t left = n >> 2; left > 0; left--, to += 4) __builtin_memcpy(to, &zero, 4);
    for (int32_t left = n & 3; left > 0; left--) *to++ = 0;
}

/* Two taps of four channels, whose halves are brought side by side before they are widened. */
TP_INLINE void tp_two_q7_taps(const int8_t *column, const int8_t *w, int32_t channels, int32_t sum[4])
{
    const int32_t a = tp_quad(w), a2 = tp_quad(w + channels), b = tp_quad(column), b2 = tp_quad(column + channels);
    const int32_t low = tp_low_halves(a, a2), high = tp_high_halves(a, a2), low2 = tp_low_halves(b, b2), high2 = tp_high_halves(b, b2);
    sum[0] = __smlad(__sxtb16(low), __sxtb16(low2), sum[0]);
    sum[1] = __smlad(__sxtb16(tp_ror8(low)), __sxtb16(tp_ror8(low2)), sum[1]);
    sum[2] = __smlad(__sxtb16(high), __sxtb16(high2), sum[2]);
    sum[3] = __smlad(__sxtb16(tp_ror8(high)), __sxtb16(tp_ror8(high2)), sum[3]);
}

void tp_q7_depthwise(const int8_t *restrict x, const int8_t *restrict weight, const int8_t *restrict bias, int8_t *restrict y, int8_t *restrict column, const tp_shifts *restrict by, const tp_conv *restrict s)
{
    const int32_t channels = s->ic, taps = s->kh * s->kw;
    for (int32_t oy = 0; oy < s->oh; oy++)
        for (int32_t ox = 0; ox < s->ow; ox++) {
            const int32_t top = oy * s->stride - s->pad_top, left = ox * s->stride - s->pad_left;
            int8_t *to = column;
            for (int32_t ky = top; ky < top + s->kh; ky++)
                for (int32_t kx = left; kx < left + s->kw; kx++, to += channels) {
                    if ((uint32_t)ky >= (uint32_t)s->ih || (uint32_t)kx >= (uint32_t)s->iw)
                        tp_zero_codes(to, channels);
                    else
                        tp_copy_codes(x + (ky * s->iw + kx) * channels, to, channels);
                }
            int32_t c = 0;
            for (; c <= channels - 4; c += 4) {
                const int8_t *from = column + c, *w = weight + c;
                int32_t sum[4] = {tp_start(bias[c], by), tp_start(bias[c + 1], by), tp_start(bias[c + 2], by), tp_start(bias[c + 3], by)};
                for (int32_t pairs = taps >> 1; pairs > 0; pairs--, from += 2 * channels, w += 2 * channels) tp_two_q7_taps(from, w, channels, sum);
                for (int32_t odd = taps & 1; odd > 0; odd--) {
                    sum[0] += w[0] * from[0];
                    sum[1] += w[1] * from[1];
                    sum[2] += w[2] * from[2];
                    sum[3] += w[3] * from[3];
                }
                *y++ = tp_shifted(sum[0], by);
                *y++ = tp_shifted(sum[1], by);
                *y++ = tp_shifted(sum[2], by);
                *y++ = tp_shifted(sum[3], by);
            }
            for (; c < channels; c++) {
                const int8_t *from = column + c, *w = weight + c;
                int32_t sum = tp_start(bias[c], by);
                for (int32_t t = 0; t < taps; t++, from += channels, w += channels) sum += *w * *from;
                *y++ = tp_shifted(sum, by);
            }
        }
}

void tp_q7_dense(const int8_t *restrict x, const int8_t *restrict weight, const int8_t *restrict bias, int8_t *restrict y, int16_t *restrict wide, const tp_shifts *restrict by, int32_t rows, int32_t columns)
{
    tp_extend_fast(x, wide, columns);
    for (int32_t pairs = rows >> 1; pairs > 0; pairs--, bias += 2, weight += columns) {
        const int8_t *w2 = weight + columns;
        const int16_t *b = wide;
        int32_t sum[2] = {tp_start(bias[0], by), tp_start(bias[1], by)};
        for (int32_t left = columns >> 2; left > 0; left--, weight += 4, w2 += 4, b += 4) {
            int32_t first, second, first2, second2;
            const int32_t p = tp_pair(b), r = tp_pair(b + 2);
            tp_weights(weight, &first, &second, 1);
            tp_weights(w2, &first2, &second2, 1);
            sum[0] = __smlad(second, r, __smlad(first, p, sum[0]));
            sum[1] = __smlad(second2, r, __smlad(first2, p, sum[1]));
        }
        for (int32_t left = columns & 3; left > 0; left--) {
            const int32_t p = *b++;
            sum[0] += p * *weight++;
            sum[1] += p * *w2++;
        }
        *y++ = tp_shifted(sum[0], by);
        *y++ = tp_shifted(sum[1], by);
    }
    if ((rows & 1) != 0) tp_columns(weight, wide, bias, y, by, 1, columns, 1, 1);
}
#endif
