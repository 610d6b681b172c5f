/* What the 8-bit layers share: a factor with two roundings, and the code of a sum. */
#ifndef TINYPREC_INT8_H
#define TINYPREC_INT8_H

#include "tinyprec.h"
#include "arith.h"

/* x * multiplier / 2^(31 - shift): the high word rounded with halves up, then the rest shifted out with halves away from zero. */
TP_INLINE int32_t tp_multiply(int32_t x, const tp_factor *f)
{
    const int32_t left = tp_max(f->shift, 0), right = tp_max(-f->shift, 0);
    const int32_t high = (int32_t)(((int64_t)(int32_t)((uint32_t)x << left) * f->multiplier + (1 << 30)) >> 31);
    const int32_t mask = (int32_t)(((uint32_t)1 << right) - 1u), rest = high & mask, half = (mask >> 1) - (high >> 31);
    return (high >> right) + (int32_t)((uint32_t)(half - rest) >> 31);
}

TP_INLINE int8_t tp_code(int32_t sum, const tp_factor *f, const tp_quant *q)
{
    return (int8_t)tp_clamp(tp_multiply(sum, f) + q->zero, q->lo, q->hi);
}

#endif
