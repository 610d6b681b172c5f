/* Number of differing bits of two runs of words: SWAR on cores without a population count, `cnt` with NEON. */
#ifndef TINYPREC_POPCOUNT_H
#define TINYPREC_POPCOUNT_H

#include <stdint.h>

static inline __attribute__((always_inline)) uint32_t tp_popcount(uint32_t v)
{
    v -= (v >> 1) & 0x55555555u;
    v = (v & 0x33333333u) + ((v >> 2) & 0x33333333u);
    v = (v + (v >> 4)) & 0x0f0f0f0fu;
    return (v * 0x01010101u) >> 24;
}

#if defined(__ARM_NEON)
#include <arm_neon.h>

/* Adds popcount(a ^ b) over n words to the running total in `sum`. */
typedef uint32x4_t tp_sum;

static inline __attribute__((always_inline)) tp_sum tp_sum_zero(void) { return vdupq_n_u32(0); }

static inline __attribute__((always_inline)) tp_sum tp_differing(tp_sum sum, const uint32_t *a, const uint32_t *b, int32_t n)
{
    for (; n >= 4; n -= 4, a += 4, b += 4) {
        uint8x16_t c = vcntq_u8(vreinterpretq_u8_u32(veorq_u32(vld1q_u32(a), vld1q_u32(b))));
        sum = vpadalq_u16(sum, vpaddlq_u8(c));
    }
    for (; n > 0; n--, a++, b++) {
        uint8x8_t c = vcnt_u8(vreinterpret_u8_u32(vdup_n_u32(*a ^ *b)));
        sum = vaddw_u16(sum, vand_u16(vpaddl_u8(c), vcreate_u16(0x00000000ffffffffull)));
    }
    return sum;
}

static inline __attribute__((always_inline)) int32_t tp_sum_value(tp_sum sum) { return (int32_t)vaddvq_u32(sum); }

#else

typedef uint32_t tp_sum;

static inline __attribute__((always_inline)) tp_sum tp_sum_zero(void) { return 0; }

static inline __attribute__((always_inline)) tp_sum tp_differing(tp_sum sum, const uint32_t *a, const uint32_t *b, int32_t n)
{
    for (int32_t i = 0; i < n; i++) sum += tp_popcount(a[i] ^ b[i]);
    return sum;
}

static inline __attribute__((always_inline)) int32_t tp_sum_value(tp_sum sum) { return (int32_t)sum; }

#endif
#endif
