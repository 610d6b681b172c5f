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

/* a where the mask is ones, b where it is zero. */
TP_INLINE int32_t tp_choose(uint32_t mask, int32_t a, int32_t b) { return (int32_t)(((uint32_t)a & mask) | ((uint32_t)b & ~mask)); }

/* What other cores do in an instruction or two, RV32 does without a branch: selection, 64-bit shifts and comparison. */
#if defined(__riscv) && __riscv_xlen == 32
TP_INLINE int32_t tp_select(int condition, int32_t a, int32_t b) { return tp_choose(tp_mask((uint32_t)condition), a, b); }

TP_INLINE uint64_t tp_join(uint32_t high, uint32_t low) { return ((uint64_t)high << 32) | low; }

/* x / 2^shift rounded down; shift 0 ... 63. */
TP_INLINE int64_t tp_asr(int64_t x, int32_t shift)
{
    const int32_t high = (int32_t)(x >> 32), few = shift & 31;
    const uint32_t part = ((uint32_t)x >> few) | (((uint32_t)high << 1) << (31 - few)), many = tp_mask((uint32_t)shift & 32u);
    return (int64_t)tp_join((uint32_t)tp_choose(many, high >> 31, high >> few), (uint32_t)tp_choose(many, high >> few, (int32_t)part));
}

TP_INLINE uint64_t tp_lsr(uint64_t x, int32_t shift)
{
    const uint32_t high = (uint32_t)(x >> 32), many = tp_mask((uint32_t)shift & 32u);
    const int32_t few = shift & 31;
    const uint32_t part = ((uint32_t)x >> few) | ((high << 1) << (31 - few));
    return tp_join((high >> few) & ~many, (uint32_t)tp_choose(many, (int32_t)(high >> few), (int32_t)part));
}

TP_INLINE uint64_t tp_lsl(uint64_t x, int32_t shift)
{
    const uint32_t low = (uint32_t)x, many = tp_mask((uint32_t)shift & 32u);
    const int32_t few = shift & 31;
    const uint32_t part = ((uint32_t)(x >> 32) << few) | ((low >> 1) >> (31 - few));
    return tp_join((uint32_t)tp_choose(many, (int32_t)(low << few), (int32_t)part), (low << few) & ~many);
}

TP_INLINE uint32_t tp_not_below(uint64_t a, uint64_t b)
{
    const uint32_t high_a = (uint32_t)(a >> 32), high_b = (uint32_t)(b >> 32);
    return ((uint32_t)(high_a < high_b) | ((uint32_t)(high_a == high_b) & (uint32_t)((uint32_t)a < (uint32_t)b))) ^ 1u;
}
#else
TP_INLINE int32_t tp_select(int condition, int32_t a, int32_t b) { return condition ? a : b; }
TP_INLINE int64_t tp_asr(int64_t x, int32_t shift) { return x >> shift; }
TP_INLINE uint64_t tp_lsr(uint64_t x, int32_t shift) { return x >> shift; }
TP_INLINE uint64_t tp_lsl(uint64_t x, int32_t shift) { return x << shift; }
TP_INLINE uint32_t tp_not_below(uint64_t a, uint64_t b) { return a >= b; }
#endif

/* Leading zeros of a number that is not 0. */
#if defined(__riscv)
TP_INLINE int32_t tp_clz(uint32_t x)
{
    int32_t n = 0;
    for (int32_t width = 16; width > 0; width >>= 1) {
        const int32_t none = (int32_t)((x >> (32 - width)) == 0) * width;
        n += none;
        x <<= none;
    }
    return n;
}
#else
TP_INLINE int32_t tp_clz(uint32_t x) { return __builtin_clz(x); }
#endif

TP_INLINE int32_t tp_min(int32_t a, int32_t b) { return tp_select(a < b, a, b); }
TP_INLINE int32_t tp_max(int32_t a, int32_t b) { return tp_select(a > b, a, b); }

