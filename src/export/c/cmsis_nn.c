/* CMSIS-NN's 8-bit kernels on cores with SMLAD: columns of 16-bit numbers in pairs, blocks of two filters by two pixels, four channels of a
 * depthwise filter in lanes. Its functions stay functions here too, so that their calls are counted. Empty on other cores. */
#include "classes.h"
#include "int8.h"
#include "smlad.h"

#if defined(__ARM_FEATURE_DSP)
#define TP_CALLED static __attribute__((noinline))

/* Sign extension of bytes 1 and 3 takes the rotation along. */
TP_INLINE int32_t tp_odd_bytes(int32_t bytes)
{
    int32_t v;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(v) : "r"(bytes));
    return v;
}

TP_INLINE int32_t tp_odd_bytes_plus(int32_t offset, int32_t bytes)
{
    int32_t v;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(v) : "r"(offset), "r"(bytes));
    return v;
}

TP_INLINE void tp_put_pair(int16_t *p, int32_t v) { __builtin_memcpy(p, &v, 4); }

/* n codes plus an offset, 16 bits each. */
TP_CALLED void tp_expand(const int8_t *from, int16_t *to, int32_t n, int32_t offset)
{
    const int32_t both = tp_low_halves(offset, offset);
    for (int32_t left = n >> 2; left > 0; left--, from += 4, to += 4) {
        const int32_t bytes = tp_quad(from), odd = __sxtab16(both, tp_ror8(bytes)), even = __sxtab16(both, bytes);
        tp_put_pair(to, tp_low_halves(even, odd));
        tp_put_pair(to + 2, tp_high_halves(even, odd));
    }
    for (int32_t left = n & 3; left > 0; left--) *to++ = (int16_t)(*from++ + offset);
}

TP_CALLED void tp_clear(int16_t *to, int32_t n)
{
    for (int32_t left = n >> 1; left > 0; left--, to += 2) tp_put_pair(to, 0);
    for (int32_t left = n & 1; left > 0; left--) *to++ = 0;
}

