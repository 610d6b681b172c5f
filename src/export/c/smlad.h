/* Pairs of 16-bit numbers for SMLAD. Empty on cores that have no products of two lanes. */
#ifndef TINYPREC_SMLAD_H
#define TINYPREC_SMLAD_H

#include "arith.h"

#if defined(__ARM_FEATURE_DSP)
#include <arm_acle.h>

/* Two neighbouring numbers of a patch. */
TP_INLINE int32_t tp_pair(const int16_t *p)
{
    int32_t v;
    __builtin_memcpy(&v, p, 4);
    return v;
}

/* Four neighbouring codes. */
TP_INLINE int32_t tp_quad(const int8_t *p)
{
    int32_t v;
    __builtin_memcpy(&v, p, 4);
    return v;
}

TP_INLINE int32_t tp_ror8(int32_t x) { return (int32_t)(((uint32_t)x >> 8) | ((uint32_t)x << 24)); }
TP_INLINE int32_t tp_low_halves(int32_t a, int32_t b) { return (int32_t)(((uint32_t)a & 0xffffu) | ((uint32_t)b << 16)); }
TP_INLINE int32_t tp_high_halves(int32_t a, int32_t b) { return (int32_t)(((uint32_t)b & 0xffff0000u) | ((uint32_t)a >> 16)); }

/* Four weights as two pairs in their order. */
TP_INLINE void tp_widen(const int8_t *w, int32_t *first, int32_t *second)
{
    const int32_t bytes = tp_quad(w), even = __sxtb16(bytes), odd = __sxtb16(tp_ror8(bytes));
    *first = tp_low_halves(even, odd);
    *second = tp_high_halves(even, odd);
}
#endif

#endif
