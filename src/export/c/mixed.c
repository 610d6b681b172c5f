/* Heads of integers and reals: what goes from one to the other, and steps of real gradients on integer weights. */
#include "learning.h"
#include "arith.h"
#include "float.h"
#include "fine.h"

/* y = (x - zero) * scale */
#define TP_TO_REALS(name, code_t, wide_t)                                                                                   \
    void name(const code_t *restrict x, float *restrict y, int32_t zero, float scale, int32_t n)                            \
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++) y[i] = (float)((wide_t)x[i] - zero) * scale;                                        \
    }

TP_TO_REALS(tp_to_reals_i8, int8_t, int32_t)
TP_TO_REALS(tp_to_reals_i16, int16_t, int32_t)
TP_TO_REALS(tp_to_reals_i32, int32_t, int64_t)
TP_TO_REALS(tp_to_reals_i64, int64_t, int64_t)

#define TP_WIDEN(name, code_t)                                                                                              \
    void name(const code_t *restrict x, int32_t *restrict y, int32_t n)                                                     \
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++) y[i] = x[i];                                                                        \
    }

TP_WIDEN(tp_widen_i8_i32, int8_t)
TP_WIDEN(tp_widen_i16_i32, int16_t)

#define TP_TO_CODES(name, code_t)                                                                                           \
    void name(const float *restrict x, code_t *restrict y, double scale, int32_t zero, int32_t lo, int32_t hi, int32_t n)   \
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++) y[i] = (code_t)tp_clamp(tp_saturate(tp_nearest_64((double)x[i] / scale) + zero), lo, hi); \
    }

TP_TO_CODES(tp_to_codes_i8, int8_t)
TP_TO_CODES(tp_to_codes_i16, int16_t)
TP_TO_CODES(tp_to_codes_i32, int32_t)

/* Scale (31 bits of mantissa) and zero point of a range of reals that is not empty. */
void tp_range_scale_f32(const float *restrict range, double *restrict scale, int32_t *restrict zero_point, uint32_t steps, int32_t qmin, int32_t qmax, int32_t affine)
{
    const float below = -range[0], most = tp_select_f32(below > range[1], below, range[1]);
    const uint32_t both = tp_mask((uint32_t)affine);
    const float down = tp_float_of((uint32_t)tp_choose(both, (int32_t)tp_bits_of(below), (int32_t)tp_bits_of(most)));
    const float up = tp_float_of((uint32_t)tp_choose(both, (int32_t)tp_bits_of(range[1]), (int32_t)tp_bits_of(most)));
    union { double value; uint64_t bits; } s = {((double)up + (double)down) / (double)steps};
    s.bits = (s.bits + 0x1fffffu + ((s.bits >> 22) & 1u)) & ~(uint64_t)0x3fffffu;
    *scale = s.value;
    /* Ties up: the nearest even one, and one more where it lies a half below. */
    const double x = (double)below / s.value;
    const double nearest = (x + 6755399441055744.0) - 6755399441055744.0;
    const int64_t rounded = tp_nearest_64(x) + (x - nearest >= 0.5);
    *zero_point = tp_clamp(tp_saturate(qmin + rounded), qmin, qmax) & (int32_t)both;
}

/* master = limit(master - round(gradient * factor)) */
#define TP_SGD_REAL(name, fine_name, code_t)                                                                                \
    void name(const float *restrict gradient, code_t *restrict master, double factor, int32_t lo, int32_t hi, int32_t n)    \
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++)                                                                                     \
            master[i] = (code_t)tp_clamp(tp_saturate(master[i] - tp_nearest_64((double)gradient[i] * factor)), lo, hi);     \
    }                                                                                                                       \
    void fine_name(const float *restrict gradient, const code_t *restrict base, int64_t *restrict fine, const tp_fine *restrict widen, double factor, int32_t n) \
    {                                                                                                                       \
        const tp_fine w = *widen;                                                                                           \
        for (int32_t i = 0; i < n; i++)                                                                                     \
            fine[i] = tp_fine_product((int64_t)base[i] - w.zero, &w) - tp_nearest_64((double)gradient[i] * factor);         \
    }

TP_SGD_REAL(tp_sgd_update_f32_i8, tp_sgd_update_f32_i8_i64, int8_t)
TP_SGD_REAL(tp_sgd_update_f32_i16, tp_sgd_update_f32_i16_i64, int16_t)
TP_SGD_REAL(tp_sgd_update_f32_i32, tp_sgd_update_f32_i32_i64, int32_t)