/* All filters by two columns. */
TP_CALLED int8_t *tp_two_columns(const int8_t *a, const int16_t *column, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, int32_t oc, int32_t terms)
{
    int8_t *y2 = y + oc;
    for (int32_t pairs = oc >> 1; pairs > 0; pairs--, bias += 2, factor += 2, a += terms) {
        const int16_t *b = column, *b2 = column + terms;
        const int8_t *a2 = a + terms;
        int32_t sum[4] = {bias[0], bias[0], bias[1], bias[1]};
        for (int32_t left = terms >> 2; left > 0; left--, a += 4, a2 += 4, b += 4, b2 += 4) {
            int32_t first, second, first2, second2, p = tp_pair(b), r = tp_pair(b2);
            tp_widen(a, &first, &second);
            tp_widen(a2, &first2, &second2);
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
        *y++ = tp_code(sum[0], &factor[0], q);
        *y2++ = tp_code(sum[1], &factor[0], q);
        *y++ = tp_code(sum[2], &factor[1], q);
        *y2++ = tp_code(sum[3], &factor[1], q);
    }
    for (int32_t left = oc & 1; left > 0; left--) {
        const int16_t *b = column, *b2 = column + terms;
        int32_t sum[2] = {*bias, *bias};
        for (int32_t fours = terms >> 2; fours > 0; fours--, a += 4, b += 4, b2 += 4) {
            int32_t first, second;
            tp_widen(a, &first, &second);
            sum[0] = __smlad(second, tp_pair(b + 2), __smlad(first, tp_pair(b), sum[0]));
            sum[1] = __smlad(second, tp_pair(b2 + 2), __smlad(first, tp_pair(b2), sum[1]));
        }
        for (int32_t ones = terms & 3; ones > 0; ones--) {
            const int32_t w = *a++;
            sum[0] += w * *b++;
            sum[1] += w * *b2++;
        }
        *y++ = tp_code(sum[0], factor, q);
        *y2++ = tp_code(sum[1], factor, q);
    }
    return y + oc;
}

/* All filters by the last column of an odd number. */
TP_CALLED void tp_one_column(const int8_t *a, const int16_t *column, const int32_t *bias, const tp_factor *factor, int8_t *y, const tp_quant *q, int32_t oc, int32_t terms)
{
    for (int32_t o = 0; o < oc; o++) {
        const int16_t *b = column;
        int32_t sum = bias[o];
        for (int32_t fours = terms >> 2; fours > 0; fours--, a += 4, b += 4) {
            int32_t first, second;
            tp_widen(a, &first, &second);
            sum = __smlad(second, tp_pair(b + 2), __smlad(first, tp_pair(b), sum));
        }
        for (int32_t ones = terms & 3; ones > 0; ones--) sum += *a++ * *b++;
        y[o] = tp_code(sum, &factor[o], q);
    }
}

/* One output's taps, one after the other; zeros outside. */
TP_INLINE int16_t *tp_column(const int8_t *x, int16_t *to, int32_t offset, const tp_conv *s, int32_t top, int32_t left)
{
    for (int32_t ky = 0; ky < s->kh; ky++)
        for (int32_t kx = 0; kx < s->kw; kx++, to += s->ic) {
            const int32_t at_y = top + ky, at_x = left + kx;
            if ((uint32_t)at_y >= (uint32_t)s->ih || (uint32_t)at_x >= (uint32_t)s->iw)
                tp_clear(to, s->ic);
            else
                tp_expand(x + (at_y * s->iw + at_x) * s->ic, to, s->ic, offset);
        }
    return to;
}

void tp_cmsis_conv(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, int16_t *restrict patch, const tp_quant *restrict q, const tp_conv *restrict s)
{
    const int32_t terms = s->kh * s->kw * s->ic;
    int16_t *to = patch;
    for (int32_t oy = 0; oy < s->oh; oy++)
        for (int32_t ox = 0; ox < s->ow; ox++) {
            to = tp_column(x, to, -q->input_zero, s, oy * s->stride - s->pad_top, ox * s->stride - s->pad_left);
            if (to == patch + 2 * terms) {
                y = tp_two_columns(weight, patch, bias, factor, y, q, s->oc, terms);
                to = patch;
            }
        }
    if (to != patch) tp_one_column(weight, patch, bias, factor, y, q, s->oc, terms);
}

/* Four products of each of one or two filters with each of one or two pixels. */
TP_INLINE void tp_four_terms(const int8_t *w, const int8_t *x, int32_t pitch, int32_t sum[4], const int32_t filters, const int32_t pixels)
{
    const int32_t a = tp_quad(w), even = __sxtb16(a), odd = tp_odd_bytes(a);
    const int32_t b = filters == 2 ? tp_quad(w + pitch) : 0, even2 = __sxtb16(b), odd2 = filters == 2 ? tp_odd_bytes(b) : 0;
    int32_t p = tp_quad(x), low = __sxtb16(p), high = tp_odd_bytes(p);
    sum[0] = __smlad(high, odd, __smlad(low, even, sum[0]));
    if (filters == 2) sum[1] = __smlad(high, odd2, __smlad(low, even2, sum[1]));
    if (pixels == 2) {
        p = tp_quad(x + pitch);
        low = __sxtb16(p);
        high = tp_odd_bytes(p);
        sum[2] = __smlad(high, odd, __smlad(low, even, sum[2]));
        if (filters == 2) sum[3] = __smlad(high, odd2, __smlad(low, even2, sum[3]));
    }
}

/* Sums of one or two filters by one or two pixels, sixteen terms, four terms, and one at a time. */
TP_INLINE void tp_cell(const int8_t *w, const int8_t *x, int32_t ic, const int32_t start[2], int32_t sum[4], const int32_t filters, const int32_t pixels)
{
    const int32_t pitch = ic;
    sum[0] = sum[2] = start[0];
    sum[1] = sum[3] = start[1];
    int32_t k = 0;
    for (; k <= ic - 16; k += 16, w += 16, x += 16) {
        tp_four_terms(w, x, pitch, sum, filters, pixels);
        tp_four_terms(w + 4, x + 4, pitch, sum, filters, pixels);
        tp_four_terms(w + 8, x + 8, pitch, sum, filters, pixels);
        tp_four_terms(w + 12, x + 12, pitch, sum, filters, pixels);
    }
    for (; k <= ic - 4; k += 4, w += 4, x += 4) tp_four_terms(w, x, pitch, sum, filters, pixels);
    for (; k < ic; k++, w++, x++) {
        const int32_t a = *w, p = *x;
        sum[0] += a * p;
        if (filters == 2) sum[1] += w[pitch] * p;
        if (pixels == 2) {
            sum[2] += a * x[pitch];
            if (filters == 2) sum[3] += w[pitch] * x[pitch];
        }
    }
}

void tp_cmsis_conv_1x1(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, const tp_quant *restrict q, const tp_conv *restrict s)
{
    const int32_t ic = s->ic, oc = s->oc, pixels = s->oh * s->ow, offset = -q->input_zero;
    for (int32_t pairs = oc >> 1; pairs > 0; pairs--, weight += 2 * ic, bias += 2, factor += 2, y += 2) {
        int32_t start[2] = {0, 0}, sum[4];
        for (int32_t k = 0; k < ic; k++) {
            start[0] += weight[k];
            start[1] += weight[k + ic];
        }
        start[0] = start[0] * offset + bias[0];
        start[1] = start[1] * offset + bias[1];
        const int8_t *from = x;
        int8_t *to = y;
        for (int32_t twos = pixels >> 1; twos > 0; twos--, from += 2 * ic, to += 2 * oc) {
            tp_cell(weight, from, ic, start, sum, 2, 2);
            to[0] = tp_code(sum[0], &factor[0], q);
            to[1] = tp_code(sum[1], &factor[1], q);
            to[oc] = tp_code(sum[2], &factor[0], q);
            to[oc + 1] = tp_code(sum[3], &factor[1], q);
        }
        for (int32_t ones = pixels & 1; ones > 0; ones--) {
            tp_cell(weight, from, ic, start, sum, 2, 1);
            to[0] = tp_code(sum[0], &factor[0], q);
            to[1] = tp_code(sum[1], &factor[1], q);
        }
    }
    for (int32_t last = oc & 1; last > 0; last--) {
        int32_t start[2] = {0, 0}, sum[4];
        for (int32_t k = 0; k < ic; k++) start[0] += weight[k];
        start[0] = start[0] * offset + *bias;
        for (int32_t p = 0; p < pixels; p++) {
            tp_cell(weight, x + p * ic, ic, start, sum, 1, 1);
            y[p * oc] = tp_code(sum[0], factor, q);
        }
    }
}

/* One tap of four channels; `both`: the offset in both halves. */
TP_INLINE void tp_four_channels(const int8_t *x, const int8_t *w, int32_t both, int32_t sum[4])
{
    const int32_t codes = tp_quad(x), taps = tp_quad(w);
    const int32_t odd = tp_odd_bytes_plus(both, codes), odd_taps = tp_odd_bytes(taps);
    sum[1] = __smlabb(odd, odd_taps, sum[1]);
    const int32_t even = __sxtab16(both, codes);
    sum[3] = __smlatt(odd, odd_taps, sum[3]);
    const int32_t even_taps = __sxtb16(taps);
    sum[0] = __smlabb(even, even_taps, sum[0]);
    sum[2] = __smlatt(even, even_taps, sum[2]);
}

void tp_cmsis_depthwise_3x3(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, const tp_quant *restrict q, const tp_conv *restrict s)
{
    const int32_t channels = s->ic, pitch = s->iw * channels, offset = -q->input_zero, both = tp_low_halves(offset, offset);
    for (int32_t oy = 0, top = -s->pad_top; oy < s->oh; oy++, top += s->stride) {
        const int32_t first = tp_max(0, -top), end = tp_min(3, s->ih - top);
        for (int32_t ox = 0, left = -s->pad_left; ox < s->ow; ox++, left += s->stride) {
            int32_t c = 0;
            for (; c <= channels - 4; c += 4) {
                int32_t sum[4] = {bias[c], bias[c + 1], bias[c + 2], bias[c + 3]};
                const int8_t *from = x + (top + first) * pitch + left * channels + c, *taps = weight + first * 3 * channels + c;
                for (int32_t ky = first; ky < end; ky++, from += pitch, taps += 3 * channels) {
                    if (left >= 0) tp_four_channels(from, taps, both, sum);
                    tp_four_channels(from + channels, taps + channels, both, sum);
                    if (s->iw - left >= 3) tp_four_channels(from + 2 * channels, taps + 2 * channels, both, sum);
                }
                *y++ = tp_code(sum[0], &factor[c], q);
                *y++ = tp_code(sum[1], &factor[c + 1], q);
                *y++ = tp_code(sum[2], &factor[c + 2], q);
                *y++ = tp_code(sum[3], &factor[c + 3], q);
            }
            for (; c < channels; c++) {
                int32_t sum = bias[c];
                const int8_t *from = x + (top + first) * pitch + left * channels + c, *taps = weight + first * 3 * channels + c;
                for (int32_t ky = first; ky < end; ky++, from += pitch, taps += 3 * channels) {
                    if (left >= 0) sum += (from[0] + offset) * taps[0];
                    sum += (from[channels] + offset) * taps[channels];
                    if (s->iw - left >= 3) sum += (from[2 * channels] + offset) * taps[2 * channels];
                }
                *y++ = tp_code(sum, &factor[c], q);
            }
        }
    }
}

/* Two taps of four channels: the lanes of both taps are brought side by side. */
TP_INLINE void tp_two_taps(const int16_t *column, const int8_t *w, int32_t channels, int32_t sum[4])
{
    const int32_t a = tp_quad(w), b = tp_quad(w + channels), even = __sxtb16(a), odd = tp_odd_bytes(a), even2 = __sxtb16(b), odd2 = tp_odd_bytes(b);
    int32_t p = tp_pair(column), r = tp_pair(column + channels);
    sum[0] = __smlad(tp_low_halves(p, r), tp_low_halves(even, even2), sum[0]);
    sum[1] = __smlad(tp_high_halves(p, r), tp_low_halves(odd, odd2), sum[1]);
    p = tp_pair(column + 2);
    r = tp_pair(column + channels + 2);
    sum[2] = __smlad(tp_low_halves(p, r), tp_high_halves(even, even2), sum[2]);
    sum[3] = __smlad(tp_high_halves(p, r), tp_high_halves(odd, odd2), sum[3]);
}

void tp_cmsis_depthwise(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, int16_t *restrict patch, const tp_quant *restrict q, const tp_conv *restrict s)
{
    const int32_t channels = s->ic, taps = s->kh * s->kw;
    for (int32_t oy = 0; oy < s->oh; oy++)
        for (int32_t ox = 0; ox < s->ow; ox++) {
            tp_column(x, patch, -q->input_zero, s, oy * s->stride - s->pad_top, ox * s->stride - s->pad_left);
            int32_t c = 0;
            for (; c <= channels - 4; c += 4) {
                int32_t sum[4] = {bias[c], bias[c + 1], bias[c + 2], bias[c + 3]};
                const int16_t *column = patch + c;
                const int8_t *w = weight + c;
                for (int32_t pairs = taps >> 1; pairs > 0; pairs--, column += 2 * channels, w += 2 * channels) tp_two_taps(column, w, channels, sum);
                for (int32_t odd = taps & 1; odd > 0; odd--) {
                    sum[0] += w[0] * column[0];
                    sum[1] += w[1] * column[1];
                    sum[2] += w[2] * column[2];
                    sum[3] += w[3] * column[3];
                }
                *y++ = tp_code(sum[0], &factor[c], q);
                *y++ = tp_code(sum[1], &factor[c + 1], q);
                *y++ = tp_code(sum[2], &factor[c + 2], q);
                *y++ = tp_code(sum[3], &factor[c + 3], q);
            }
            for (; c < channels; c++) {
                int32_t sum = bias[c];
                const int16_t *column = patch + c;
                const int8_t *w = weight + c;
                for (int32_t t = 0; t < taps; t++, column += channels, w += channels) sum += *w * *column;
                *y++ = tp_code(sum, &factor[c], q);
            }
        }
}

void tp_cmsis_dense(const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict bias, const tp_factor *restrict factor, int8_t *restrict y, const tp_quant *restrict q, int32_t rows, int32_t columns)
{
    const int32_t offset = -q->input_zero, both = tp_low_halves(offset, offset), fours = columns >> 2;
    for (int32_t pairs = rows >> 1; pairs > 0; pairs--, bias += 2, factor += 2, weight += columns) {
        int32_t sum[2] = {bias[0], bias[1]};
        const int8_t *from = x, *w2 = weight + columns;
        for (int32_t left = fours; left > 0; left--, from += 4, weight += 4, w2 += 4) {
            const int32_t p = tp_quad(from), odd = tp_odd_bytes_plus(both, p), even = __sxtab16(both, p);
            const int32_t a = tp_quad(weight), b = tp_quad(w2);
            sum[0] = __smlad(__sxtb16(a), even, __smlad(tp_odd_bytes(a), odd, sum[0]));
            sum[1] = __smlad(__sxtb16(b), even, __smlad(tp_odd_bytes(b), odd, sum[1]));
        }
        for (int32_t left = columns & 3; left > 0; left--) {
            const int32_t p = *from++ + offset;
            sum[0] += p * *weight++;
            sum[1] += p * *w2++;
        }
        *y++ = tp_code(sum[0], &factor[0], q);
        *y++ = tp_code(sum[1], &factor[1], q);
    }
    for (int32_t last = rows & 1; last > 0; last--) {
        int32_t sum = *bias;
        const int8_t *from = x;
        for (int32_t left = fours; left > 0; left--, from += 4, weight += 4) {
            const int32_t p = tp_quad(from), a = tp_quad(weight);
            sum = __smlad(__sxtb16(a), __sxtab16(both, p), __smlad(tp_odd_bytes(a), tp_odd_bytes_plus(both, p), sum));
        }
        for (int32_t left = columns & 3; left > 0; left--) sum += (*from++ + offset) * *weight++;
        *y++ = tp_code(sum, factor, q);
    }
}
#endif
