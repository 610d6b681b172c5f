/* The head with 32-bit operands on 32-bit accumulators, zero points where logits or weights are narrow, weights that step from reals,
 * and CWR*'s sum of rows kept in two widths. */
#include "learning.h"
#include "arith.h"
#include "fine.h"
#include "float.h"

/* A product has up to 42 bits; each sum saturates. */
#define TP_HEAD_FORWARD_32(checked, affine_checked, feature_t, weight_t)                                                    \
    void checked(const feature_t *restrict feature, const weight_t *restrict weight, const int32_t *restrict bias, int32_t *restrict z, int32_t classes, int32_t features) \
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, weight += features) {                                                         \
            int32_t sum = bias[c];                                                                                          \
            for (int32_t k = 0; k < features; k++) sum = tp_add_wide(sum, (int64_t)weight[k] * feature[k]);                 \
            z[c] = sum;                                                                                                     \
        }                                                                                                                   \
    }                                                                                                                       \
    void affine_checked(const feature_t *restrict feature, const weight_t *restrict weight, const int32_t *restrict bias, int32_t *restrict z, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features) \
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, weight += features) {                                                         \
            int32_t sum = bias[c];                                                                                          \
            for (int32_t k = 0; k < features; k++)                                                                          \
                sum = tp_add_wide(sum, ((int64_t)weight[k] - weight_zero) * ((int64_t)feature[k] - feature_zero));          \
            z[c] = sum;                                                                                                     \
        }                                                                                                                   \
    }

TP_HEAD_FORWARD_32(tp_head_forward_checked_i8_i32, tp_head_forward_affine_checked_i8_i32, int8_t, int32_t)
TP_HEAD_FORWARD_32(tp_head_forward_checked_i32_i8, tp_head_forward_affine_checked_i32_i8, int32_t, int8_t)

#define TP_ACCUMULATE_FROM_32(checked, affine_checked, error_t, feature_t)                                                  \
    void checked(const error_t *restrict error, const feature_t *restrict feature, int32_t *restrict sum, int32_t zero, int32_t classes, int32_t features)\
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, sum += features) {                                                            \
            const int64_t e = (int64_t)error[c] - zero;                                                                     \
            for (int32_t k = 0; k < features; k++) sum[k] = tp_add_wide(sum[k], e * feature[k]);                            \
        }                                                                                                                   \
    }                                                                                                                       \
    void affine_checked(const error_t *restrict error, const feature_t *restrict feature, int32_t *restrict sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features)\
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, sum += features) {                                                            \
            const int64_t e = (int64_t)error[c] - zero;                                                                     \
            for (int32_t k = 0; k < features; k++) sum[k] = tp_add_wide(sum[k], e * ((int64_t)feature[k] - feature_zero));  \
        }                                                                                                                   \
    }

TP_ACCUMULATE_FROM_32(tp_gradient_accumulate_checked_i32_i8, tp_gradient_accumulate_affine_checked_i32_i8, int32_t, int8_t)
TP_ACCUMULATE_FROM_32(tp_gradient_accumulate_checked_i8_i32, tp_gradient_accumulate_affine_checked_i8_i32, int8_t, int32_t)
TP_ACCUMULATE_FROM_32(tp_gradient_accumulate_checked_i16_i32, tp_gradient_accumulate_affine_checked_i16_i32, int16_t, int32_t)

/* Dot products of codes with zero points, rounded to the logits' own codes. */
#define TP_LOGITS_AFFINE(name, to_t)                                                                                        \
    void name(const int8_t *restrict feature, const int8_t *restrict weight, const int32_t *restrict bias, to_t *restrict z, const tp_requant *restrict by, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features)\
    {                                                                                                                       \
        const tp_requant r = *by;                                                                                           \
        const uint64_t below = tp_below(r.shift);                                                                           \
        for (int32_t c = 0; c < classes; c++, weight += features) {                                                         \
            int32_t sum = bias[c];                                                                                          \
            for (int32_t k = 0; k < features; k++) sum += (weight[k] - weight_zero) * (feature[k] - feature_zero);          \
            z[c] = (to_t)tp_clamp(tp_saturate(tp_round_shift((int64_t)sum * r.mantissa, r.shift, below)), r.lo, r.hi);      \
        }                                                                                                                   \
    }

TP_LOGITS_AFFINE(tp_head_forward_affine_to_i8, int8_t)
TP_LOGITS_AFFINE(tp_head_forward_affine_to_i16, int16_t)

/* master on the fine grid = round(base * 2^40) - round((gradient - zero) * step); |base| below 2^11. */
void tp_sgd_update_i32_f32_i64(const int32_t *restrict gradient, const float *restrict base, int64_t *restrict fine, const tp_fine *restrict step, int32_t n)
{
    const tp_fine s = *step;
    for (int32_t i = 0; i < n; i++)
        fine[i] = tp_nearest_64((double)base[i] * 1099511627776.0) - tp_fine_product((int64_t)gradient[i] - s.zero, &s);
}

/* As tp_consolidate_rows of one width; `by` brings a master's code to the consolidated grid, whose code of zero is dst_zero. That grid's
 * range is at least an eighth of the master's, and a weight of the past below 2^29. */
#define TP_CONSOLIDATE_APART(name, from_t, to_t, bits)                                                                      \
    void name(const from_t *restrict master, const uint32_t *restrict weight, const int32_t *restrict row, to_t *restrict consolidated, \
              int64_t mean, const tp_requant *restrict by, int32_t rows, int32_t columns)                                   \
    {                                                                                                                       \
        const tp_requant q = *by;                                                                                           \
        const int32_t short_of = 32 - q.shift, left = short_of & ~(short_of >> 31), right = q.shift + left - 30;            \
        const uint64_t below = tp_below(right);                                                                             \
        for (int32_t r = 0; r < rows; r++) {                                                                                \
            const int32_t w = (int32_t)weight[r];                                                                           \
            const uint64_t den = (uint64_t)(uint32_t)w + 65536u;                                                            \
            const from_t *tw = master + row[r] * columns;                                                                   \
            to_t *cw = consolidated + row[r] * columns;                                                                     \
            for (int32_t k = 0; k < columns; k++) {                                                                         \
                const int64_t past = ((int64_t)cw[k] - q.dst_zero) * w, learnt = ((int64_t)tw[k] - q.src_zero) * 65536 - mean; \
                const int64_t moved = tp_product_wide(learnt, q.mantissa, left, right, below);                              \
                const int64_t merged = tp_divide_even(past + moved, den, (bits) + 4) + q.dst_zero;                          \
                cw[k] = (to_t)tp_clamp(tp_saturate(merged), q.lo, q.hi);                                                    \
            }                                                                                                               \
        }                                                                                                                   \
    }

TP_CONSOLIDATE_APART(tp_consolidate_rows_i8_i16, int8_t, int16_t, 16)
TP_CONSOLIDATE_APART(tp_consolidate_rows_i8_i32, int8_t, int32_t, 32)
TP_CONSOLIDATE_APART(tp_consolidate_rows_i16_i8, int16_t, int8_t, 8)
TP_CONSOLIDATE_APART(tp_consolidate_rows_i16_i32, int16_t, int32_t, 32)
TP_CONSOLIDATE_APART(tp_consolidate_rows_i32_i8, int32_t, int8_t, 8)
TP_CONSOLIDATE_APART(tp_consolidate_rows_i32_i16, int32_t, int16_t, 16)
