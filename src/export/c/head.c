/* The learning head in integers: forward, loss, gradient, SGD. One body for each operation, one function for each width. */
#include "tinyprec.h"
#include "arith.h"
#include "softmax.h"
#include "fine.h"
#include "rules.h"

#define TP_STANDARDISE(name, code_t, round)                                                                                 \
    void name(const int32_t *restrict x, const int32_t *restrict offset, const int32_t *restrict mantissa, const int32_t *restrict shift, code_t *restrict y, const tp_requant *restrict to, int32_t n) \
    {                                                                                                                       \
        const int32_t zero = to->dst_zero, lo = to->lo, hi = to->hi;                                                        \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            const int64_t code = round((int64_t)(x[i] * 256 - offset[i]) * mantissa[i], shift[i], tp_below(shift[i]));      \
            y[i] = (code_t)tp_clamp(tp_saturate(code + zero), lo, hi);                                                      \
        }                                                                                                                   \
    }

TP_STANDARDISE(tp_standardise_i8, int8_t, tp_round_shift)
TP_STANDARDISE(tp_standardise_i16, int16_t, tp_round_shift)
TP_STANDARDISE(tp_standardise_i32, int32_t, tp_round_shift)
#define TP_STANDARDISE_BY(rule)                                                                                             \
    TP_STANDARDISE(tp_standardise_##rule##_i8, int8_t, tp_##rule##_shift)                                                   \
    TP_STANDARDISE(tp_standardise_##rule##_i16, int16_t, tp_##rule##_shift)

TP_STANDARDISE_BY(floor)
TP_STANDARDISE_BY(up)
TP_STANDARDISE_BY(away)
TP_STANDARDISE_BY(zero)

TP_REQUANTISE(tp_forward_copy_i8_i8, int8_t, int8_t, tp_round_shift)
TP_REQUANTISE(tp_forward_copy_i16_i8, int16_t, int8_t, tp_round_shift)
TP_REQUANTISE(tp_forward_copy_i32_i8, int32_t, int8_t, tp_round_shift)
TP_REQUANTISE(tp_forward_copy_i8_i16, int8_t, int16_t, tp_round_shift)
TP_REQUANTISE(tp_forward_copy_i16_i16, int16_t, int16_t, tp_round_shift)
TP_REQUANTISE(tp_forward_copy_i32_i16, int32_t, int16_t, tp_round_shift)
TP_REQUANTISE(tp_forward_copy_i8_i32, int8_t, int32_t, tp_round_shift)
TP_REQUANTISE(tp_forward_copy_i16_i32, int16_t, int32_t, tp_round_shift)
TP_REQUANTISE(tp_forward_copy_i32_i32, int32_t, int32_t, tp_round_shift)
TP_REQUANTISE(tp_quantise_error_i8, int32_t, int8_t, tp_round_shift)
TP_REQUANTISE(tp_quantise_error_i16, int32_t, int16_t, tp_round_shift)
TP_REQUANTISE(tp_quantise_error_i32, int32_t, int32_t, tp_round_shift)
TP_REQUANTISE(tp_quantise_gradient_i32_i8, int32_t, int8_t, tp_round_shift)
TP_REQUANTISE(tp_quantise_gradient_i32_i16, int32_t, int16_t, tp_round_shift)

TP_REQUANTISE_WIDE(tp_quantise_gradient_i64_i32, int32_t, tp_product_wide)
TP_REQUANTISE_WIDE(tp_requantise_i64_i8, int8_t, tp_product_wide)
TP_REQUANTISE_WIDE(tp_requantise_i64_i16, int16_t, tp_product_wide)
TP_REQUANTISE_WIDE(tp_requantise_i64_i32, int32_t, tp_product_wide)

void tp_head_forward_i8(const int8_t *restrict feature, const int8_t *restrict weight, const int32_t *restrict bias, int32_t *restrict z, int32_t classes, int32_t features)
{
    for (int32_t c = 0; c < classes; c++, weight += features) {
        int32_t sum = bias[c];
        for (int32_t k = 0; k < features; k++) sum += weight[k] * feature[k];
        z[c] = sum;
    }
}

void tp_head_forward_affine_i8(const int8_t *restrict feature, const int8_t *restrict weight, const int32_t *restrict bias, int32_t *restrict z, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features)
{
    for (int32_t c = 0; c < classes; c++, weight += features) {
        int32_t sum = bias[c];
        for (int32_t k = 0; k < features; k++) sum += (weight[k] - weight_zero) * (feature[k] - feature_zero);
        z[c] = sum;
    }
}

void tp_softmax_i32(const int32_t *restrict z, int32_t *restrict p, uint32_t mantissa, int32_t left, int32_t right, int32_t classes)
{
    tp_softmax_q30(z, p, mantissa, left, right, classes);
}

#define TP_SOFTMAX_CODES(name, round)                                                                                       \
    void name(const int32_t *restrict z, int8_t *restrict p, int32_t *restrict work, uint32_t mantissa, int32_t left, int32_t right, const tp_requant *restrict by, int32_t classes) \
    {                                                                                                                       \
        tp_softmax_q30(z, work, mantissa, left, right, classes);                                                            \
        const tp_requant r = *by;                                                                                           \
        const uint64_t below = tp_below(r.shift);                                                                           \
        for (int32_t c = 0; c < classes; c++) {                                                                             \
            const int64_t code = round((int64_t)work[c] * r.mantissa, r.shift, below) + r.dst_zero;                         \
            p[c] = (int8_t)tp_clamp(tp_saturate(code), r.lo, r.hi);                                                         \
        }                                                                                                                   \
    }

TP_SOFTMAX_CODES(tp_softmax_i32_i8, tp_round_shift)
TP_SOFTMAX_CODES(tp_softmax_floor_i32_i8, tp_floor_shift)
TP_SOFTMAX_CODES(tp_softmax_up_i32_i8, tp_up_shift)
TP_SOFTMAX_CODES(tp_softmax_away_i32_i8, tp_away_shift)
TP_SOFTMAX_CODES(tp_softmax_zero_i32_i8, tp_zero_shift)

#define TP_ERROR(name, p_t)                                                                                                 \
    void name(const p_t *restrict p, const int32_t *restrict label, int32_t *restrict difference, int32_t *restrict range, int32_t zero, int32_t one, int32_t batch, int32_t classes) \
    {                                                                                                                       \
        int32_t lo = 0, hi = 0;                                                                                             \
        for (int32_t b = 0; b < batch; b++)                                                                                 \
            for (int32_t c = 0; c < classes; c++) {                                                                         \
                const int32_t d = *p++ - zero - tp_select(c == label[b], one, 0);                                           \
                lo = tp_min(d, lo);                                                                                         \
                hi = tp_max(d, hi);                                                                                         \
                *difference++ = d;                                                                                          \
            }                                                                                                               \
        range[0] = lo;                                                                                                      \
        range[1] = hi;                                                                                                      \
    }

TP_ERROR(tp_error_i32, int32_t)
TP_ERROR(tp_error_i8, int8_t)

#define TP_ACCUMULATE(name, error_t)                                                                                        \
    void name(const error_t *restrict error, const int8_t *restrict feature, int32_t *restrict sum, int32_t zero, int32_t classes, int32_t features) \
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, sum += features) {                                                            \
            const int32_t e = error[c] - zero;                                                                              \
            for (int32_t k = 0; k < features; k++) sum[k] += e * feature[k];                                                \
        }                                                                                                                   \
    }