TP_INLINE int32_t tp_clamp(int32_t x, int32_t lo, int32_t hi)
{
    x = tp_select(x < lo, lo, x);
    return tp_select(x > hi, hi, x);
}

/* Saturates to 32 bits. */
TP_INLINE int32_t tp_saturate(int64_t x)
{
    const int32_t high = (int32_t)(x >> 32), low = (int32_t)x;
    const int32_t outside = (int32_t)tp_mask((uint32_t)(high ^ (low >> 31)));
    return (low & ~outside) | (((high >> 31) ^ 0x7fffffff) & outside);
}

/* a + b saturated to 32 bits, at each addition. */
TP_INLINE int32_t tp_add_wide(int32_t a, int64_t b) { return tp_saturate(a + b); }

#if defined(__ARM_FEATURE_DSP) && !defined(__aarch64__)
#include <arm_acle.h>
TP_INLINE int32_t tp_add(int32_t a, int32_t b) { return __qadd(a, b); }
#else
TP_INLINE int32_t tp_add(int32_t a, int32_t b) { return tp_add_wide(a, b); }
#endif

/* Bits of p below the last but one that a shift by `shift` drops; constant over a loop. */
TP_INLINE uint64_t tp_below(int32_t shift) { return tp_lsl(1, shift - 1) - 1; }

/* p / 2^shift to nearest, ties to even; shift 1 ... 62. Cannot overflow. */
TP_INLINE int64_t tp_round_shift(int64_t p, int32_t shift, uint64_t below)
{
    const int64_t twice = tp_asr(p, shift - 1), floor = twice >> 1;
    const uint64_t rest = (uint64_t)p & below;
    const uint32_t any = (uint32_t)rest | (uint32_t)(rest >> 32);
    return floor + ((uint32_t)twice & ((uint32_t)floor | (any != 0)) & 1u);
}

/* The same rounded down; ties up; ties away from zero; towards zero. */
TP_INLINE int64_t tp_floor_shift(int64_t p, int32_t shift, uint64_t below)
{
    (void)below;
    return tp_asr(p, shift);
}

TP_INLINE int64_t tp_up_shift(int64_t p, int32_t shift, uint64_t below)
{
    (void)below;
    const int64_t twice = tp_asr(p, shift - 1);
    return (twice >> 1) + (twice & 1);
}

TP_INLINE int64_t tp_away_shift(int64_t p, int32_t shift, uint64_t below)
{
    const int64_t twice = tp_asr(p, shift - 1);
    const uint64_t rest = (uint64_t)p & below;
    const uint32_t any = (uint32_t)rest | (uint32_t)(rest >> 32), positive = ~(uint32_t)(p >> 63);
    return (twice >> 1) + ((uint32_t)twice & (positive | (any != 0)) & 1u);
}

TP_INLINE int64_t tp_zero_shift(int64_t p, int32_t shift, uint64_t below)
{
    const int64_t twice = tp_asr(p, shift - 1);
    const uint64_t rest = (uint64_t)p & below;
    const uint32_t any = (uint32_t)rest | (uint32_t)(rest >> 32), negative = (uint32_t)(p >> 63);
    return (twice >> 1) + (((uint32_t)twice | (any != 0)) & negative & 1u);
}

/* round(x * mantissa / 2^shift) of a 32-bit x. */
TP_INLINE int64_t tp_product(int32_t x, int32_t mantissa, int32_t shift, uint64_t below)
{
    return tp_round_shift((int64_t)x * mantissa, shift, below);
}

/* The same for |x| < 2^60 and |result| < 2^33, exact in 96 bits, by each rule. `left` = max(0, 32 - shift), `right` = shift + left - 30.
 * The half bit of the low word, and whether anything lies below it, stand for that word. */
