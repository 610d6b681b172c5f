/* Softmax in integers: powers of two by a polynomial, one reciprocal. */
#ifndef TINYPREC_SOFTMAX_H
#define TINYPREC_SOFTMAX_H

#include "tinyprec.h"
#include "arith.h"

/* 2^-y, y in UQ5.27, the result in UQ2.30. */
TP_INLINE uint32_t tp_exp2_neg(uint32_t y)
{
    static const uint32_t c1 = 1488521986, c2 = 515877902, c3 = 119165493, c4 = 20571132, c5 = 2737501, c6 = 234126;
    const uint32_t whole = y >> 27, f = (y & 0x07ffffffu) << 4;
#define TIMES_F(h) ((uint32_t)(((uint64_t)(h) * f) >> 31))
    uint32_t h = c6;
    h = c5 - TIMES_F(h);
    h = c4 - TIMES_F(h);
    h = c3 - TIMES_F(h);
    h = c2 - TIMES_F(h);
    h = c1 - TIMES_F(h);
    h = 0x80000000u - TIMES_F(h);
#undef TIMES_F
    return ((h >> whole) + 1) >> 1;
}

/* Of a number that is not 0. */
TP_INLINE int32_t tp_leading_zeros(uint64_t x)
{
    const uint32_t high = (uint32_t)(x >> 32), no_high = ~tp_mask(high);
    /* The word that holds the first one; its lowest bit set changes nothing unless the word is 1 or 0. */
    const uint32_t word = high | ((uint32_t)x & no_high);
    return tp_clz(word | 1u) + (int32_t)(32u & no_high);
}

/* Each power over the sum of all, in q1.30. */
TP_INLINE void tp_shares(int32_t *restrict p, uint64_t sum, int32_t classes)
{
    /* 1 / sum as a multiplier of 31 bits and a shift. */
    const int32_t top = tp_leading_zeros(sum);
    uint64_t rest;
    const uint64_t multiplier = tp_divide((uint64_t)1 << 62, tp_lsl(sum, top) >> 32, 32, &rest);
    const int32_t shift = 64 - top;
    const uint64_t nearest = tp_lsl(1, shift) >> 1;
    for (int32_t c = 0; c < classes; c++) p[c] = (int32_t)tp_lsr((uint64_t)(uint32_t)p[c] * (uint32_t)multiplier + nearest, shift);
}

/* Probabilities in q1.30. */
TP_INLINE void tp_softmax_q30(const int32_t *z, int32_t *p, uint32_t mantissa, int32_t left, int32_t right, int32_t classes)
{
    int32_t most = z[0];
    for (int32_t c = 1; c < classes; c++) most = tp_max(z[c], most);
    const uint64_t half = tp_lsl(1, right) >> 1;
    uint64_t sum = 0;
    for (int32_t c = 0; c < classes; c++) {
        const uint64_t y = tp_lsr((uint64_t)((uint32_t)most - (uint32_t)z[c]) * mantissa + half, right);
        const uint64_t over = tp_lsr(y, 32 - left);
        const uint32_t e = tp_exp2_neg((uint32_t)y << left | tp_mask((uint32_t)over | (uint32_t)(over >> 32)));
        sum += e;
        p[c] = (int32_t)e;
    }
    tp_shares(p, sum, classes);
}

#endif
