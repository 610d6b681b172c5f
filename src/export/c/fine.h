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

/* The same by the other rules. */
TP_INLINE int64_t tp_fine_floor(int64_t x, const tp_fine *by) { return tp_asr((int64_t)tp_lsl((uint64_t)(x * by->mantissa), by->left), by->right); }

TP_INLINE int64_t tp_fine_up(int64_t x, const tp_fine *by)
{
    const int64_t p = (int64_t)tp_lsl((uint64_t)(x * by->mantissa), by->left);
    const uint64_t unit = tp_lsl(1, by->right), rest = (uint64_t)p & (unit - 1);
    return tp_asr(p, by->right) + (int64_t)tp_not_below(rest << 1, unit);
}

/* A half of what is not negative goes up. */
TP_INLINE int64_t tp_fine_away(int64_t x, const tp_fine *by)
{
    const int64_t p = (int64_t)tp_lsl((uint64_t)(x * by->mantissa), by->left);
    const uint64_t unit = tp_lsl(1, by->right), rest = (uint64_t)p & (unit - 1);
    return tp_asr(p, by->right) + (int64_t)(tp_not_below(unit, (rest << 1) + ((uint64_t)~p >> 63)) ^ 1u);
}

TP_INLINE int64_t tp_fine_zero(int64_t x, const tp_fine *by)
{
    const int64_t p = (int64_t)tp_lsl((uint64_t)(x * by->mantissa), by->left);
    const uint64_t rest = (uint64_t)p & (tp_lsl(1, by->right) - 1);
    return tp_asr(p, by->right) + (int64_t)(((uint64_t)p >> 63) & tp_not_below(rest, 1));
}

#endif