#define TP_PRODUCT_WIDE(name, round)                                                                                        \
    TP_INLINE int64_t name(int64_t x, int32_t mantissa, int32_t left, int32_t right, uint64_t below)                        \
    {                                                                                                                       \
        x = (int64_t)tp_lsl((uint64_t)x, left);                                                                             \
        const uint64_t low = (uint64_t)(uint32_t)x * (uint32_t)mantissa;                                                    \
        const int64_t high = (x >> 32) * mantissa + (int64_t)(low >> 32);                                                   \
        const uint32_t half = (uint32_t)low >> 31, rest = (uint32_t)low << 1;                                               \
        return round((int64_t)(((uint64_t)high << 2) | (half << 1) | (rest != 0)), right, below);                           \
    }

TP_PRODUCT_WIDE(tp_product_wide, tp_round_shift)
TP_PRODUCT_WIDE(tp_up_wide, tp_up_shift)
TP_PRODUCT_WIDE(tp_away_wide, tp_away_shift)
TP_PRODUCT_WIDE(tp_zero_wide, tp_zero_shift)

/* tp_product_wide rounded down. */
TP_INLINE int64_t tp_floor_wide(int64_t x, int32_t mantissa, int32_t left, int32_t right, uint64_t below)
{
    (void)below;
    x = (int64_t)tp_lsl((uint64_t)x, left);
    const uint64_t low = (uint64_t)(uint32_t)x * (uint32_t)mantissa;
    return tp_asr((x >> 32) * mantissa + (int64_t)(low >> 32), right - 2);
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
    uint64_t left = bits < 64 ? tp_lsr(num, bits & 63) : 0, low = bits < 64 ? tp_lsl(num, (64 - bits) & 63) : num, quotient = 0;
    for (int32_t i = 0; i < bits; i++) {
        left = (left << 1) | (low >> 63);
        low <<= 1;
        const uint64_t fits = tp_not_below(left, den);
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
    const int64_t rounded = (int64_t)(floor + ((tp_not_below(den, twice) ^ 1u) | (tp_not_below(den, twice) & tp_not_below(twice, den) & (uint32_t)floor & 1u)));
    return (rounded ^ sign) - sign;
}

/* The same rounded down. */
TP_INLINE int64_t tp_divide_floor(int64_t num, uint64_t den, int32_t bits)
{
    const int64_t sign = num >> 63;
    uint64_t rest;
    const uint64_t floor = tp_divide((uint64_t)((num ^ sign) - sign), den, bits, &rest);
    const int64_t up = (int64_t)floor + (sign & (int64_t)(tp_not_below(rest, 1)));
    return (up ^ sign) - sign;
}

/* Ties up; ties away from zero; towards zero. */
TP_INLINE int64_t tp_divide_up(int64_t num, uint64_t den, int32_t bits)
{
    const int64_t sign = num >> 63;
    uint64_t rest;
    const uint64_t floor = tp_divide((uint64_t)((num ^ sign) - sign), den, bits, &rest), twice = rest << 1;
    const uint32_t most = tp_not_below(den, twice) ^ 1u, half = tp_not_below(twice, den), positive = (uint32_t)~sign & 1u;
    return ((int64_t)(floor + (most | (half & positive))) ^ sign) - sign;
}

TP_INLINE int64_t tp_divide_away(int64_t num, uint64_t den, int32_t bits)
{
    const int64_t sign = num >> 63;
    uint64_t rest;
    const uint64_t floor = tp_divide((uint64_t)((num ^ sign) - sign), den, bits, &rest);
    return ((int64_t)(floor + tp_not_below(rest << 1, den)) ^ sign) - sign;
}

TP_INLINE int64_t tp_divide_zero(int64_t num, uint64_t den, int32_t bits)
{
    const int64_t sign = num >> 63;
    uint64_t rest;
    return ((int64_t)tp_divide((uint64_t)((num ^ sign) - sign), den, bits, &rest) ^ sign) - sign;
}

/* Largest integer whose square is not above x. */
TP_INLINE uint32_t tp_isqrt(uint64_t x)
{
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 62; bit != 0; bit >>= 2) {
        const uint64_t trial = root + bit, fits = 0 - (uint64_t)tp_not_below(x, trial);
        x -= trial & fits;
        root = (root >> 1) + (bit & fits);
    }
    return (uint32_t)root;
}

#endif
