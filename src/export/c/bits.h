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

#endif
