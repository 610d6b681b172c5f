/* AR1*'s binary layer below the head: its sums onto the features, errors back through the head, path integral and importance. */
#include "learning.h"
#include "arith.h"
#include "float.h"

#define TP_RESIDUAL(name, code_t)                                                                                           \
    void name(const int32_t *restrict sum, code_t *restrict feature, const tp_requant *restrict by, int32_t n)              \
    {                                                                                                                       \
        const tp_requant r = *by;                                                                                           \
        const uint64_t below = tp_below(r.shift);                                                                           \
        for (int32_t i = 0; i < n; i++)                                                                                     \
            feature[i] = (code_t)tp_clamp(tp_saturate(feature[i] + tp_product(sum[i], r.mantissa, r.shift, below)), r.lo, r.hi); \
    }

TP_RESIDUAL(tp_residual_i8, int8_t)
TP_RESIDUAL(tp_residual_i16, int16_t)

void tp_residual_f32(const int32_t *restrict sum, float *restrict feature, float by, int32_t n)
{
    for (int32_t i = 0; i < n; i++) feature[i] += (float)sum[i] * by;
}

/* One sample's error times the head's weights, summed over the classes. */
#define TP_INPUT_GRADIENT(name, error_t, code_t, sum_t)                                                                     \
    void name(const error_t *restrict error, const code_t *restrict master, sum_t *restrict back, int32_t error_zero, int32_t zero, int32_t classes, int32_t features) \
    {                                                                                                                       \
        for (int32_t k = 0; k < features; k++) back[k] = 0;                                                                 \
        for (int32_t c = 0; c < classes; c++, master += features) {                                                         \
            const sum_t e = error[c] - error_zero;                                                                          \
            for (int32_t k = 0; k < features; k++) back[k] += e * (master[k] - zero);                                       \
        }                                                                                                                   \
    }

TP_INPUT_GRADIENT(tp_input_gradient_i8, int8_t, int8_t, int32_t)
TP_INPUT_GRADIENT(tp_input_gradient_i16, int16_t, int16_t, int64_t)
TP_INPUT_GRADIENT(tp_input_gradient_i8_i16, int8_t, int16_t, int32_t)

/* 32-bit weights less their zero need one bit more. */
void tp_input_gradient_i8_i32(const int8_t *restrict error, const int32_t *restrict master, int64_t *restrict back, int32_t error_zero, int32_t zero, int32_t classes, int32_t features)
{
    for (int32_t k = 0; k < features; k++) back[k] = 0;
    for (int32_t c = 0; c < classes; c++, master += features) {
        const int32_t e = error[c] - error_zero;
        for (int32_t k = 0; k < features; k++) back[k] += (int64_t)e * master[k] - (int64_t)e * zero;
    }
}

void tp_input_gradient_f32(const float *restrict error, const float *restrict master, float *restrict back, int32_t classes, int32_t features)
{
    for (int32_t k = 0; k < features; k++) back[k] = 0.0f;
    for (int32_t c = 0; c < classes; c++, master += features) {
        const float e = error[c];
        for (int32_t k = 0; k < features; k++) back[k] += e * master[k];
    }
}

/* 32-bit codes as reals: products of two of them fit no integer. */
void tp_input_gradient_i32_f32(const int32_t *restrict error, const int32_t *restrict master, float *restrict back, int32_t error_zero, float error_scale, int32_t zero, float scale, int32_t classes, int32_t features)
{
    for (int32_t k = 0; k < features; k++) back[k] = 0.0f;
    for (int32_t c = 0; c < classes; c++, master += features) {
        const float e = (float)((int64_t)error[c] - error_zero) * error_scale;
        for (int32_t k = 0; k < features; k++) back[k] += e * ((float)((int64_t)master[k] - zero) * scale);
    }
}

void tp_range_f32(const float *restrict x, float *restrict range, int32_t n)
{
    float least = 0.0f, most = 0.0f;
    for (int32_t i = 0; i < n; i++) {
        least = tp_select_f32(x[i] < least, x[i], least);
        most = tp_select_f32(x[i] > most, x[i], most);
    }
    range[0] = least;
    range[1] = most;
}

