/* Unsigned 8 bits with zero points of both operands, after the INT-Q extension of CMSIS-NN (2019): im2col to 16 bits less the input's zero, weights widened and less
 * theirs, SMLAD in blocks of two by two; a depthwise filter takes one channel at a time from the column. Empty on cores without SMLAD. */
#include "classes.h"
#include "smlad.h"

#if defined(__ARM_FEATURE_DSP)
#define TP_CALLED static __attribute__((noinline))

/* CMSIS's intrinsics are volatile assembler: compilers leave them in the source's order. */
TP_INLINE int32_t tp_in_place_uxtb16(int32_t x)
{
    int32_t v;
    __asm volatile("uxtb16 %0, %1" : "=r"(v) : "r"(x));
    return v;
}

TP_INLINE int32_t tp_in_place_ssub16(int32_t x, int32_t y)
{
    int32_t v;
    __asm volatile("ssub16 %0, %1, %2" : "=r"(v) : "r"(x), "r"(y));
    return v;
}

TP_INLINE int32_t tp_in_place_smlad(int32_t x, int32_t y, int32_t sum)
{
    int32_t v;
    __asm volatile("smlad %0, %1, %2, %3" : "=r"(v) : "r"(x), "r"(y), "r"(sum));
    return v;
}

TP_INLINE int32_t tp_in_place_high(int32_t x, int32_t y)
{
    int32_t low, high;
    __asm volatile("smull %0, %1, %2, %3" : "=&r"(low), "=&r"(high) : "r"(x), "r"(y));
    return high;
}

TP_INLINE int32_t tp_four(const uint8_t *p)
{
    int32_t v;
    __builtin_memcpy(&v, p, 4);
    return v;
}

TP_INLINE void tp_put_pair(int16_t *p, int32_t v) { __builtin_memcpy(p, &v, 4); }

/* Whether every four numbers of columns lie in the order 0 2 1 3 that widening leaves, as filters then do too. */
enum { TP_IN_ORDER, TP_AS_WIDENED };

/* Four bytes less a zero (in both halves), as two pairs. */
TP_INLINE void tp_less(const uint8_t *p, int32_t zeros, int32_t *first, int32_t *second, const int order)
{
    const int32_t bytes = tp_four(p);
    const int32_t odd = tp_in_place_ssub16(tp_in_place_uxtb16(tp_ror8(bytes)), zeros);
    const int32_t even = tp_in_place_ssub16(tp_in_place_uxtb16(bytes), zeros);
    *first = order == TP_AS_WIDENED ? even : tp_low_halves(even, odd);
    *second = order == TP_AS_WIDENED ? odd : tp_high_halves(even, odd);
}

TP_INLINE uint8_t tp_u8_code(int32_t sum, const tp_unsigned *q)
{
    return (uint8_t)__usat((tp_in_place_high(sum, q->multiplier) >> q->shift) + q->zero, 8);
}

TP_INLINE void tp_u8_extend(const uint8_t *from, int16_t *to, int32_t n, int32_t zero, const int order)
{
    const int32_t zeros = tp_low_halves(zero, zero);
    for (int32_t left = n >> 2; left > 0; left--, from += 4, to += 4) {
        int32_t first, second;
        tp_less(from, zeros, &first, &second, order);
        tp_put_pair(to, first);
        tp_put_pair(to + 2, second);
    }
    for (int32_t left = n & 3; left > 0; left--) *to++ = (int16_t)(*from++ - zero);
}

TP_CALLED void tp_u8_extend_in_order(const uint8_t *from, int16_t *to, int32_t n, int32_t zero) { tp_u8_extend(from, to, n, zero, TP_IN_ORDER); }

TP_CALLED void tp_u8_extend_as_widened(const uint8_t *from, int16_t *to, int32_t n, int32_t zero) { tp_u8_extend(from, to, n, zero, TP_AS_WIDENED); }

TP_CALLED void tp_u8_zero(int16_t *to, int32_t n)
{
    for (int32_t left = n >> 1; left > 0; left--, to += 2) tp_put_pair(to, 0);
    for (int32_t left = n & 1; left > 0; left--) *to++ = 0;
}

