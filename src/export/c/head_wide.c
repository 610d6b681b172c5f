/* The head with 16-bit operands, zero points in the features, accumulators that saturate, and logits of their own format. */
#include "learning.h"
#include "arith.h"
#include "softmax.h"

/* Codes of 16 bits in either operand; the checked ones saturate at each addition, where the accumulator is not provably wide enough. */
#define TP_HEAD_FORWARD(name, checked, affine, affine_checked, feature_t, weight_t)                                         \
    void name(const feature_t *restrict feature, const weight_t *restrict weight, const int32_t *restrict bias, int32_t *restrict z, int32_t classes, int32_t features) \
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, weight += features) {                                                         \
            int32_t sum = bias[c];                                                                                          \
            for (int32_t k = 0; k < features; k++) sum += weight[k] * feature[k];                                           \
            z[c] = sum;                                                                                                     \
        }                                                                                                                   \
    }                                                                                                                       \
    void checked(const feature_t *restrict feature, const weight_t *restrict weight, const int32_t *restrict bias, int32_t *restrict z, int32_t classes, int32_t features) \
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, weight += features) {                                                         \
            int32_t sum = bias[c];                                                                                          \
            for (int32_t k = 0; k < features; k++) sum = tp_add(sum, weight[k] * feature[k]);                               \
            z[c] = sum;                                                                                                     \
        }                                                                                                                   \
    }                                                                                                                       \
    void affine(const feature_t *restrict feature, const weight_t *restrict weight, const int32_t *restrict bias, int32_t *restrict z, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features) \
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, weight += features) {                                                         \
            int32_t sum = bias[c];                                                                                          \
            for (int32_t k = 0; k < features; k++) sum += (weight[k] - weight_zero) * (feature[k] - feature_zero);          \
            z[c] = sum;                                                                                                     \
        }                                                                                                                   \
    }                                                                                                                       \
    void affine_checked(const feature_t *restrict feature, const weight_t *restrict weight, const int32_t *restrict bias, int32_t *restrict z, int32_t feature_zero, int32_t weight_zero, int32_t classes, int32_t features) \
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, weight += features) {                                                         \
            int32_t sum = bias[c];                                                                                          \
            for (int32_t k = 0; k < features; k++)                                                                          \
                sum = tp_add_wide(sum, (int64_t)(weight[k] - weight_zero) * (feature[k] - feature_zero));                   \
            z[c] = sum;                                                                                                     \
        }                                                                                                                   \
    }

TP_HEAD_FORWARD(tp_head_forward_i8_i16, tp_head_forward_checked_i8_i16, tp_head_forward_affine_i8_i16, tp_head_forward_affine_checked_i8_i16, int8_t, int16_t)
TP_HEAD_FORWARD(tp_head_forward_i16_i8, tp_head_forward_checked_i16_i8, tp_head_forward_affine_i16_i8, tp_head_forward_affine_checked_i16_i8, int16_t, int8_t)
TP_HEAD_FORWARD(tp_head_forward_i16_i16, tp_head_forward_checked_i16_i16, tp_head_forward_affine_i16_i16, tp_head_forward_affine_checked_i16_i16, int16_t, int16_t)

/* Gradients: features with a zero point; sums that saturate at each addition; features of 16 bits. */
#define TP_ACCUMULATE_32(affine, checked, affine_checked, error_t, feature_t)                                               \
    void affine(const error_t *restrict error, const feature_t *restrict feature, int32_t *restrict sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features)\
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, sum += features) {                                                            \
            const int32_t e = error[c] - zero;                                                                              \
            for (int32_t k = 0; k < features; k++) sum[k] += e * (feature[k] - feature_zero);                               \
        }                                                                                                                   \
    }                                                                                                                       \
    void checked(const error_t *restrict error, const feature_t *restrict feature, int32_t *restrict sum, int32_t zero, int32_t classes, int32_t features)\
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, sum += features) {                                                            \
            const int32_t e = error[c] - zero;                                                                              \
            for (int32_t k = 0; k < features; k++) sum[k] = tp_add_wide(sum[k], (int64_t)e * feature[k]);                   \
        }                                                                                                                   \
    }                                                                                                                       \
    void affine_checked(const error_t *restrict error, const feature_t *restrict feature, int32_t *restrict sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features)\
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, sum += features) {                                                            \
            const int32_t e = error[c] - zero;                                                                              \
            for (int32_t k = 0; k < features; k++) sum[k] = tp_add_wide(sum[k], (int64_t)e * (feature[k] - feature_zero));  \
        }                                                                                                                   \
    }

TP_ACCUMULATE_32(tp_gradient_accumulate_affine_i8, tp_gradient_accumulate_checked_i8, tp_gradient_accumulate_affine_checked_i8, int8_t, int8_t)
TP_ACCUMULATE_32(tp_gradient_accumulate_affine_i16, tp_gradient_accumulate_checked_i16, tp_gradient_accumulate_affine_checked_i16, int16_t, int8_t)
TP_ACCUMULATE_32(tp_gradient_accumulate_affine_i8_i16, tp_gradient_accumulate_checked_i8_i16, tp_gradient_accumulate_affine_checked_i8_i16, int8_t, int16_t)
TP_ACCUMULATE_32(tp_gradient_accumulate_affine_i16_i16, tp_gradient_accumulate_checked_i16_i16, tp_gradient_accumulate_affine_checked_i16_i16, int16_t, int16_t)

