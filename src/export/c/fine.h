/* Products on the fine grid of weights whose range is taken anew each step. */
#ifndef TINYPREC_FINE_H
#define TINYPREC_FINE_H

#include "tinyprec.h"
#include "arith.h"

/* round(x * mantissa * 2^left / 2^right), right 0 ... 62; |x * mantissa * 2^left| < 2^63. */
TP_INLINE int64_t tp_fine_product(int64_t x, const tp_fine *by)
{
    const int64_t p = (int64_t)tp_lsl((uint64_t)(x * by->mantissa), by->left), floor = tp_asr(p, by->right);
    const uint64_t unit = tp_lsl(1, by->right), rest = (uint64_t)p & (unit - 1);
    /* Twice the rest and the floor's lowest bit against one unit; without a shift there is no rest and nothing to round. */
    const uint64_t twice = (rest << 1) + ((uint64_t)floor & 1u & (uint64_t)(by->right != 0));
    return floor + (int64_t)(tp_not_below(unit, twice) ^ 1u);
}

#endif