/* Sums of one or two filters by one or two columns. */
TP_INLINE void tp_u8_block(const uint8_t *a, const int16_t *b, int32_t terms, int32_t zero, int32_t sum[4], const int32_t filters, const int32_t columns, const int order)
{
    const int32_t zeros = tp_low_halves(zero, zero);
    const uint8_t *a2 = a + terms;
    const int16_t *b2 = b + terms;
    for (int32_t left = terms >> 2; left > 0; left--, a += 4, a2 += 4, b += 4, b2 += 4) {
        int32_t first, second, first2 = 0, second2 = 0, p = tp_pair(b), p2 = columns == 2 ? tp_pair(b2) : 0;
        tp_less(a, zeros, &first, &second, order);
        if (filters == 2) tp_less(a2, zeros, &first2, &second2, order);
        sum[0] = tp_in_place_smlad(first, p, sum[0]);
        if (columns == 2) sum[1] = tp_in_place_smlad(first, p2, sum[1]);
        if (filters == 2) sum[2] = tp_in_place_smlad(first2, p, sum[2]);
        if (filters == 2 && columns == 2) sum[3] = tp_in_place_smlad(first2, p2, sum[3]);
        p = tp_pair(b + 2);
        if (columns == 2) p2 = tp_pair(b2 + 2);
        sum[0] = tp_in_place_smlad(second, p, sum[0]);
        if (columns == 2) sum[1] = tp_in_place_smlad(second, p2, sum[1]);
        if (filters == 2) sum[2] = tp_in_place_smlad(second2, p, sum[2]);
        if (filters == 2 && columns == 2) sum[3] = tp_in_place_smlad(second2, p2, sum[3]);
    }
    for (int32_t left = terms & 3; left > 0; left--, a++, a2++, b++, b2++) {
        const int32_t w = *a - zero;
        sum[0] += w * *b;
        if (columns == 2) sum[1] += w * *b2;
        if (filters == 2) {
            const int32_t w2 = *a2 - zero;
            sum[2] += w2 * *b;
            if (columns == 2) sum[3] += w2 * *b2;
        }
    }
}

/* All filters by one or two columns. */
TP_INLINE uint8_t *tp_u8_filters(const uint8_t *a, const int16_t *column, const int32_t *bias, uint8_t *y, const tp_unsigned *q, int32_t oc, int32_t terms, const int32_t columns, const int order)
{
    uint8_t *y2 = y + oc;
    for (int32_t pairs = oc >> 1; pairs > 0; pairs--, bias += 2, a += 2 * terms) {
        int32_t sum[4] = {bias[0], bias[0], bias[1], bias[1]};
        tp_u8_block(a, column, terms, q->weight_zero, sum, 2, columns, order);
        *y++ = tp_u8_code(sum[0], q);
        *y++ = tp_u8_code(sum[2], q);
        if (columns == 2) {
            *y2++ = tp_u8_code(sum[1], q);
            *y2++ = tp_u8_code(sum[3], q);
        }
    }
    for (int32_t left = oc & 1; left > 0; left--) {
        int32_t sum[4] = {*bias, *bias, 0, 0};
        tp_u8_block(a, column, terms, q->weight_zero, sum, 1, columns, order);
        *y++ = tp_u8_code(sum[0], q);
        if (columns == 2) *y2++ = tp_u8_code(sum[1], q);
    }
    return y + (columns == 2 ? oc : 0);
}

TP_CALLED uint8_t *tp_u8_two_in_order(const uint8_t *a, const int16_t *column, const int32_t *bias, uint8_t *y, const tp_unsigned *q, int32_t oc, int32_t terms) { return tp_u8_filters(a, column, bias, y, q, oc, terms, 2, TP_IN_ORDER); }

TP_CALLED uint8_t *tp_u8_two_as_widened(const uint8_t *a, const int16_t *column, const int32_t *bias, uint8_t *y, const tp_unsigned *q, int32_t oc, int32_t terms) { return tp_u8_filters(a, column, bias, y, q, oc, terms, 2, TP_AS_WIDENED); }

TP_INLINE void tp_u8_widen(const uint8_t *from, int16_t *to, int32_t n, int32_t zero, const int order)
{
    if (order == TP_IN_ORDER)
        tp_u8_extend_in_order(from, to, n, zero);
    else
        tp_u8_extend_as_widened(from, to, n, zero);
}

TP_INLINE int16_t *tp_u8_column(const uint8_t *x, int16_t *to, int32_t zero, const tp_conv *s, int32_t top, int32_t left, const int order)
{
    for (int32_t ky = top; ky < top + s->kh; ky++)
        for (int32_t kx = left; kx < left + s->kw; kx++, to += s->ic) {
            if ((uint32_t)ky >= (uint32_t)s->ih || (uint32_t)kx >= (uint32_t)s->iw)
                tp_u8_zero(to, s->ic);
            else
                tp_u8_widen(x + (ky * s->iw + kx) * s->ic, to, s->ic, zero, order);
        }
    return to;
}

