/* What rounds to a code by the rules beside ties to even; grids a power of two apart. */
#include "rules.h"

#define TP_BY(rule)                                                                                                         \
    TP_REQUANTISE(tp_forward_copy_##rule##_i8_i8, int8_t, int8_t, tp_##rule##_shift)                                        \
    TP_REQUANTISE(tp_forward_copy_##rule##_i16_i8, int16_t, int8_t, tp_##rule##_shift)                                      \
    TP_REQUANTISE(tp_forward_copy_##rule##_i32_i8, int32_t, int8_t, tp_##rule##_shift)                                      \
    TP_REQUANTISE(tp_forward_copy_##rule##_i8_i16, int8_t, int16_t, tp_##rule##_shift)                                      \
    TP_REQUANTISE(tp_forward_copy_##rule##_i16_i16, int16_t, int16_t, tp_##rule##_shift)                                    \
    TP_REQUANTISE(tp_forward_copy_##rule##_i32_i16, int32_t, int16_t, tp_##rule##_shift)                                    \
    TP_REQUANTISE(tp_forward_copy_##rule##_i8_i32, int8_t, int32_t, tp_##rule##_shift)                                      \
    TP_REQUANTISE(tp_forward_copy_##rule##_i16_i32, int16_t, int32_t, tp_##rule##_shift)                                    \
    TP_REQUANTISE(tp_forward_copy_##rule##_i32_i32, int32_t, int32_t, tp_##rule##_shift)                                    \
    TP_REQUANTISE(tp_quantise_error_##rule##_i8, int32_t, int8_t, tp_##rule##_shift)                                        \
    TP_REQUANTISE(tp_quantise_error_##rule##_i16, int32_t, int16_t, tp_##rule##_shift)                                      \
    TP_REQUANTISE(tp_quantise_error_##rule##_i32, int32_t, int32_t, tp_##rule##_shift)                                      \
    TP_REQUANTISE(tp_quantise_gradient_##rule##_i32_i8, int32_t, int8_t, tp_##rule##_shift)                                 \
    TP_REQUANTISE(tp_quantise_gradient_##rule##_i32_i16, int32_t, int16_t, tp_##rule##_shift)                               \
    TP_REQUANTISE_WIDE(tp_quantise_gradient_##rule##_i64_i32, int32_t, tp_##rule##_wide)                                    \
    TP_REQUANTISE_WIDE(tp_requantise_##rule##_i64_i8, int8_t, tp_##rule##_wide)                                             \
    TP_REQUANTISE_WIDE(tp_requantise_##rule##_i64_i16, int16_t, tp_##rule##_wide)                                           \
    TP_REQUANTISE_WIDE(tp_requantise_##rule##_i64_i32, int32_t, tp_##rule##_wide)                                           \
    TP_SGD(tp_sgd_update_##rule##_i8_i8, int8_t, int8_t, int32_t, tp_##rule##_shift)                                        \
    TP_SGD(tp_sgd_update_##rule##_i16_i16, int16_t, int16_t, int32_t, tp_##rule##_shift)                                    \
    TP_SGD(tp_sgd_update_##rule##_i32_i32, int32_t, int32_t, int64_t, tp_##rule##_shift)                                    \
    TP_SGD(tp_sgd_update_##rule##_i32_i8, int32_t, int8_t, int64_t, tp_##rule##_shift)                                      \
    TP_SGD(tp_sgd_update_##rule##_i32_i16, int32_t, int16_t, int64_t, tp_##rule##_shift)                                    \
    TP_SGD_FINE(tp_sgd_update_##rule##_i32_i8_i64, int8_t, tp_fine_##rule)                                                  \
    TP_SGD_FINE(tp_sgd_update_##rule##_i32_i16_i64, int16_t, tp_fine_##rule)                                                \
    TP_SGD_FINE(tp_sgd_update_##rule##_i32_i32_i64, int32_t, tp_fine_##rule)                                                \
    TP_VELOCITY(tp_velocity_##rule##_i8_i8, int8_t, int8_t, int32_t, tp_##rule##_shift)                                     \
    TP_VELOCITY(tp_velocity_##rule##_i16_i16, int16_t, int16_t, int32_t, tp_##rule##_shift)                                 \
    TP_VELOCITY(tp_velocity_##rule##_i32_i32, int32_t, int32_t, int64_t, tp_##rule##_shift)                                 \
    TP_VELOCITY(tp_velocity_##rule##_i32_i8, int32_t, int8_t, int64_t, tp_##rule##_shift)                                   \
    TP_VELOCITY(tp_velocity_##rule##_i32_i16, int32_t, int16_t, int64_t, tp_##rule##_shift)

TP_BY(floor)
TP_BY(up)
TP_BY(away)
TP_BY(zero)

/* Grids a power of two apart: to[i] = limit(dst_zero + from[i] / 2^shift) to nearest, ties to even, in 32 bits; src_zero 0, shift 1 ... 31. */
#define TP_SHIFT(name, from_t, to_t)                                                                                        \
    void name(const from_t *restrict from, to_t *restrict to, const tp_requant *restrict by, int32_t n)                     \
    {                                                                                                                       \
        const tp_requant r = *by;                                                                                           \
        const int32_t below = (int32_t)((1u << (r.shift - 1)) - 1);                                                         \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            const int32_t twice = from[i] >> (r.shift - 1), floor = twice >> 1;                                             \
            const uint32_t any = (uint32_t)((from[i] & below) != 0);                                                        \
            const int32_t up = (int32_t)((uint32_t)twice & ((uint32_t)floor | any) & 1u);                                   \
            to[i] = (to_t)tp_clamp(tp_add(floor + up, r.dst_zero), r.lo, r.hi);                                             \
        }                                                                                                                   \
    }

TP_SHIFT(tp_forward_copy_shift_i8_i8, int8_t, int8_t)
TP_SHIFT(tp_forward_copy_shift_i16_i8, int16_t, int8_t)
TP_SHIFT(tp_forward_copy_shift_i32_i8, int32_t, int8_t)
TP_SHIFT(tp_forward_copy_shift_i16_i16, int16_t, int16_t)
TP_SHIFT(tp_forward_copy_shift_i32_i16, int32_t, int16_t)
TP_SHIFT(tp_quantise_error_shift_i32_i8, int32_t, int8_t)
TP_SHIFT(tp_quantise_error_shift_i32_i16, int32_t, int16_t)
TP_SHIFT(tp_quantise_gradient_shift_i32_i8, int32_t, int8_t)
TP_SHIFT(tp_quantise_gradient_shift_i32_i16, int32_t, int16_t)
