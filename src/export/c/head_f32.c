/* The learning head in single precision: sums in the stated order, no fused multiply-add, so all machines give the same bits. */
#include "tinyprec.h"
#include "float.h"

void tp_standardise_f32(const int32_t *restrict x, const float *restrict offset, const float *restrict factor, float *restrict y, int32_t n)
{
    for (int32_t i = 0; i < n; i++) y[i] = ((float)x[i] - offset[i]) * factor[i];
}

void tp_head_forward_f32(const float *restrict feature, const float *restrict weight, const float *restrict bias, float *restrict z, int32_t classes, int32_t features)
{
    for (int32_t c = 0; c < classes; c++, weight += features) {
        float sum = bias[c];
        for (int32_t k = 0; k < features; k++) sum += weight[k] * feature[k];
        z[c] = sum;
    }
}

void tp_softmax_f32(const float *restrict z, float *restrict p, int32_t classes)
{
    tp_softmax_of(z, p, classes);
}

void tp_arg_max_f32(const float *restrict z, int32_t *restrict index, int32_t classes)
{
    float best = z[0];
    int32_t at = 0;
    for (int32_t c = 1; c < classes; c++) {
        const uint32_t larger = tp_mask(z[c] > best);
        at = (int32_t)(((uint32_t)c & larger) | ((uint32_t)at & ~larger));
        best = tp_select_f32(larger, z[c], best);
    }
    *index = at;
}

void tp_error_f32(const float *restrict p, const int32_t *restrict label, float *restrict difference, int32_t batch, int32_t classes)
{
    for (int32_t b = 0; b < batch; b++)
        for (int32_t c = 0; c < classes; c++) *difference++ = *p++ - tp_select_f32(c == label[b], 1.0f, 0.0f);
}

void tp_gradient_accumulate_f32(const float *restrict error, const float *restrict feature, float *restrict sum, int32_t classes, int32_t features)
{
    for (int32_t c = 0; c < classes; c++, sum += features) {
        const float e = error[c];
        for (int32_t k = 0; k < features; k++) sum[k] += e * feature[k];
    }
}

void tp_quantise_gradient_f32(const float *restrict sum, float *restrict gradient, float mean, int32_t n)
{
    for (int32_t i = 0; i < n; i++) gradient[i] = sum[i] * mean;
}

void tp_velocity_f32(const float *restrict gradient, const float *restrict master, float *restrict velocity, float momentum, float decay, int32_t n)
{
    for (int32_t i = 0; i < n; i++) velocity[i] = (momentum * velocity[i] + gradient[i]) + decay * master[i];
}

void tp_sgd_update_f32(const float *restrict gradient, float *restrict master, float rate, int32_t n)
{
    for (int32_t i = 0; i < n; i++) master[i] -= rate * gradient[i];
}

void tp_load_rows_f32(const float *restrict consolidated, float *restrict master, const uint8_t *restrict take, int32_t rows, int32_t columns)
{
    for (int32_t r = 0; r < rows; r++) {
        const uint32_t keep = 0u - take[r];
        for (int32_t k = 0; k < columns; k++) {
            union { float value; uint32_t bits; } x = {*consolidated++};
            x.bits &= keep;
            *master++ = x.value;
        }
    }
}

void tp_mean_rows_f32(const float *restrict master, const int32_t *restrict row, float *restrict mean, int32_t rows, int32_t columns)
{
    float sum = 0.0f;
    for (int32_t r = 0; r < rows; r++) {
        const float *from = master + row[r] * columns;
        for (int32_t k = 0; k < columns; k++) sum += from[k];
    }
    *mean = sum / (float)(rows * columns);
}

void tp_past_weight_f32(const uint32_t *restrict past, const uint32_t *restrict current, float *restrict weight, int32_t classes)
{
    for (int32_t c = 0; c < classes; c++) weight[c] = tp_sqrt((float)past[c] / (float)current[c]);
}

void tp_consolidate_rows_f32(const float *restrict master, const float *restrict weight, const int32_t *restrict row, float *restrict consolidated, float mean, int32_t rows, int32_t columns)
{
    for (int32_t r = 0; r < rows; r++) {
        const float w = weight[r], den = weight[r] + 1.0f;
        const float *tw = master + row[r] * columns;
        float *cw = consolidated + row[r] * columns;
        for (int32_t k = 0; k < columns; k++) cw[k] = (cw[k] * w + (tw[k] - mean)) / den;
    }
}

void tp_forward_copy_f32_f32(const float *restrict master, float *restrict copy, int32_t n)
{
    for (int32_t i = 0; i < n; i++) copy[i] = master[i];
}

/* Reals of codes: (code - zero) * scale. */
#define TP_MEAN_ROWS_REAL(name, code_t)                                                                                     \
    void name(const code_t *restrict master, const int32_t *restrict row, float *restrict mean, int32_t zero, float scale, int32_t rows, int32_t columns) \
    {                                                                                                                       \
        float sum = 0.0f;                                                                                                   \
        for (int32_t r = 0; r < rows; r++) {                                                                                \
            const code_t *from = master + row[r] * columns;                                                                 \
            for (int32_t k = 0; k < columns; k++) sum += (float)(from[k] - zero) * scale;                                   \
        }                                                                                                                   \
        *mean = sum / (float)(rows * columns);                                                                              \
    }

TP_MEAN_ROWS_REAL(tp_mean_rows_i8_f32, int8_t)
TP_MEAN_ROWS_REAL(tp_mean_rows_i16_f32, int16_t)

#define TP_CONSOLIDATE_REAL(name, code_t)                                                                                   \
    void name(const code_t *restrict master, const float *restrict weight, const int32_t *restrict row, float *restrict consolidated, \
              float mean, int32_t zero, float scale, int32_t rows, int32_t columns)                                         \
    {                                                                                                                       \
        for (int32_t r = 0; r < rows; r++) {                                                                                \
            const float w = weight[r], den = weight[r] + 1.0f;                                                              \
            const code_t *tw = master + row[r] * columns;                                                                   \
            float *cw = consolidated + row[r] * columns;                                                                    \
            for (int32_t k = 0; k < columns; k++) cw[k] = (cw[k] * w + ((float)(tw[k] - zero) * scale - mean)) / den;       \
        }                                                                                                                   \
    }

TP_CONSOLIDATE_REAL(tp_consolidate_rows_i8_f32, int8_t)
TP_CONSOLIDATE_REAL(tp_consolidate_rows_i16_f32, int16_t)

#define TP_LOAD_REAL(name, code_t)                                                                                          \
    void name(const float *restrict consolidated, code_t *restrict master, const uint8_t *restrict take, double scale, int32_t zero, int32_t lo, int32_t hi, int32_t rows, int32_t columns) \
    {                                                                                                                       \
        for (int32_t r = 0; r < rows; r++) {                                                                                \
            const uint32_t keep = 0u - take[r];                                                                             \
            for (int32_t k = 0; k < columns; k++) {                                                                         \
                const double x = tp_float_of(tp_bits_of(*consolidated++) & keep);                                           \
                *master++ = (code_t)tp_clamp(tp_nearest(x / scale) + zero, lo, hi);                                         \
            }                                                                                                               \
        }                                                                                                                   \
    }

TP_LOAD_REAL(tp_load_rows_f32_i8, int8_t)
TP_LOAD_REAL(tp_load_rows_f32_i16, int16_t)