/* The same for a convolution: of a window inside the map, a row in one call. */
TP_INLINE int16_t *tp_u8_rows(const uint8_t *x, int16_t *to, int32_t zero, const tp_conv *s, int32_t top, int32_t left, const int order)
{
    const uint32_t border = tp_mask((uint32_t)((top < 0) | (left < 0) | (top + s->kh > s->ih) | (left + s->kw > s->iw)));
    const int32_t step = tp_choose(border, 1, s->kw), n = step * s->ic;
    for (int32_t ky = top; ky < top + s->kh; ky++)
        for (int32_t kx = left; kx < left + s->kw; kx += step, to += n) {
            if ((uint32_t)ky >= (uint32_t)s->ih || (uint32_t)kx >= (uint32_t)s->iw)
                tp_u8_zero(to, n);
            else
                tp_u8_widen(x + (ky * s->iw + kx) * s->ic, to, n, zero, order);
            /* One end of both ways. */
            __asm__ goto("" : : : : next);
        next:;
        }
    return to;
}

TP_INLINE void tp_u8_conv_of(const uint8_t *x, const uint8_t *weight, const int32_t *bias, uint8_t *y, int16_t *patch, const tp_unsigned *q, const tp_conv *s, const int order)
{
    const int32_t terms = s->kh * s->kw * s->ic;
    int16_t *to = patch;
    for (int32_t oy = 0; oy < s->oh; oy++)
        for (int32_t ox = 0; ox < s->ow; ox++) {
            to = tp_u8_rows(x, to, q->input_zero, s, oy * s->stride - s->pad_top, ox * s->stride - s->pad_left, order);
            if (to == patch + 2 * terms) {
                y = order == TP_IN_ORDER ? tp_u8_two_in_order(weight, patch, bias, y, q, s->oc, terms) : tp_u8_two_as_widened(weight, patch, bias, y, q, s->oc, terms);
                to = patch;
            }
        }
    if (to != patch) tp_u8_filters(weight, patch, bias, y, q, s->oc, terms, 1, order);
}

void tp_u8_conv(const uint8_t *restrict x, const uint8_t *restrict weight, const int32_t *restrict bias, uint8_t *restrict y, int16_t *restrict patch, const tp_unsigned *restrict q, const tp_conv *restrict s)
{
    tp_u8_conv_of(x, weight, bias, y, patch, q, s, TP_IN_ORDER);
}

void tp_u8_conv_reordered(const uint8_t *restrict x, const uint8_t *restrict weight, const int32_t *restrict bias, uint8_t *restrict y, int16_t *restrict patch, const tp_unsigned *restrict q, const tp_conv *restrict s)
{
    tp_u8_conv_of(x, weight, bias, y, patch, q, s, TP_AS_WIDENED);
}

void tp_u8_depthwise(const uint8_t *restrict x, const uint8_t *restrict weight, const int32_t *restrict bias, uint8_t *restrict y, int16_t *restrict patch, const tp_unsigned *restrict q, const tp_conv *restrict s)
{
    const int32_t channels = s->ic, taps = s->kh * s->kw;
    for (int32_t oy = 0; oy < s->oh; oy++)
        for (int32_t ox = 0; ox < s->ow; ox++) {
            tp_u8_column(x, patch, q->input_zero, s, oy * s->stride - s->pad_top, ox * s->stride - s->pad_left, TP_IN_ORDER);
            for (int32_t c = 0; c < channels; c++) {
                const int16_t *b = patch + c;
                const uint8_t *a = weight + c;
                int32_t sum = bias[c];
                for (int32_t t = 0; t < taps; t++, a += channels, b += channels) sum += (*a - q->weight_zero) * *b;
                *y++ = tp_u8_code(sum, q);
            }
        }
}

void tp_u8_dense(const uint8_t *restrict x, const uint8_t *restrict weight, const int32_t *restrict bias, uint8_t *restrict y, int16_t *restrict wide, const tp_unsigned *restrict q, int32_t rows, int32_t columns)
{
    tp_u8_extend_as_widened(x, wide, columns, q->input_zero);
    tp_u8_filters(weight, wide, bias, y, q, rows, columns, 1, TP_AS_WIDENED);
}
#endif