void tp_quantise_error_f32_i32(const float *restrict x, int32_t *restrict y, double scale, int32_t zero, int32_t lo, int32_t hi, int32_t n)
{
    for (int32_t i = 0; i < n; i++) y[i] = tp_clamp(tp_saturate(tp_nearest_64((double)x[i] / scale) + zero), lo, hi);
}

void tp_scale_error_f32(const float *restrict x, float *restrict y, float by, int32_t n)
{
    for (int32_t i = 0; i < n; i++) y[i] = x[i] * by;
}

#define TP_PATH_INTEGRAL(name, gradient_t, code_t, wide_t)                                                                  \
    void name(const gradient_t *restrict gradient, const code_t *restrict before, const code_t *restrict master, float *restrict path, int32_t zero, float gradient_scale, float scale, int32_t n) \
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++)                                                                                     \
            path[i] += ((float)((wide_t)gradient[i] - zero) * gradient_scale) * ((float)((wide_t)master[i] - before[i]) * scale); \
    }

TP_PATH_INTEGRAL(tp_path_integral_i8, int8_t, int8_t, int32_t)
TP_PATH_INTEGRAL(tp_path_integral_i16, int16_t, int16_t, int32_t)
TP_PATH_INTEGRAL(tp_path_integral_i32, int32_t, int32_t, int64_t)
TP_PATH_INTEGRAL(tp_path_integral_i32_i8, int32_t, int8_t, int64_t)
TP_PATH_INTEGRAL(tp_path_integral_i32_i16, int32_t, int16_t, int64_t)

#define TP_PATH_IMPORTANCE(name, code_t, wide_t)                                                                            \
    void name(float *restrict path, const code_t *restrict start, const code_t *restrict master, float *restrict total, float *restrict importance, float scale, float damping, float most, float lambda, int32_t n) \
    {                                                                                                                       \
        for (int32_t i = 0; i < n; i++) {                                                                                   \
            const float moved = (float)((wide_t)master[i] - start[i]) * scale;                                              \
            const float sum = total[i] + path[i] / (moved * moved + damping);                                               \
            total[i] = sum;                                                                                                 \
            path[i] = 0.0f;                                                                                                 \
            importance[i] = lambda * tp_select_f32(-sum < most, -sum, most);                                                \
        }                                                                                                                   \
    }

TP_PATH_IMPORTANCE(tp_path_importance_i8, int8_t, int32_t)
TP_PATH_IMPORTANCE(tp_path_importance_i16, int16_t, int32_t)
TP_PATH_IMPORTANCE(tp_path_importance_i32, int32_t, int64_t)

void tp_path_integral_f32(const float *restrict gradient, const float *restrict before, const float *restrict master, float *restrict path, int32_t n)
{
    for (int32_t i = 0; i < n; i++) path[i] += gradient[i] * (master[i] - before[i]);
}

void tp_path_importance_f32(float *restrict path, const float *restrict start, const float *restrict master, float *restrict total, float *restrict importance, float damping, float most, float lambda, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const float moved = master[i] - start[i], sum = total[i] + path[i] / (moved * moved + damping);
        total[i] = sum;
        path[i] = 0.0f;
        importance[i] = lambda * tp_select_f32(-sum < most, -sum, most);
    }
}

/* Signs of features in f32 as bits: the error's sign flips where the bit is 1. */
void tp_gradient_accumulate_f32_b1(const float *restrict error, const uint32_t *restrict feature, float *restrict sum, int32_t classes, int32_t features)
{
    for (int32_t c = 0; c < classes; c++, sum += features) {
        const uint32_t e = tp_bits_of(error[c]);
        for (int32_t k = 0; k < features; k++) sum[k] += tp_float_of(e ^ ((feature[k >> 5] >> (k & 31)) << 31));
    }
}
