/* What the kernels on packed bits share. */
#ifndef TINYPREC_BITS_H
#define TINYPREC_BITS_H

#include "tinyprec.h"
#include "arith.h"
#include "popcount.h"

/* Puts the sign of `difference` into the highest bit; after n pushes, `tp_last_bits` brings n bits down to bit 0. */
TP_INLINE uint32_t tp_push_bit(uint32_t word, int32_t difference)
{
    return (word >> 1) | ((uint32_t)difference & 0x80000000u);
}

/* Copies one output pixel's patch together and gives the sum of its bytes. */
TP_INLINE int32_t tp_gather(const uint8_t *from, uint8_t *patch, int32_t kh, int32_t run, int32_t pitch)
{
    int32_t sum = 0;
    for (int32_t ky = 0; ky < kh; ky++, from += pitch)
        for (int32_t i = 0; i < run; i++) {
            sum += from[i];
            *patch++ = from[i];
        }
    return sum;
}

/* Sum of the patch's bytes whose weight is -1. */
TP_INLINE int32_t tp_minus(const uint8_t *patch, const uint32_t *row, int32_t terms)
{
    uint32_t sum = 0;
    for (int32_t left = terms; left > 0; left -= 32) {
        const int32_t n = tp_min(left, 32);
        uint32_t bits = *row++;
        for (int32_t i = 0; i < n; i++, bits >>= 1) sum += *patch++ & (0u - (bits & 1u));
    }
    return (int32_t)sum;
}

/* Differing bits of one output pixel's patch and one weight row; a patch row is contiguous. */
TP_INLINE int32_t tp_patch(const uint32_t *patch, const uint32_t *row, int32_t kh, int32_t run, int32_t pitch)
{
    tp_sum sum = tp_sum_zero();
    for (int32_t ky = 0; ky < kh; ky++) {
        sum = tp_differing(sum, patch, row, run);
        patch += pitch;
        row += run;
    }
    return tp_sum_value(sum);
}

/* Differing bits of one output's patch and one weight row over all pairs of planes; a tap's planes lie one after the other. */
TP_INLINE int32_t tp_planes(const uint32_t *x, const uint32_t *row, int32_t kh, int32_t kw, int32_t pitch, int32_t words, int32_t x_planes, int32_t w_planes)
{
    tp_sum sum = tp_sum_zero();
    for (int32_t ky = 0; ky < kh; ky++, x += pitch) {
        const uint32_t *tap = x;
        for (int32_t kx = 0; kx < kw; kx++, tap += x_planes * words, row += w_planes * words)
            for (int32_t i = 0; i < x_planes; i++)
                for (int32_t j = 0; j < w_planes; j++) sum = tp_differing(sum, tap + i * words, row + j * words, words);
    }
    return tp_sum_value(sum);
}

/* Half sums of planes: the products of all pairs count `pairs` times too much. */
#define TP_OF_PAIRS(bits, differing, pairs) ((bits) - 2 * (differing) / (pairs))

/* Two bits of each channel: one comparison a plane, planes of a pixel one after the other. */
#define TP_TWO_BITS(dot)                                                                                                    \
    for (int32_t left = shape->oc; left > 0; left -= 32) {                                                                  \
        const int32_t n = tp_min(left, 32);                                                                                 \
        uint32_t low = 0, high = 0;                                                                                         \
        for (int32_t b = 0; b < n; b++, t += 2) {                                                                           \
            const int32_t sum = dot;                                                                                        \
            low = tp_push_bit(low, sum - t[0]);                                                                             \
            high = tp_push_bit(high, sum - t[1]);                                                                           \
        }                                                                                                                   \
        y[0] = low >> (32 - n);                                                                                             \
        y[owords] = high >> (32 - n);                                                                                       \
        y++;                                                                                                                \
    }                                                                                                                       \
    y += owords;

#endif
