/* Integer arithmetic of the learning head: products with a real factor, rounding, saturation, division. No data-dependent branch. */
#ifndef TINYPREC_ARITH_H
#define TINYPREC_ARITH_H

#include <stdint.h>

#define TP_INLINE static inline __attribute__((always_inline))

/* All ones where x is not 0, else 0; the compiler cannot see where it comes from and so makes no branch of it. */
TP_INLINE uint32_t tp_mask(uint32_t x)
{
    uint32_t mask = 0u - (uint32_t)(x != 0);
    __asm__("" : "+r"(mask));
    return mask;
}

TP_INLINE int32_t tp_clamp(int32_t x, int32_t lo, int32_t hi)
{
    x = x < lo ? lo : x;
    return x > hi ? hi : x;
}

/* Saturates to 32 bits. */
TP_INLINE int32_t tp_saturate(int64_t x)
{
    const int32_t high = (int32_t)(x >> 32), low = (int32_t)x;
    const int32_t outside = (int32_t)tp_mask((uint32_t)(high ^ (low >> 31)));
    return (low & ~outside) | (((high >> 31) ^ 0x7fffffff) & outside);
}

/* Bits of p below the last but one that a shift by `shift` drops; constant over a loop. */
TP_INLINE uint64_t tp_below(int32_t shift) { return ((uint64_t)1 << (shift - 1)) - 1; }

/* p / 2^shift to nearest, ties to even; shift 1 ... 62. Cannot overflow. */
TP_INLINE int64_t tp_round_shift(int64_t p, int32_t shift, uint64_t below)
{
    const int64_t twice = p >> (shift - 1), floor = twice >> 1;
    const uint64_t rest = (uint64_t)p & below;
    const uint32_t any = (uint32_t)rest | (uint32_t)(rest >> 32);
    return floor + ((uint32_t)twice & ((uint32_t)floor | (any != 0)) & 1u);
}

/* round(x * mantissa / 2^shift) of a 32-bit x. */
TP_INLINE int64_t tp_product(int32_t x, int32_t mantissa, int32_t shift, uint64_t below)
{
    return tp_round_shift((int64_t)x * mantissa, shift, below);
}

/* The same for |x| <= 2^32. */
TP_INLINE int64_t tp_product_33(int64_t x, int32_t mantissa, int32_t shift, uint64_t below)
{
    return tp_round_shift(x * mantissa, shift, below);
}

/* The same for |x| < 2^60 and |result| < 2^33, exact in 96 bits. `left` = max(0, 32 - shift), `right` = shift + left - 30. */
TP_INLINE int64_t tp_product_wide(int64_t x, int32_t mantissa, int32_t left, int32_t right, uint64_t below)
{
    x = (int64_t)((uint64_t)x << left);
    const uint64_t low = (uint64_t)(uint32_t)x * (uint32_t)mantissa;
    const int64_t high = (x >> 32) * mantissa + (int64_t)(low >> 32);
    /* The half bit of the low word, and whether anything lies below it. */
    const uint32_t half = (uint32_t)low >> 31, rest = (uint32_t)low << 1;
    return tp_round_shift((int64_t)(((uint64_t)high << 2) | (half << 1) | (rest != 0)), right, below);
}

/* num / den for a quotient below 2^bits and den below 2^63; *rest gets the remainder. One subtraction a bit where the core has
 * no 64-bit division. */
TP_INLINE uint64_t tp_divide(uint64_t num, uint64_t den, int32_t bits, uint64_t *rest)
{
#if defined(__aarch64__)
    (void)bits;
    const uint64_t quotient = num / den;
    *rest = num - quotient * den;
    return quotient;
#else
    uint64_t left = bits < 64 ? num >> (bits & 63) : 0, low = bits < 64 ? num << ((64 - bits) & 63) : num, quotient = 0;
    for (int32_t i = 0; i < bits; i++) {
        left = (left << 1) | (low >> 63);
        low <<= 1;
        const uint64_t fits = (uint64_t)(left >= den);
        left -= den & (0 - fits);
        quotient = (quotient << 1) | fits;
    }
    *rest = left;
    return quotient;
#endif
}

/* num / den to nearest, ties to even, for a quotient below 2^bits. */
TP_INLINE int64_t tp_divide_even(int64_t num, uint64_t den, int32_t bits)
{
    const int64_t sign = num >> 63;
    uint64_t rest;
    const uint64_t floor = tp_divide((uint64_t)((num ^ sign) - sign), den, bits, &rest);
    const uint64_t twice = rest << 1;
    const int64_t rounded = (int64_t)(floor + ((twice > den) | ((twice == den) & (uint32_t)floor & 1u)));
    return (rounded ^ sign) - sign;
}

#endif