#define TP_ACCUMULATE_16(name, error_t)                                                                                     \
    void name(const error_t *restrict error, const int16_t *restrict feature, int32_t *restrict sum, int32_t zero, int32_t classes, int32_t features)\
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, sum += features) {                                                            \
            const int32_t e = error[c] - zero;                                                                              \
            for (int32_t k = 0; k < features; k++) sum[k] += e * feature[k];                                                \
        }                                                                                                                   \
    }

TP_ACCUMULATE_16(tp_gradient_accumulate_i8_i16, int8_t)
TP_ACCUMULATE_16(tp_gradient_accumulate_i16_i16, int16_t)

#define TP_ACCUMULATE_64(name, affine, feature_t)                                                                           \
    void name(const int32_t *restrict error, const feature_t *restrict feature, int64_t *restrict sum, int32_t zero, int32_t classes, int32_t features)\
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, sum += features) {                                                            \
            const int32_t e = error[c];                                                                                     \
            for (int32_t k = 0; k < features; k++) sum[k] += (int64_t)e * feature[k] - (int64_t)zero * feature[k];          \
        }                                                                                                                   \
    }                                                                                                                       \
    void affine(const int32_t *restrict error, const feature_t *restrict feature, int64_t *restrict sum, int32_t zero, int32_t feature_zero, int32_t classes, int32_t features)\
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++, sum += features) {                                                            \
            const int32_t e = error[c];                                                                                     \
            for (int32_t k = 0; k < features; k++) {                                                                        \
                const int32_t x = feature[k] - feature_zero;                                                                \
                sum[k] += (int64_t)e * x - (int64_t)zero * x;                                                               \
            }                                                                                                               \
        }                                                                                                                   \
    }

TP_ACCUMULATE_64(tp_gradient_accumulate_i32, tp_gradient_accumulate_affine_i32, int8_t)
TP_ACCUMULATE_64(tp_gradient_accumulate_i32_i16, tp_gradient_accumulate_affine_i32_i16, int16_t)

/* Dot products rounded to the logits' own codes. */
#define TP_LOGITS(forward, to_t, round)                                                                                     \
    void forward(const int8_t *restrict feature, const int8_t *restrict weight, const int32_t *restrict bias, to_t *restrict z, const tp_requant *restrict by, int32_t classes, int32_t features)\
    {                                                                                                                       \
        const tp_requant r = *by;                                                                                           \
        const uint64_t below = tp_below(r.shift);                                                                           \
        for (int32_t c = 0; c < classes; c++, weight += features) {                                                         \
            int32_t sum = bias[c];                                                                                          \
            for (int32_t k = 0; k < features; k++) sum += weight[k] * feature[k];                                           \
            z[c] = (to_t)tp_clamp(tp_saturate(round((int64_t)sum * r.mantissa, r.shift, below)), r.lo, r.hi);              \
        }                                                                                                                   \
    }

TP_LOGITS(tp_head_forward_to_i8, int8_t, tp_round_shift)
TP_LOGITS(tp_head_forward_to_i16, int16_t, tp_round_shift)
#define TP_LOGITS_BY(rule)                                                                                                  \
    TP_LOGITS(tp_head_forward_##rule##_i8, int8_t, tp_##rule##_shift)                                                       \
    TP_LOGITS(tp_head_forward_##rule##_i16, int16_t, tp_##rule##_shift)

TP_LOGITS_BY(floor)
TP_LOGITS_BY(up)
TP_LOGITS_BY(away)
TP_LOGITS_BY(zero)

#define TP_NARROW_SOFTMAX(name, arg_max, code_t)                                                                            \
    void name(const code_t *restrict z, int32_t *restrict p, uint32_t mantissa, int32_t left, int32_t right, int32_t classes)\
    {                                                                                                                       \
        for (int32_t c = 0; c < classes; c++) p[c] = z[c];                                                                  \
        tp_softmax_q30(p, p, mantissa, left, right, classes);                                                               \
    }                                                                                                                       \
    void arg_max(const code_t *restrict z, int32_t *restrict index, int32_t classes)                                        \
    {                                                                                                                       \
        int32_t best = z[0], at = 0;                                                                                        \
        for (int32_t c = 1; c < classes; c++) {                                                                             \
            at = tp_select(z[c] > best, c, at);                                                                             \
            best = tp_max(z[c], best);                                                                                      \
        }                                                                                                                   \
        *index = at;                                                                                                        \
    }

TP_NARROW_SOFTMAX(tp_softmax_i8_i32, tp_arg_max_i8, int8_t)
TP_NARROW_SOFTMAX(tp_softmax_i16_i32, tp_arg_max_i16, int16_t)

/* 8-bit logits have 256 differences: their powers stand in a table, that of -d at d, and nothing is computed but the shares. */
void tp_softmax_i8_i32_table(const int8_t *restrict z, const uint32_t *restrict table, int32_t *restrict p, int32_t classes)
{
    int32_t most = z[0];
    for (int32_t c = 1; c < classes; c++) most = tp_max(z[c], most);
    uint64_t sum = 0;
    for (int32_t c = 0; c < classes; c++) {
        const uint32_t e = table[most - z[c]];
        sum += e;
        p[c] = (int32_t)e;
    }
    tp_shares(p, sum, classes);
}