TP_ACCUMULATE(tp_gradient_accumulate_i8, int8_t)
TP_ACCUMULATE(tp_gradient_accumulate_i16, int16_t)

#define TP_RANGE(name, code_t)                                                                                              \
    void name(const code_t *restrict code, int32_t *restrict range, int32_t zero, int32_t n)                                \
    {                                                                                                                       \
        int32_t lo = zero, hi = zero;                                                                                       \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            lo = tp_min(code[i], lo);                                                                                       \
            hi = tp_max(code[i], hi);                                                                                       \
        }                                                                                                                   \
        range[0] = lo;                                                                                                      \
        range[1] = hi;                                                                                                      \
    }

TP_RANGE(tp_gradient_range_i32, int32_t)
TP_RANGE(tp_range_i8, int8_t)
TP_RANGE(tp_range_i16, int16_t)
TP_RANGE(tp_range_i32, int32_t)

void tp_gradient_range_i64(const int64_t *restrict sum, int64_t *restrict range, int32_t n)
{
    int64_t lo = 0, hi = 0;
    for (int32_t i = 0; i < n; i++) {
        /* Differences of 62 bits: their sign selects without a branch. */
        const int64_t below = sum[i] - lo, above = sum[i] - hi;
        lo += below & (below >> 63);
        hi += above & ~(above >> 63);
    }
    range[0] = lo;
    range[1] = hi;
}

void tp_range_i64(const int64_t *restrict sum, int64_t *restrict range, int32_t n)
{
    int64_t lo = 0, hi = 0;
    for (int32_t i = 0; i < n; i++) {
        /* Differences of 62 bits: their sign selects without a branch. */
        const int64_t below = sum[i] - lo, above = sum[i] - hi;
        lo += below & (below >> 63);
        hi += above & ~(above >> 63);
    }
    range[0] = lo;
    range[1] = hi;
}

TP_SGD(tp_sgd_update_i8_i8, int8_t, int8_t, int32_t, tp_round_shift)
TP_SGD(tp_sgd_update_i16_i16, int16_t, int16_t, int32_t, tp_round_shift)
TP_SGD(tp_sgd_update_i32_i32, int32_t, int32_t, int64_t, tp_round_shift)
TP_SGD(tp_sgd_update_i32_i8, int32_t, int8_t, int64_t, tp_round_shift)
TP_SGD(tp_sgd_update_i32_i16, int32_t, int16_t, int64_t, tp_round_shift)

TP_VELOCITY(tp_velocity_i8_i8, int8_t, int8_t, int32_t, tp_round_shift)
TP_VELOCITY(tp_velocity_i16_i16, int16_t, int16_t, int32_t, tp_round_shift)
TP_VELOCITY(tp_velocity_i32_i32, int32_t, int32_t, int64_t, tp_round_shift)
TP_VELOCITY(tp_velocity_i32_i8, int32_t, int8_t, int64_t, tp_round_shift)
TP_VELOCITY(tp_velocity_i32_i16, int32_t, int16_t, int64_t, tp_round_shift)

TP_SGD_FINE(tp_sgd_update_i32_i8_i64, int8_t, tp_fine_product)
TP_SGD_FINE(tp_sgd_update_i32_i16_i64, int16_t, tp_fine_product)
TP_SGD_FINE(tp_sgd_update_i32_i32_i64, int32_t, tp_fine_product)
