/* Bodies that round to a grid, one for every rule of rounding: `round(p, shift, below)` is p / 2^shift as arith.h has it for each rule. */
#ifndef TINYPREC_RULES_H
#define TINYPREC_RULES_H

#include "tinyprec.h"
#include "arith.h"
#include "fine.h"

/* to[i] = limit(dst_zero + round((from[i] - src_zero) * factor)) */
#define TP_REQUANTISE(name, from_t, to_t, round)                                                                            \
    void name(const from_t *restrict from, to_t *restrict to, const tp_requant *restrict by, int32_t n)                     \
    {                                                                                                                       \
        const tp_requant r = *by;                                                                                           \
        const uint64_t below = tp_below(r.shift);                                                                           \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            const int64_t code = round((int64_t)(from[i] - r.src_zero) * r.mantissa, r.shift, below) + r.dst_zero;          \
            to[i] = (to_t)tp_clamp(tp_saturate(code), r.lo, r.hi);                                                          \
        }                                                                                                                   \
    }

#define TP_REQUANTISE_WIDE(name, to_t, product)                                                                             \
    void name(const int64_t *restrict from, to_t *restrict to, const tp_requant *restrict by, int32_t n)                    \
    {                                                                                                                       \
        const tp_requant r = *by;                                                                                           \
        const int32_t short_of = 32 - r.shift, left = short_of & ~(short_of >> 31), right = r.shift + left - 30;            \
        const uint64_t below = tp_below(right);                                                                             \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            const int64_t code = product(from[i] - r.src_zero, r.mantissa, left, right, below) + r.dst_zero;                \
            to[i] = (to_t)tp_clamp(tp_saturate(code), r.lo, r.hi);                                                          \
        }                                                                                                                   \
    }

/* `wide_t` is int32_t where gradient - src_zero fits 32 bits, int64_t where it needs one more. */
#define TP_SGD(name, gradient_t, master_t, wide_t, round)                                                                   \
    void name(const gradient_t *restrict gradient, master_t *restrict master, const tp_requant *restrict by, int32_t n)     \
    {                                                                                                                       \
        const tp_requant r = *by;                                                                                           \
        const uint64_t below = tp_below(r.shift);                                                                           \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            const int64_t step = round((int64_t)((wide_t)gradient[i] - r.src_zero) * r.mantissa, r.shift, below);           \
            master[i] = (master_t)tp_clamp(tp_saturate(master[i] - step), r.lo, r.hi);                                      \
        }                                                                                                                   \
    }

#define TP_VELOCITY(name, code_t, master_t, wide_t, round)                                                                  \
    void name(const code_t *restrict gradient, const master_t *restrict master, int32_t *restrict velocity,                 \
              const tp_requant *restrict gradient_by, const tp_requant *restrict momentum, const tp_requant *restrict decay, int32_t n) \
    {                                                                                                                       \
        const tp_requant g = *gradient_by;                                                                                  \
        const int32_t m = momentum->mantissa, m_shift = momentum->shift, d = decay->mantissa, d_shift = decay->shift;       \
        const uint64_t g_below = tp_below(g.shift), m_below = tp_below(m_shift), d_below = tp_below(d_shift);               \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            const int64_t kept = round((int64_t)velocity[i] * m, m_shift, m_below);                                         \
            const int64_t new = round((int64_t)((wide_t)gradient[i] - g.src_zero) * g.mantissa, g.shift, g_below);          \
            const int64_t pull = round((int64_t)master[i] * d, d_shift, d_below);                                           \
            velocity[i] = tp_clamp(tp_saturate(kept + new + pull), g.lo, g.hi);                                             \
        }                                                                                                                   \
    }

/* Only the step rounds by the rule; the weights come to the fine grid by the nearest. */
#define TP_SGD_FINE(name, base_t, product)                                                                                  \
    void name(const int32_t *restrict gradient, const base_t *restrict base, int64_t *restrict fine, const tp_fine *restrict widen, const tp_fine *restrict step, int32_t n) \
    {                                                                                                                       \
        const tp_fine w = *widen, s = *step;                                                                                \
        for (int32_t i = 0; i < n; i++)                                                                                     \
            fine[i] = tp_fine_product((int64_t)base[i] - w.zero, &w) - product((int64_t)gradient[i] - s.zero, &s);          \
    }

#endif
